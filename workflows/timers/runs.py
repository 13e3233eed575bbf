"""Which timers are under way: what is due is read and called, what is cancelled does not start."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from datetime import UTC, datetime

from workflows.clock import Clock
from workflows.errors import StoreError
from workflows.spawned import Spawned
from workflows.sqlite.operation import Operation
from workflows.sqlite.store import Store
from workflows.timers.call import Calls, Fire, Run
from workflows.timers.overdue import Overdue
from workflows.timers.table import BY_IDS, RUN_OF, Row, due_of, milliseconds
from workflows.timers.window import Entry

__all__ = ["Fire", "Runs"]

_DISK_RETRY = 1.0
_LET_GO = 5.0

_log = logging.getLogger(__name__)


class Runs:
    """Calls what is due, never two calls of one row; `ended` hears when each is due again, if it is."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        fire: Fire,
        most: int,
        ended: Callable[[Entry | None], None],
        overdue: Overdue,
    ) -> None:
        self._store = store
        self._clock = clock
        self._most = most
        self._ended = ended
        self._calls = Calls(store, clock=clock, fire=fire, launched=ended, overdue=overdue)
        self._runs: dict[int, Run] = {}
        self._beside: dict[int, Run] = {}
        """Those that are one of several runs of a timer."""
        self._cancelling: dict[int, list[Entry]] = {}
        """Timers whose cancellation is being written, and runs of them that were not started meanwhile."""
        self._loads: dict[object, set[int]] = {}
        """For each reading of rows, the timers that were cancelled since it began."""
        self._tasks = Spawned(copy_context())  # not the context of whoever happens to wake the scheduler

    def open(self) -> None:
        """From now on times that come are watched; those before were missed."""
        self._calls.open()

    def free(self) -> int:
        """How many more may be started now."""
        return 0 if self._calls.closing else max(0, self._most - len(self._runs))

    def start(self, due: Sequence[Entry]) -> None:
        """Calls these, in this order; one that is under way says itself at its end when it is due again."""
        new = {timer: when for when, timer in due if timer not in self._runs}
        for timer in new:
            self._runs[timer] = Run(wanted=timer not in self._cancelling)
        if new:
            self._tasks.spawn(self._load(new))

    def wanted(self, timer: int) -> bool:
        """A call of it that is under way was not cancelled before it did anything."""
        return all(run.goes_on for run in self._of(timer))

    async def cancel(self, timer: int, deletion: Operation[int]) -> bool:
        """Deletes the row. From now on no callback starts for it; false when its only one has started."""
        run = self._runs.get(timer)
        self._want(timer, False)
        self._cancelling.setdefault(timer, [])
        for cancelled in self._loads.values():
            cancelled.add(timer)
        try:
            deleted = await self._store.write(deletion)
        except BaseException:
            self._want(timer, True)
            for cancelled in self._loads.values():
                cancelled.discard(timer)
            for entry in (*self._cancelling.pop(timer, ()), (milliseconds(self._now()), timer)):
                self._ended(entry)  # perhaps it is still there: look
            raise
        self._cancelling.pop(timer, None)
        started = None if run is None else run.started
        return deleted > 0 and (started is None or started.kind != "once")

    async def close(self, grace: float) -> None:
        """Starts nothing more; what runs on after `grace` seconds is cut off, and called again next time."""
        self._calls.closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LET_GO)

    async def _load(self, due: dict[int, int]) -> None:
        reading = object()
        cancelled = self._loads[reading] = set(self._cancelling)
        try:
            with self._clock.busy():
                rows = {row[0]: row for row in await self._read(list(due))}
        finally:
            del self._loads[reading]
        for timer, when in due.items():
            row = rows.get(timer)
            if row is None or self._calls.closing:
                self._end(timer, None)
            elif due_of(row) != when:
                self._end(timer, (due_of(row), timer))
            elif row[RUN_OF] in cancelled:
                self._cancelling.get(row[RUN_OF], []).append((when, timer))
                self._end(timer, None)
            else:
                self._begin(row, self._runs[timer])

    async def _read(self, timers: list[int]) -> list[Row]:
        while not self._calls.closing:
            try:
                return await self._store.read(BY_IDS, (json.dumps(timers),))
            except (StoreError, sqlite3.Error) as error:
                _log.warning("%d due timers could not be read: %s", len(timers), error)
                await self._clock.sleep(_DISK_RETRY)
        return []

    def _begin(self, row: Row, run: Run) -> None:
        run.of = row[RUN_OF]
        if run.of is not None:
            self._beside[row[0]] = run
        self._tasks.spawn(self._run(row, run))

    async def _run(self, row: Row, run: Run) -> None:
        timer_id: int = row[0]
        next_entry: Entry | None = None
        try:
            with self._clock.busy():
                next_entry = await self._calls.carry_out(row, run)
        finally:
            self._end(timer_id, next_entry)

    def _end(self, timer: int, entry: Entry | None) -> None:
        del self._runs[timer]
        self._beside.pop(timer, None)
        self._ended(entry)

    def _of(self, timer: int) -> Iterator[Run]:
        if timer in self._runs:
            yield self._runs[timer]
        yield from (run for run in self._beside.values() if run.of == timer)

    def _want(self, timer: int, wanted: bool) -> None:
        for run in self._of(timer):
            run.wanted = wanted

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)
