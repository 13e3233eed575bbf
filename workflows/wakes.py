"""Which parked instances wake next, and the waking of them: those whose due has come, or whose event.

A parked instance is a row. In memory are only the dues of the next few thousand.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

from workflows.clock import Alarm, Clock
from workflows.errors import StoreError
from workflows.ledger import Ledger
from workflows.spawned import Spawned
from workflows.timers.window import Load, Window

__all__ = ["Wakes"]

log = logging.getLogger("workflows")

_WINDOW = 10_000
_AT_ONCE = 500
"""Instances that are loaded together; the next ones follow when these have been started."""
_AGAIN = 1.0


class Wakes:
    """Calls `rouse(incarnations)` for parked instances whose wait is over, some hundreds at a time."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        rouse: Callable[[list[int]], Awaitable[None]],
        *,
        window: int = _WINDOW,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._rouse = rouse
        self._capacity = window
        self._workflows: frozenset[str] = frozenset()
        self._window = self._new_window()
        self._woken: deque[int] = deque()
        """Those of which an event has come."""
        self._alarm: Alarm | None = None
        self._rousing: asyncio.Task[None] | None = None
        self._open = False
        self.tasks = Spawned()
        """Instances do not see the context variables of whoever wakes them."""

    async def open(self, workflows: Iterable[str]) -> None:
        """From now on parked instances of these workflows wake; what was due before wakes now."""
        self._workflows = frozenset(workflows)
        self._window = self._new_window()
        self._open = True
        load = self._window.begin_load()
        assert load is not None, "a new window is empty"
        await self._load(self._window, load)

    def close(self) -> None:
        """Nobody is woken any more; the rows stay as they are."""
        self._open = False
        self._woken.clear()
        self._look()

    def parked(self, incarnation: int, due: float) -> None:
        """It is a row now, durably, and wakes when `due` has come, if it is finite."""
        if due < math.inf:
            self._window.offer((due, incarnation))
            self._look()

    def wake(self, *incarnations: int) -> None:
        """An event has come that each of them waits for."""
        self._woken.extend(incarnations)
        self._begin()

    def forget(self, incarnation: int) -> None:
        """It is not parked any more."""
        self._window.forget(incarnation)
        self._look()

    def _look(self) -> None:
        """Sets the alarm to the next due."""
        due = self._window.next_due if self._open and self._rousing is None else None
        if self._alarm is not None:
            if self._alarm.when == due:
                return
            self._alarm.cancel()
        self._alarm = None if due is None else self._clock.call_at(due, self._is_due)

    def _is_due(self) -> None:
        self._alarm = None
        self._begin()

    def _begin(self) -> None:
        if self._open and self._rousing is None:
            self._rousing = self.tasks.spawn(self._rouse_all())

    async def _rouse_all(self) -> None:
        try:
            while self._open and (batch := self._batch()):
                await self._rouse(batch)
        finally:
            self._rousing = None
            self._look()

    def _batch(self) -> list[int]:
        """Half of it is for what is due, half for those whose event has come; either may leave some over."""
        now = self._clock.now()
        batch = [one for _, one in self._window.take(now, _AT_ONCE // 2)]
        batch += [self._woken.popleft() for _ in range(min(_AT_ONCE - len(batch), len(self._woken)))]
        batch += [one for _, one in self._window.take(now, _AT_ONCE - len(batch))]
        load = self._window.begin_load()
        if load is not None:
            self.tasks.spawn(self._load(self._window, load))
        return batch

    async def _load(self, window: Window[float], load: Load[float]) -> None:
        while (found := await self._read(load)) is None:
            await self._clock.sleep(_AGAIN)
        window.end_load(found)
        self._look()

    async def _read(self, load: Load[float]) -> list[tuple[float, int]] | None:
        """None: try again; the window of an engine that is closing gets nothing."""
        if not self._open:
            return []
        try:
            return await self._ledger.wakes(self._workflows, load.after, load.room)
        except (StoreError, sqlite3.Error) as error:
            log.warning("the instances that wake next could not be read: %s", error)
            return None

    def _new_window(self) -> Window[float]:
        return Window(self._capacity, before_all=-math.inf, per_second=1)
