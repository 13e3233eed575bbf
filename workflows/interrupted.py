"""Steps that must not simply run again when a crash fell between their effect and its record.

Such a step writes down that an attempt starts before it calls its function. An attempt that is found so on a
later run was interrupted: nobody here knows whether it happened. What then happens is what today's code says
in `on_interrupted=`; it is not stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from workflows import decision, failure
from workflows.attempt import Attempt
from workflows.backend import InboxEvent
from workflows.callback import CallStyle, style_of
from workflows.decision import Failed, Rerun, Succeeded
from workflows.do import Do
from workflows.entry import Entry, Key, State
from workflows.errors import InvalidPayload, NotStorable, StepInterrupted, WorkflowFatalError
from workflows.retry import StepConfig
from workflows.rollback import Compensation
from workflows.run import Run
from workflows.typed import TypedCodec, first_line
from workflows.types import StepContext, StepCount

__all__ = [
    "Careful",
    "Happened",
    "Interrupted",
    "NotHappened",
    "OnInterrupted",
    "Verdict",
    "Verify",
    "checked",
]

log = logging.getLogger("workflows")


@dataclass(frozen=True, slots=True)
class Happened:
    """The verdict that the interrupted attempt did its work; the step is done, and `value` is its result."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class NotHappened:
    """The verdict that no interrupted attempt did its work: the step runs again."""


Verdict = Happened | NotHappened | None
"""None is `NotHappened()`."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What a `verify` function is called with: the context of the attempt that was interrupted last."""

    ctx: StepContext
    attempts: tuple[int, ...]
    """The numbers of all attempts of the step that were interrupted, the last one too."""


Verify = Callable[[Interrupted], Verdict | Awaitable[Verdict]]
OnInterrupted = Literal["rerun", "fail", "ask"] | Verify


def checked(name: str, policy: object) -> None:
    """Refuses what `on_interrupted=` cannot be."""
    if policy not in ("rerun", "fail", "ask") and not callable(policy):
        raise WorkflowFatalError(
            f'Step config for "{name}" is in a invalid format: '
            f'on_interrupted {policy!r} must be "rerun", "fail", "ask" or a function'
        )


class Careful(Do):
    """A `step.do` that is told when an attempt of it was interrupted."""

    __slots__ = ("_interrupted", "_policy")

    _prepares = True

    def __init__(
        self,
        run: Run,
        key: Key,
        function: Callable[..., object],
        arguments: tuple[object, ...],
        style: CallStyle,
        codec: TypedCodec[Any],
        config: StepConfig,
        compensation: Compensation | None = None,
        *,
        on_interrupted: OnInterrupted,
    ) -> None:
        super().__init__(run, key, function, arguments, style, codec, config, compensation)
        self._policy = on_interrupted
        self._interrupted: list[int] = []

    async def live(self, entry: Entry) -> None:
        """See `Operation.live`."""
        self._interrupted = [m.detail["attempt"] for m in entry.moments if m.type == "step_interrupted"]
        if _in_doubt(entry):
            await self._doubted(entry)
        if not entry.ended:
            await super().live(entry)

    async def _doubted(self, entry: Entry) -> None:
        number = entry.attempts
        if number not in self._interrupted:
            self._interrupted.append(number)
            self.unseen.append(self._run.moment("step_interrupted", attempt=number))
            log.warning(
                "%s: attempt %d of step %s was interrupted", self._run.activation.ref.id, number, self.key
            )
        if self._policy == "fail":
            await self._fails(entry, StepInterrupted(str(self.key), number))
        elif self._policy == "ask":
            await self._asks(entry)

    async def _called(self, entry: Entry) -> Any:
        if self._interrupted and callable(self._policy):
            verdict = await self._verified(self._policy)
            if isinstance(verdict, Happened):
                return verdict.value
        entry.due = None
        await self._run.record(entry, *self._seen())
        if not self._run.activation.lease_ok():
            raise asyncio.CancelledError
        return await super()._called(entry)

    async def _verified(self, verify: Verify) -> Verdict:
        context = StepContext(
            StepCount(self.key.name, self.key.occurrence), self._interrupted[-1], self._config.shown()
        )
        call = Attempt(
            verify,
            (Interrupted(context, tuple(self._interrupted)),),
            style_of(verify, 1),
            limit=self._config.timeout_seconds,
            threads=self._run.threads,
        )
        verdict = await call.result(self._run.clock)
        if verdict is None or isinstance(verdict, Happened | NotHappened):
            return verdict
        raise WorkflowFatalError(
            f'on_interrupted of step "{self.key}" returned {verdict!r}: '
            "return Happened(value), or NotHappened() to run the step again"
        )

    async def _asks(self, entry: Entry) -> None:
        """Waits until somebody has decided; where that was, `entry` is ended or due now."""
        if entry.state is not State.WAITING:
            entry.state, entry.due = State.WAITING, None
            await self._run.record(entry, *self._seen())
        while entry.undecided:
            event = await self._run.waits.event(entry, decision.sent_as(self.key))
            assert event is not None, "no time limit ends this wait"
            await self._decided(entry, event)

    async def _decided(self, entry: Entry, event: InboxEvent) -> None:
        run = self._run
        decided = run.moment("step_decided", attempt=entry.attempts)
        match decision.load(event.payload):
            case Rerun():
                entry.due = run.clock.now()
                await run.record(entry, decided, consume=event.number)
            case Failed(reason):
                self.unseen.append(decided)
                error = StepInterrupted(str(self.key), entry.attempts, reason)
                await self._fails(entry, error, consume=event.number)
            case Succeeded(value):
                try:
                    stored, self._value = self._codec.encode(self._codec.validate(value))
                except (ValidationError, NotStorable) as misfit:
                    await self._misfits(entry, event, misfit)
                    return
                entry.state, entry.result, entry.error = State.DONE, stored, None
                completed = run.moment("attempt_completed", attempt=entry.attempts)
                await run.record(
                    entry, decided, completed, run.moment("step_completed"), consume=event.number
                )

    async def _misfits(self, entry: Entry, event: InboxEvent, misfit: Exception) -> None:
        """The result that was given is none of this step's: it goes on asking."""
        error = InvalidPayload(
            f'the result that was given for step "{self.key}" is not one of its type: {first_line(misfit)}'
        )
        log.warning("%s: %s", self._run.activation.ref.id, error)
        await self._run.record(entry, self._errored(entry, error), consume=event.number)

    async def _fails(self, entry: Entry, error: StepInterrupted, *, consume: int | None = None) -> None:
        run = self._run
        entry.state, entry.error = State.FAILED, failure.dump(error, run.classes)
        moments = [*self._seen(), self._errored(entry, error), run.moment("step_errored")]
        await run.record(entry, *moments, consume=consume)


def _in_doubt(entry: Entry) -> bool:
    """An attempt has started, and neither its end nor the instant of the next one is recorded."""
    return entry.attempts > 0 and (entry.state is State.RUNNING or entry.due is None)
