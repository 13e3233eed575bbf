"""What was due before this process: a call of it may have ended the process before.

Each such call is counted before it is made, and the count goes when the call ends. What came to nothing with
some processes is suspect: it is called after the others, and one at a time, so that who ends the process is
told apart from who was there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime

from workflows.clock import Clock
from workflows.errors import NonRetryableError
from workflows.timers.timer import Timer

__all__ = ["EndsItsProcess", "Overdue"]


class EndsItsProcess(NonRetryableError):
    """The process died each time that this was called."""

    def __init__(self, deaths: int) -> None:
        super().__init__(
            f"{deaths} processes in a row have died while it was called, the last one with no other overdue "
            "call under way: see what it does, then redrive it"
        )


class Overdue:
    """The calls that were due before this process. `after` so many deaths one is given up; None: never."""

    def __init__(self, clock: Clock, after: int | None) -> None:
        self._clock = clock
        self._after = after
        self._others = 0
        self._no_others = asyncio.Event()
        self._no_others.set()
        self._alone = asyncio.Lock()

    def counted(self, timer: Timer, opened: datetime) -> Timer:
        """As it is to be called; counted, when it may have been under way as the process before ended.

        Raises `EndsItsProcess` for one that is given up.
        """
        if self._after is None or timer.due >= opened:
            return timer
        if timer.vain >= self._after:
            raise EndsItsProcess(timer.vain)
        return replace(timer, vain=timer.vain + 1)

    @asynccontextmanager
    async def turn(self, timer: Timer) -> AsyncIterator[None]:
        """While it is called: a suspect waits until no other is under way."""
        if not timer.vain:
            yield
        elif self._after is None or timer.vain < self._after:
            with self._beside_others():
                yield
        else:
            await asyncio.sleep(0)  # those that are due with it come first
            with self._clock.waiting():
                await self._alone.acquire()
            try:
                with self._clock.waiting():
                    await self._no_others.wait()
                yield
            finally:
                self._alone.release()

    @contextmanager
    def _beside_others(self) -> Iterator[None]:
        self._others += 1
        self._no_others.clear()
        try:
            yield
        finally:
            self._others -= 1
            if not self._others:
                self._no_others.set()
