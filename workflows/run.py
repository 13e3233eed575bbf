"""One call of `run()`: what its steps share, and how each of them is performed.

A run ends in one of two ways: `run()` returns or raises, or it is let go, because its lease is gone, the
engine stops, a step ended the instance past every `except`, or it is parked. A run that is let go records
nothing more: its tasks are cancelled, or unwound by `Park`, and so is a step that is called all the same.

When an error ends it and a step that has started can be undone, the attempts that run end first; nothing else
starts meanwhile. Another run, which finds the compensations by a replay, undoes the steps (see `undo.py`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NoReturn, TypeVar

from workflows import failure
from workflows.backend import (
    Activation,
    Awaited,
    Errored,
    Halted,
    NewMoment,
    Outcome,
    Parked,
    Rollback,
    Stopped,
)
from workflows.clock import Clock
from workflows.entry import Entry, Smooth, State
from workflows.errors import CannotDecode, Fenced, WorkflowError, WorkflowFatalError
from workflows.failure import Rebuildable
from workflows.inside import INSIDE, enclosing
from workflows.marks import StartMarks
from workflows.names import Names
from workflows.nested import used_up
from workflows.operation import Limits, Operation
from workflows.parking import Parking
from workflows.rehearsal import Rehearsal, Rehearsals
from workflows.retry import undoable
from workflows.sqlite.store import Store
from workflows.streams.stream import Whole
from workflows.tasks import Park, RunTasks
from workflows.threads import Threads
from workflows.waits import Waits

__all__ = ["Run"]

T = TypeVar("T")

log = logging.getLogger("workflows")


class Run:
    """The state that the steps of one `run()` share."""

    def __init__(
        self,
        activation: Activation,
        *,
        clock: Clock,
        threads: Threads,
        marks: StartMarks,
        parking: Parking,
        classes: Rebuildable,
        limits: Limits,
        rehearsals: Rehearsals,
        store: Store | None,
    ) -> None:
        self.activation = activation
        self.clock = clock
        self.threads = threads
        self.marks = marks
        self.classes = classes
        self.limits = limits
        self.store = store
        self.rehearsals = rehearsals.by_id
        """What tests change in instances; empty in production."""
        self.names = Names(used_up(activation.journal))
        self.waits = Waits(activation, clock, self._waits_changed)
        self.steps = 0
        self.loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Outcome] = self.loop.create_future()
        self.let_go = False
        self.parked = False
        self.closing: Outcome | None = None
        """What it has come to; the attempts that run go on to their end, and nothing else begins."""
        self.admit: Callable[[Operation[Any], bool], Awaitable[None]] | None = None
        """Asked before each step, told whether it is within another one; None: every step may go on."""
        self.tasks: set[asyncio.Task[Any]] = set()
        """Tasks that are inside a step now."""
        self.made = RunTasks()
        """All tasks that the run has made, and its first one."""
        self._parking = parking
        self._refused: set[asyncio.Task[Any]] = set()
        self._gate: list[asyncio.Future[None]] = []
        self._ordinal = max((entry.ordinal for entry in activation.journal.values()), default=0)
        activation.waiting = activation.late = 0  # a parked run has left them as they were
        activation.listen(self._changed, lambda: marks.now(self))

    @property
    def over(self) -> bool:
        """`run()` has returned or raised, and whoever drives it knows."""
        return self.closing is not None and self.ended.done()

    @property
    def rehearsal(self) -> Rehearsal | None:
        """What a test changes in this instance; None in production."""
        return self.rehearsals.get(self.activation.ref[:2]) if self.rehearsals else None

    async def perform(self, operation: Operation[T]) -> T:
        """One step, from its call to what its caller gets; the same path on the first run and on a replay."""
        task = asyncio.current_task(self.loop)
        assert task is not None
        if self.let_go or (self.closing is not None and self.ended.done() and INSIDE.get() is self.made):
            await self._turn_away(task)
        within = task in self.tasks
        self.tasks.add(task)
        try:
            if self.closing is not None:
                await self._refuse(within)
            elif self.admit is not None:
                await self.admit(operation, within)
            entry = self.activation.journal.get(operation.key)
            if entry is None or not entry.ended:
                entry = await self._live(operation, entry)
            outcome = operation.outcome(entry)
            return await outcome.value() if isinstance(outcome, Whole) else outcome
        except CannotDecode as error:
            self.end(Halted(f'what is stored for step "{operation.key}" cannot be read: {error}'))
            raise asyncio.CancelledError from None
        finally:
            if not within:
                self.tasks.discard(task)
            self.names.waited(task)
            if self.waits.under_way:
                self._waits_changed()

    def record(
        self, entry: Entry, *moments: NewMoment, consume: int | None = None
    ) -> Coroutine[Any, Any, None]:
        """Writes `entry`, and what has happened; see `write`."""
        return self.write(entry, moments, consume)

    async def write(
        self,
        entry: Entry,
        moments: Sequence[NewMoment] | Smooth,
        consume: int | None = None,
        last: bool = False,
    ) -> None:
        """Durable when awaited; `last` ends an attempt, which is under way until then."""
        try:
            if self.let_go:
                raise self._refusal()
            self.activation.journal[entry.key] = entry
            await self.activation.record(entry, moments, consume=consume)
        except Exception as error:  # noqa: BLE001  # whatever the backend has, the run cannot go on
            self._not_written(error)
            raise asyncio.CancelledError from None
        finally:
            if last:
                self.attempt_ended()

    async def begin_wait(self, operation: Operation[object], entry: Entry) -> None:
        """Records that a sleep or a wait has started, or takes up one that was recorded or cut."""
        if started := operation.unseen.copy():
            operation.unseen.clear()
            await self.record(entry, *started)
        elif entry.state is State.CUT:
            entry.state = State.WAITING
            await self.record(entry)

    def note(self, entry: Entry, moments: list[NewMoment]) -> None:
        """Writes `entry` without waiting for it."""
        if self.let_go:
            return
        self.activation.journal[entry.key] = entry
        self.heed(asyncio.ensure_future(self.activation.record(entry, moments)))

    def heed(self, written: asyncio.Future[Any]) -> None:
        """The run ends when something that nobody may await could not be written."""
        written.add_done_callback(self._noted)

    @property
    def shut(self) -> bool:
        """Who goes on has to come through the `gate` first."""
        return self.closing is not None or not self.activation.open

    async def gate(self) -> None:
        """Returns while the instance is running: nothing starts, and nobody goes on, while it is paused."""
        if (self.over or self.activation.status == "waitingForPause") and INSIDE.get() is not self.made:
            return  # to the attempt around it, which goes on
        while self.shut:
            opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._gate.append(opened)
            if self.closing is None:
                self.activation.ask()
            self._waits_changed()
            try:
                with self.clock.waiting():
                    await opened
            finally:
                if opened in self._gate:
                    self._gate.remove(opened)

    def moment(self, type: str, **detail: object) -> NewMoment:
        """Something that happens now, for subscribers."""
        return NewMoment(type, self.clock.now(), detail)

    def next_ordinal(self) -> int:
        """The place of a step that starts now."""
        self._ordinal += 1
        return self._ordinal

    def unasked(self) -> tuple[str, ...]:
        """Recorded steps that this run did not ask for, in the order in which they started."""
        taken = self.names.taken
        return tuple(
            str(key) for key, e in self.activation.journal.items() if key not in taken and not e.within
        )

    def attempt_ended(self) -> None:
        """One attempt less is under way."""
        activation = self.activation
        activation.running -= 1
        if activation.running:
            return
        if activation.status == "waitingForPause":
            activation.settle()
        if self.closing is None:
            return
        if self.over:
            self.end(Stopped())
        else:
            self.ended.set_result(self.closing)

    def finish(self, outcome: Outcome) -> None:
        """What `run()` has come to; with something to undo, a failure waits for the attempts that run."""
        if self.closing is not None or self.ended.done():
            return
        if isinstance(outcome, Errored) and self._is_undoable():
            outcome = Rollback(outcome.error, outcome.unasked)
        self.closing = outcome
        if not (isinstance(outcome, Rollback) and self.activation.running):
            self.ended.set_result(outcome)

    async def hold(self) -> None:
        """Keeps the step that was called from going on, until it is cancelled or the run is let go."""
        with self.clock.waiting():
            await asyncio.get_running_loop().create_future()

    def end(self, outcome: Outcome) -> None:
        """Ends the run past all that it may catch: its tasks are cancelled, nothing more is recorded."""
        if self.let_go:
            return  # a second cancellation would reach their cleanup
        self.let_go = True
        if not self.ended.done():
            self.ended.set_result(outcome)
        self._parking.goes_on(self)
        self.made.cancel()
        for task in list(self.tasks):
            if task not in self.made:
                task.cancel()

    def dissolve(self) -> None:
        """No task of it is left: nothing refers back to it any more, so it is freed without a collection."""
        self.activation.listen(None)
        self.waits.close()
        self.names.close()
        self.admit = None

    def parkable(self) -> bool:
        """See `Hot.parkable`: each step under way only waits, in a task of its own."""
        status = self.activation.status
        if self.let_go or self.ended.done() or self.closing is not None or self.activation.running:
            return False
        paused = status == "paused"
        waiting = len(self.waits.under_way) + (len(self._gate) if paused else 0)
        return (
            0 < waiting == len(self.tasks)
            and (paused or (status == "running" and self.waits.none_is_over()))
            and all(task in self.made for task in self.tasks)
        )

    def blocked(self) -> bool:
        """See `Hot.blocked`."""
        return self.made.blocked()

    def park(self) -> None:
        """See `Hot.park`: what is recorded is all that is left of this run."""
        waits = self.waits.park()
        waits += [Awaited(0.0) for _ in self._gate]  # over as soon as the instance is resumed
        self.let_go = self.parked = True
        self.ended.set_result(Parked(tuple(waits)))
        self.made.leave()

    def end_with(self, error: WorkflowError) -> NoReturn:
        """Ends the instance as errored."""
        outcome = Errored(failure.dump(error, self.classes))
        if self._is_undoable():
            self.finish(outcome)
        else:
            self.end(outcome)
        raise asyncio.CancelledError

    def _is_undoable(self) -> bool:
        return any(entry.attempts and undoable(entry.config) for entry in self.activation.journal.values())

    async def _refuse(self, within: bool) -> None:
        """An attempt that goes on to its end is told so; nobody else has anything to go on to."""
        if not within:
            await self.hold()
        when = "during rollback phase" if isinstance(self.closing, Rollback) else "after run() has ended"
        raise WorkflowFatalError(f"Cannot execute steps {when}")

    async def _live(self, operation: Operation[object], entry: Entry | None) -> Entry:
        activation = self.activation
        if self.closing is not None or not activation.open:
            await self.gate()
        is_new = entry is None
        if entry is None:
            entry = activation.journal[operation.key] = operation.started()
            entry.within = enclosing()
        begun = self.clock.now()
        try:
            if not is_new and entry.cut:
                await self.waits.cut_again(entry, lambda: bool(self._gate))
            if entry.state is State.MISSED:
                entry.state = State.DONE if entry.error is None else State.FAILED
                await self.record(entry)
            else:
                await operation.live(entry)
            if not activation.open:
                await self.gate()
        except asyncio.CancelledError:
            if not self.let_go:
                await self._cut(entry, self.clock.now() - begun, operation.unseen)
            raise
        return entry

    async def _cut(self, entry: Entry, lasted: float, unseen: list[NewMoment]) -> None:
        """Records that the step was cancelled from outside; a second cancellation does not stop that."""
        entry.state, entry.lasted = State.MISSED if entry.ended else State.CUT, lasted
        self.activation.journal[entry.key] = entry
        written = asyncio.ensure_future(self.activation.record(entry, unseen))
        while not written.done():
            try:
                await asyncio.wait((written,))
            except asyncio.CancelledError:
                continue
        self._noted(written)

    def _noted(self, written: asyncio.Future[Any]) -> None:
        error = None if written.cancelled() else written.exception()
        if error is not None:
            self._not_written(error)

    def _not_written(self, error: BaseException) -> None:
        """The lease is gone, or the backend cannot write: nothing that follows would be true."""
        if not isinstance(error, Fenced) and not self.ended.done():
            self.ended.set_exception(error)
        self.end(Stopped())

    async def _turn_away(self, task: asyncio.Task[Any]) -> NoReturn:
        """A step that is called when the run is over."""
        if task in self._refused:  # it caught the first refusal; a loop around the step must not spin
            self.made.give_up(task)
            await asyncio.get_running_loop().create_future()
        self._refused.add(task)
        raise self._refusal()

    def _refusal(self) -> BaseException:
        return Park() if self.parked else asyncio.CancelledError()

    def _waits_changed(self) -> None:
        if (self.waits.under_way or self._gate) and not self.ended.done():
            self._parking.waits(self)
        else:
            self._parking.goes_on(self)

    def _changed(self) -> None:
        """The backend says: look again."""
        if not self.activation.lease_ok():
            self.end(Stopped())
        elif self.activation.open:
            opened, self._gate = self._gate, []
            for waiter in opened:
                if not waiter.done():
                    waiter.set_result(None)
        self.waits.look()
        self._waits_changed()
