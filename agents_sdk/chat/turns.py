"""The accepted turns of one chat: one runs at a time, in the order of their acceptance."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

from agents_sdk.chat.accepted import Accepted
from agents_sdk.chat.life import Life
from agents_sdk.chat.resume import Expected
from workflows import Clock

__all__ = ["Turns"]


class Turns:
    """The agent lives while there are any."""

    def __init__(self, life: Life, clock: Clock, run: Callable[[Accepted], Awaitable[None]]) -> None:
        """`run` runs a turn to its end."""
        self._life = life
        self._clock = clock
        self._run = run
        self._queue: list[Accepted] = []
        self._running: asyncio.Task[None] | None = None
        self._resting = False
        self._stable = asyncio.Event()
        self._stable.set()
        self.active: Accepted | None = None

    def __iter__(self) -> Iterator[Accepted]:
        return iter([self.active, *self._queue] if self.active is not None else [*self._queue])

    @property
    def queued(self) -> list[Accepted]:
        """Those that have not begun."""
        return [*self._queue]

    def expected(self) -> list[Expected]:
        """Those of which nothing was sent yet."""
        return [one.expected for one in self if one.expected is not None]

    def find(self, request: str) -> Accepted | None:
        """The unfinished turn that runs under this id, or was accepted under it."""
        return next((one for one in self if request in (one.kept.request, one.kept.first)), None)

    def add(self, turn: Accepted, *, first: bool = False) -> None:
        """It is run when it is ready, after those that are here, or before those that wait."""
        self._queue.insert(0 if first else len(self._queue), turn)
        self._stable.clear()
        if self._running is None and not self._resting:
            self._running = self._life.spawn(self._run_all())

    def drop(self, turn: Accepted) -> None:
        """One that has not begun is not run."""
        self._queue.remove(turn)
        if turn.ready is not turn.stored:
            turn.ready.cancel()

    def put_back(self, turns: Sequence[Accepted]) -> None:
        """Turns that were dropped are run after all, before those that have come since."""
        for turn in reversed(turns):
            self.add(turn, first=True)

    def rest(self) -> None:
        """No other turn begins in this life: those that wait are run in the next one."""
        self._resting = True

    async def stable(self) -> None:
        """Returns when there are none."""
        while not self._stable.is_set():  # whoever is woken first may add one
            with self._clock.waiting():
                await self._stable.wait()

    async def _run_all(self) -> None:
        try:
            while (turn := await self._next()) is not None:
                self._queue.remove(turn)
                self.active = turn
                try:
                    await self._run(turn)
                except Exception as error:  # noqa: BLE001  # its row stays, and it is taken up by the next life
                    turn.end("error", str(error))
                    await self._life.report(error)
                finally:
                    self.active = None
        finally:
            self._running = None
            if not self._queue:
                self._stable.set()

    async def _next(self) -> Accepted | None:
        """The first one, when it is ready; while that is awaited, another one may come before it."""
        while self._queue:
            turn = self._queue[0]
            with self._clock.waiting():
                await asyncio.wait([turn.ready])
            if self._resting:
                return None
            if self._queue[:1] == [turn]:
                return turn
        return None
