"""One call of a timer: from a row that is due to the write that says it was done."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from workflows.clock import Clock
from workflows.errors import InvalidCron, NonRetryableError, StoreError, StoreFailed, TryAgain
from workflows.failpoint import failpoint
from workflows.sqlite.operation import Operation
from workflows.sqlite.store import Store
from workflows.timers.overdue import EndsItsProcess, Overdue
from workflows.timers.rules import Advance, Again, GiveUp, after_failure, after_launch, after_success, to_do
from workflows.timers.side_by_side import Launched, end_run, launch
from workflows.timers.table import (
    DamagedTimer,
    Row,
    advance,
    again,
    begin,
    bury,
    count,
    delete,
    from_row,
    milliseconds,
    uncount,
)
from workflows.timers.timer import Timer
from workflows.timers.window import Entry

__all__ = ["Calls", "Fire", "Run"]

T = TypeVar("T")

Fire = Callable[[Timer], Awaitable[None]]
"""What is called when a timer is due; it may be called twice for one nominal time, after a crash."""

_DISK_RETRY = 1.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Run:
    """One row between being due and being written."""

    wanted: bool = True
    """Nobody has cancelled it."""
    started: Timer | None = None
    """What the callback was given."""
    of: int | None = None
    """The timer of which this is one run, beside others."""

    @property
    def goes_on(self) -> bool:
        """It was not cancelled; or in vain, as its only call had started."""
        return self.wanted or (self.started is not None and self.started.kind == "once")


class Calls:
    """Calls what is due; `launched` hears of runs that are due beside their timer."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        fire: Fire,
        launched: Callable[[Entry], None],
        overdue: Overdue,
    ) -> None:
        self._store = store
        self._clock = clock
        self._fire = fire
        self._launched = launched
        self._overdue = overdue
        self._limited: set[int] = set()
        self._opened = self._now()
        self.closing = False

    def open(self) -> None:
        """From now on times that come are watched; those before were missed."""
        self._opened = self._now()

    async def carry_out(self, row: Row, run: Run) -> Entry | None:
        """Calls it as its policy says, and writes that down; when it is due again, if it is."""
        try:
            timer = from_row(row)
        except (InvalidCron, DamagedTimer) as error:
            _log.error("timer %d is dead: %s", row[0], error)
            return await self._record(row[0], bury(row[0], attempt=0, error=str(error)), None)
        began = self._now()
        decided = to_do(timer, now=began, opened=self._opened, limited=timer.id in self._limited)
        if timer.recurs and timer.policy.catchup == "all":
            self._limited.add(timer.id)
        if isinstance(decided, Advance):
            return await self._advance(timer, decided, None)
        called = replace(timer, nominal=decided.nominal, attempt=decided.attempt)
        if timer.recurs and timer.policy.overlap == "allow":
            return await self._launch(called, decided.skipped)
        try:
            called = self._overdue.counted(called, self._opened)
        except EndsItsProcess as error:
            return await self._failed(called, error, began)
        async with self._overdue.turn(called):
            return await self._call(called, run, began, skipped=decided.skipped)

    async def _call(self, timer: Timer, run: Run, began: datetime, *, skipped: int) -> Entry | None:
        if not await self._begun(timer, skipped):
            return None
        if not run.wanted or self.closing:
            self._let_go(timer)
            return None
        run.started = timer
        return await self._called(timer, await self._fired(timer), began)

    async def _called(self, timer: Timer, failure: Exception | None, began: datetime) -> Entry | None:
        if failure is not None and self.closing:  # perhaps as what it needs has ended before it
            _log.warning("%s: failed while all ends, it comes again: %r", _named(timer), failure)
            self._let_go(timer)
            return None
        if failure is not None:
            return await self._failed(timer, failure, began)
        done = after_success(timer, began=began, ended=self._now())
        if done is None:
            return await self._record(timer.id, _done(timer, None), None)
        return await self._advance(timer, done, None)

    async def _begun(self, timer: Timer, skipped: int) -> bool:
        """Writes what is to be known of its call after a crash; false when it is nobody's any more."""
        if timer.recurs:
            return bool(await self._written(timer.id, begin(timer, skipped=skipped)))
        return not timer.vain or bool(await self._written(timer.id, count(timer)))

    def _let_go(self, timer: Timer) -> None:
        """This process ends in order, so it was not ended by the call."""
        if timer.vain:
            self._store.write(uncount(timer))

    async def _launch(self, timer: Timer, skipped: int) -> Entry | None:
        to = replace(after_launch(timer), skipped=skipped)
        launched: Launched | None = await self._written(timer.id, launch(timer, to, self._now()))
        if launched is None:
            return None
        if launched.run is not None:
            self._launched(launched.run)
        elif launched.timer is not None:
            _log.warning("%s: too many of its runs are under way, it waits", _named(timer))
        return launched.timer

    async def _fired(self, timer: Timer) -> Exception | None:
        shown = timer if timer.run_of is None else replace(timer, id=timer.run_of)
        try:
            failpoint("timer.due")
            await self._fire(shown)
            failpoint("timer.called")
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                self._let_go(timer)
                raise  # this call is cut off from outside: it comes again
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
            case GiveUp() if timer.run_of is not None:
                _log.error("%s: given up for %s: %s", _named(timer), timer.nominal, text, exc_info=error)
                return await self._record(timer.id, _done(timer, text), None)
            case GiveUp():
                _log.error("%s: dead after %d attempts", _named(timer), timer.attempt, exc_info=error)
                return await self._record(timer.id, bury(timer.id, attempt=timer.attempt, error=text), None)

    async def _advance(self, timer: Timer, to: Advance, error: str | None) -> Entry | None:
        if to.skipped:
            _log.warning("%s: still running when due again, %d times skipped", _named(timer), to.skipped)
        return await self._record(
            timer.id, advance(timer.id, to, error=error), (milliseconds(to.due), timer.id)
        )

    async def _record(self, timer: int, operation: Operation[int], entry: Entry | None) -> Entry | None:
        """Writes what became of a call; `entry` when its row is still there."""
        return entry if await self._written(timer, operation) else None

    async def _written(self, timer: int, operation: Operation[T]) -> T | None:
        """What a write gave, after waiting for a full disk; None when it cannot be written any more."""
        while True:
            try:
                result = await self._store.write(operation)
                failpoint("timer.recorded")
            except StoreError as error:
                _log.error("what timer %d did could not be written, it may come again: %s", timer, error)
                if isinstance(error, StoreFailed) or self.closing:
                    return None
                await self._clock.sleep(_DISK_RETRY)
            else:
                return result

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)


def _done(timer: Timer, error: str | None) -> Operation[int]:
    return delete(timer.id) if timer.run_of is None else end_run(timer, error=error)


def _named(timer: Timer) -> str:
    return f"timer {timer.run_of or timer.id} ({timer.owner} {timer.method})"
