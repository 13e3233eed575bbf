"""Who needs an agent, and for how long nobody has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workflows import Clock

__all__ = ["Pins"]


class Pins:
    """Calls `idle` once nobody has been inside `pinned` for so many seconds; again only after `wait_anew`."""

    def __init__(self, clock: Clock, seconds: float, idle: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._idle = idle
        self._inside = 0
        self._nobody = asyncio.Event()
        self._nobody.set()
        self.wait_anew()

    def __bool__(self) -> bool:
        """Somebody is inside."""
        return self._inside > 0

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Inside, it is not idle; from the end of the last one on, the time begins anew."""
        self._inside += 1
        self._nobody.clear()
        self._alarm.cancel()
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                self._nobody.set()
                self.wait_anew()

    async def nobody(self) -> None:
        """Returns when nobody is inside."""
        while self._inside:  # between the end of one and now, another one may have come in
            await self._nobody.wait()

    def wait_anew(self) -> None:
        """The time begins now."""
        self._alarm = self._clock.call_at(self._clock.now() + self._seconds, self._idle)

    def close(self) -> None:
        """`idle` is not called any more."""
        self._alarm.cancel()
