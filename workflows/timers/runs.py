"""Calls of timers that are under way: from a row that is due to the write that says it was done."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from workflows.clock import Clock
from workflows.errors import InvalidCron, NonRetryableError, StoreError, StoreFailed, TryAgain
from workflows.failpoint import failpoint
from workflows.sqlite.operation import Operation
from workflows.sqlite.store import Store
from workflows.timers.rules import Advance, Again, GiveUp, after_failure, after_success, to_do
from workflows.timers.table import BY_IDS, Row, advance, again, bury, delete, due_of, from_row, milliseconds
from workflows.timers.timer import Timer
from workflows.timers.window import Entry

__all__ = ["Fire", "Runs"]

Fire = Callable[[Timer], Awaitable[None]]
"""What is called when a timer is due; it may be called twice for one nominal time, after a crash."""

_DISK_RETRY = 1.0
_LET_GO = 5.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """One timer between being due and being written."""

    wanted: bool = True
    """Nobody has cancelled it."""
    started: Timer | None = None
    """What the callback was given."""


class Runs:
    """Calls what is due, never two calls of one timer; `ended` hears when each is due again, if it is."""

    def __init__(
        self, store: Store, *, clock: Clock, fire: Fire, most: int, ended: Callable[[Entry | None], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._fire = fire
        self._most = most
        self._ended = ended
        self._opened = self._now()
        self._context = copy_context()
        self._runs: dict[int, _Run] = {}
        self._unwanted: set[int] = set()
        self._limited: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def open(self) -> None:
        """From now on times that come are watched; those before were missed."""
        self._opened = self._now()

    def free(self) -> int:
        """How many more may be started now."""
        return 0 if self._closing else max(0, self._most - len(self._runs))

    def start(self, due: Sequence[Entry]) -> None:
        """Calls these, in this order; one that is under way says itself at its end when it is due again."""
        new = {timer: when for when, timer in due if timer not in self._runs}
        for timer in new:
            self._runs[timer] = _Run(wanted=timer not in self._unwanted)
        if new:
            self._spawn(self._load(new))

    async def cancel(self, timer: int, deletion: Operation[int]) -> bool:
        """Deletes the row. From now on no callback starts for it; false when its only one has started."""
        run = self._runs.get(timer)
        started = None if run is None else run.started
        if run is not None:
            run.wanted = False
        self._unwanted.add(timer)
        try:
            deleted = await self._store.write(deletion)
        except BaseException:
            if run is not None:
                run.wanted = True
            self._ended((milliseconds(self._now()), timer))  # perhaps it is still there: look
            raise
        finally:
            self._unwanted.discard(timer)
        return deleted == 1 and (started is None or started.kind != "once")

    async def close(self, grace: float) -> None:
        """Starts nothing more; what runs on after `grace` seconds is cut off, and called again next time."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LET_GO)

    async def _load(self, due: dict[int, int]) -> None:
        with self._clock.busy():
            rows = {row[0]: row for row in await self._read(list(due))}
        for timer, when in due.items():
            row = rows.get(timer)
            if row is None or self._closing:
                self._end(timer, None)
            elif due_of(row) != when:
                self._end(timer, (due_of(row), timer))
            else:
                self._spawn(self._run(row, self._runs[timer]))

    async def _read(self, timers: list[int]) -> list[Row]:
        while not self._closing:
            try:
                return await self._store.read(BY_IDS, (json.dumps(timers),))
            except (StoreError, sqlite3.Error) as error:
                _log.warning("%d due timers could not be read: %s", len(timers), error)
                await self._clock.sleep(_DISK_RETRY)
        return []

    async def _run(self, row: Row, run: _Run) -> None:
        timer_id: int = row[0]
        next_entry: Entry | None = None
        try:
            with self._clock.busy():
                next_entry = await self._call(row, run)
        finally:
            self._end(timer_id, next_entry)

    async def _call(self, row: Row, run: _Run) -> Entry | None:
        try:
            timer = from_row(row)
        except InvalidCron as error:
            return await self._record(row[0], bury(row[0], attempt=0, error=str(error)), None)
        began = self._now()
        decided = to_do(timer, now=began, opened=self._opened, limited=timer.id in self._limited)
        if timer.catchup == "all" and timer.kind != "once":
            self._limited.add(timer.id)
        if isinstance(decided, Advance):
            return await self._advance(timer, decided, None)
        if not run.wanted or self._closing:
            return None
        run.started = called = replace(timer, nominal=decided.nominal, attempt=decided.attempt)
        failure = await self._fired(called)
        if failure is not None:
            return await self._failed(called, failure, began)
        done = after_success(called, began=began, ended=self._now())
        if done is None:
            return await self._record(timer.id, delete(timer.id), None)
        return await self._advance(called, done, None)

    async def _fired(self, timer: Timer) -> Exception | None:
        try:
            failpoint("timer.due")
            await self._fire(timer)
            failpoint("timer.called")
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # this call is cut off from outside: its row stays as it is
            return RuntimeError(f"the callback was cancelled: {error}")
        except Exception as error:  # noqa: BLE001  whatever it is, it is one failed attempt
            return error
        return None

    async def _failed(self, timer: Timer, error: Exception, began: datetime) -> Entry | None:
        text = f"{type(error).__name__}: {error}"
        match after_failure(
            timer,
            began=began,
            ended=self._now(),
            chance=random.uniform(-1, 1),  # noqa: S311  spreads attempts, keeps no secret
            after=error.after if isinstance(error, TryAgain) else None,
            hopeless=isinstance(error, NonRetryableError),
        ):
            case Again(due):
                _log.warning("%s: attempt %d failed: %s", _named(timer), timer.attempt, text)
                return await self._record(
                    timer.id, again(timer, due, error=text), (milliseconds(due), timer.id)
                )
            case Advance() as skipped:
                _log.error("%s: given up for %s: %s", _named(timer), timer.nominal, text, exc_info=error)
                return await self._advance(timer, skipped, text)
            case GiveUp():
                _log.error("%s: dead after %d attempts", _named(timer), timer.attempt, exc_info=error)
                return await self._record(timer.id, bury(timer.id, attempt=timer.attempt, error=text), None)

    async def _advance(self, timer: Timer, to: Advance, error: str | None) -> Entry | None:
        if to.skipped:
            _log.warning("%s: still running when due again, %d times skipped", _named(timer), to.skipped)
        statement = advance(timer.id, to.nominal, skipped=to.skipped, error=error)
        return await self._record(timer.id, statement, (milliseconds(to.nominal), timer.id))

    async def _record(self, timer: int, statement: Operation[int], entry: Entry | None) -> Entry | None:
        """Writes what became of a call, waiting for a full disk; `entry` when its row is still there."""
        while True:
            try:
                changed = await self._store.write(statement)
                failpoint("timer.recorded")
            except StoreError as error:
                _log.error("what timer %d did could not be written, it may come again: %s", timer, error)
                if isinstance(error, StoreFailed) or self._closing:
                    return None
                await self._clock.sleep(_DISK_RETRY)
            else:
                return entry if changed else None

    def _end(self, timer: int, entry: Entry | None) -> None:
        del self._runs[timer]
        self._ended(entry)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        # Not in the context of whoever happened to wake the scheduler.
        task = asyncio.get_running_loop().create_task(work, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)


def _named(timer: Timer) -> str:
    return f"timer {timer.id} ({timer.owner} {timer.method})"
