"""A bell: how a reader of a stream learns that it should look again."""

from __future__ import annotations

import asyncio

from workflows.entry import Key

__all__ = ["Bell"]


class Bell:
    """Of one reader of one step; however often it rings, the reader looks once."""

    __slots__ = ("_rung", "anew", "error", "key", "over")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.over = False
        """The step or the instance has ended: nothing follows what is there now."""
        self.anew = False
        """The instance began anew, and its steps with it."""
        self.error: Exception | None = None
        """Why the reader would wait in vain."""
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is something to look at."""
        self._rung.set()

    async def rung(self) -> None:
        """Returns when it has been rung since the last time."""
        await self._rung.wait()
        self._rung.clear()
