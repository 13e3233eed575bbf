"""What the tests of the agents share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"
