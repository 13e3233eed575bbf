import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"
