"""What a part that works on its own asks of the life that it hangs on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

__all__ = ["Living"]


class Living(Protocol):
    """The host of an agent, for modules on which the class `Agent` stands."""

    def event(self) -> AbstractAsyncContextManager[Any]:
        """The started agent, for one thing that happens to it."""

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Runs `work` beside everything else, and keeps the agent for it."""

    async def report(self, error: Exception) -> object:
        """Tells `on_error`."""
