"""What other parts of the program are to workflows: each serves a place, and is reached by its name."""

from __future__ import annotations

import asyncio
from typing import Any

from workflows.clock import Clock
from workflows.errors import WorkflowError

__all__ = ["Places"]


class Places:
    """The places of an engine, e.g. `agents`, which an `AgentsApp` serves."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._served: dict[str, object] = {}
        self._changed = asyncio.Event()

    def serve(self, place: str, who: object) -> None:
        """From now on until `rest`, workflows that reach for the place get `who`; those that waited, too."""
        if place in self._served:
            raise WorkflowError(f'"{place}" of this engine is served already: stop the one before first')
        self._served[place] = who
        self._changed.set()
        self._changed = asyncio.Event()

    def rest(self, place: str) -> None:
        """Nobody serves the place any more: who reaches for it waits."""
        self._served.pop(place, None)

    async def reach(self, place: str) -> Any:
        """Who serves the place; waits until somebody does."""
        while place not in self._served:
            with self._clock.waiting():
                await self._changed.wait()
        return self._served[place]
