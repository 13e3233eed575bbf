"""One call of `run()`: what its steps share, and how each of them is performed.

A run ends in one of two ways: `run()` returns or raises, or it is let go, because its lease is gone, the
engine stops, or a step ended the instance past every `except`. A run that is let go records nothing more: its
tasks are cancelled, and a step that is called all the same raises CancelledError.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeVar
from weakref import WeakSet

from workflows import failure
from workflows.backend import Activation, Errored, Halted, NewMoment, Outcome, Stopped
from workflows.clock import Clock
from workflows.entry import Entry, Key, State
from workflows.errors import CannotDecode, Fenced, WorkflowError
from workflows.failure import Rebuildable
from workflows.marks import StartMarks
from workflows.names import Names
from workflows.waits import Waits

__all__ = ["Limits", "Operation", "Run"]

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")

log = logging.getLogger("workflows")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one instance may use."""

    steps: int = 10_000
    """Calls of `step.do` in one run."""
    value: int = 1 << 20
    """Bytes of a result, an event, params or the output, as they are stored."""


class Operation(Protocol[T_co]):
    """What a kind of step does; `Run.perform` does the rest."""

    key: Key
    unseen: list[NewMoment]
    """What has happened and is not recorded yet."""

    def started(self) -> Entry:
        """A new entry, when none is recorded; raises what is wrong with the call."""

    async def live(self, entry: Entry) -> None:
        """Goes on from `entry` until it is ended, recording it on the way."""

    def outcome(self, entry: Entry) -> T_co:
        """What the caller gets of an ended entry, on the first run and on every replay."""


class Run:
    """The state that the steps of one `run()` share."""

    def __init__(
        self,
        activation: Activation,
        *,
        clock: Clock,
        executor: Executor,
        marks: StartMarks,
        classes: Rebuildable,
        limits: Limits,
    ) -> None:
        self.activation = activation
        self.clock = clock
        self.executor = executor
        self.marks = marks
        self.classes = classes
        self.limits = limits
        self.names = Names()
        self.waits = Waits(activation, clock)
        self.steps = 0
        self.ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.let_go = False
        self.tasks: set[asyncio.Task[Any]] = set()
        """Tasks that are inside a step now."""
        self._refused: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._gate: list[asyncio.Future[None]] = []
        self._ordinal = max((entry.ordinal for entry in activation.journal.values()), default=0)
        activation.listen(self._changed)

    async def perform(self, operation: Operation[T]) -> T:
        """One step, from its call to what its caller gets; the same path on the first run and on a replay."""
        task = await self._enter()
        try:
            entry = self.activation.journal.get(operation.key)
            if entry is None or not entry.ended:
                entry = await self._live(operation, entry)
            return operation.outcome(entry)
        except CannotDecode as error:
            self.end(Halted(f'what is stored for step "{operation.key}" cannot be read: {error}'))
            raise asyncio.CancelledError from None
        finally:
            self.tasks.discard(task)
            self.names.waited(task)

    async def record(self, entry: Entry, *moments: NewMoment, consume: int | None = None) -> None:
        """Writes `entry`; durable when this returns."""
        if self.let_go:
            raise asyncio.CancelledError
        self.activation.journal[entry.key] = entry
        try:
            await self.activation.record(entry, moments, consume=consume)
        except Fenced:
            self.end(Stopped())
            raise asyncio.CancelledError from None
        except Exception as error:  # noqa: BLE001  # whatever the backend has, the run cannot go on
            self._fail(error)
            raise asyncio.CancelledError from None

    async def begin_wait(self, operation: Operation[object], entry: Entry) -> None:
        """Records that a sleep or a wait has started, or takes up one that was recorded or cut."""
        if operation.unseen:
            started, operation.unseen = operation.unseen, []
            await self.record(entry, *started)
        elif entry.state is State.CUT:
            entry.state = State.WAITING

    def note(self, entry: Entry, moments: list[NewMoment]) -> None:
        """Writes `entry` without waiting for it."""
        if self.let_go:
            return
        self.activation.journal[entry.key] = entry
        written = asyncio.ensure_future(self.activation.record(entry, moments))
        written.add_done_callback(self._noted)

    async def gate(self) -> None:
        """Returns while the instance is running: nothing starts, and nobody goes on, while it is paused."""
        while not self.activation.open:
            opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._gate.append(opened)
            self.activation.ask()  # last: a slot may be given at once
            with self.clock.waiting():
                await opened

    def moment(self, type: str, **detail: object) -> NewMoment:
        """Something that happens now, for subscribers."""
        return NewMoment(type, self.clock.now(), detail)

    def next_ordinal(self) -> int:
        """The place of a step that starts now."""
        self._ordinal += 1
        return self._ordinal

    def unasked(self) -> tuple[str, ...]:
        """Recorded steps that this run did not ask for, in the order in which they started."""
        return tuple(str(key) for key in self.activation.journal if key not in self.names.taken)

    def end(self, outcome: Outcome) -> None:
        """Ends the run past all that it may catch: its tasks are cancelled, nothing more is recorded."""
        if self.let_go:
            return  # a second cancellation would reach their cleanup
        self.let_go = True
        if not self.ended.done():
            self.ended.set_result(outcome)
        for task in list(self.tasks):
            task.cancel()

    def end_with(self, error: WorkflowError) -> NoReturn:
        """Ends the instance as errored."""
        self.end(Errored(failure.dump(error, self.classes)))
        raise asyncio.CancelledError

    async def _live(self, operation: Operation[object], entry: Entry | None) -> Entry:
        await self.gate()
        if entry is None:
            entry = operation.started()
        begun = self.clock.now()
        try:
            if entry.state is State.CUT:
                await self.waits.cut_again(entry)
            await operation.live(entry)
        except asyncio.CancelledError:
            if not self.let_go and not entry.ended:
                await self._cut(entry, self.clock.now() - begun, operation.unseen)
            raise
        if not self.activation.open:
            await self.gate()
        return entry

    async def _cut(self, entry: Entry, lasted: float, unseen: list[NewMoment]) -> None:
        """Records that the step was cancelled from outside; a second cancellation does not stop that."""
        entry.state, entry.lasted = State.CUT, lasted
        self.activation.journal[entry.key] = entry
        written = asyncio.ensure_future(self.activation.record(entry, unseen))
        while not written.done():
            try:
                await asyncio.wait((written,))
            except asyncio.CancelledError:
                continue
        self._noted(written)

    def _noted(self, written: asyncio.Future[None]) -> None:
        error = None if written.cancelled() else written.exception()
        if isinstance(error, Fenced):
            self.end(Stopped())
        elif error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """The backend cannot write: nothing that follows would be true."""
        if not self.ended.done():
            self.ended.set_exception(error)
        self.end(Stopped())

    async def _enter(self) -> asyncio.Task[Any]:
        task = asyncio.current_task()
        assert task is not None
        if not self.let_go:
            self.tasks.add(task)
            return task
        if task in self._refused:  # it caught the first refusal; a loop around the step must not spin
            await asyncio.get_running_loop().create_future()
        self._refused.add(task)
        raise asyncio.CancelledError

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
