"""What all tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

# The machine is shared: how long one example takes says nothing. `settings.default` is hypothesis's own "ci"
# profile where CI is set.
settings.register_profile("shared machine", parent=settings.default, deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The project is asyncio only."""
    return "asyncio"
