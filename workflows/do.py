"""`step.do`: attempts until one succeeds or none is left."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, NoReturn

import orjson

from workflows import failure
from workflows.attempt import Attempt
from workflows.backend import NewMoment
from workflows.callback import ON_LOOP, CallStyle
from workflows.duration import seconds
from workflows.entry import Entry, Key, State
from workflows.errors import (
    AmbiguousStepName,
    NonRetryableDelayError,
    NonRetryableError,
    NotStorable,
    WorkflowFatalError,
)
from workflows.failure import failure_of
from workflows.retry import DEFAULT, DELAY_BUDGET, DelayContext, StepConfig, backed_off, called_delay
from workflows.run import Run
from workflows.typed import TypedCodec, too_large
from workflows.types import StepContext, StepCount

__all__ = ["Do"]

log = logging.getLogger("workflows")


class Do:
    """The `Operation` of one `step.do`."""

    __slots__ = ("_arguments", "_codec", "_config", "_function", "_run", "_style", "_value", "key", "unseen")

    def __init__(
        self,
        run: Run,
        key: Key,
        function: Callable[..., object],
        arguments: tuple[object, ...],
        *,
        style: CallStyle,
        codec: TypedCodec[Any],
        config: StepConfig,
    ) -> None:
        self.key = key
        self._run = run
        self._function = function
        self._arguments = arguments
        self._style = style
        self._codec = codec
        self._config = config
        self._value: object = _NOT_HERE
        self.unseen: list[NewMoment] = []

    def started(self) -> Entry:
        """See `Operation.started`."""
        config = None if self._config is DEFAULT else orjson.dumps(self._config.shown(), default=_as_seconds)
        return Entry(self.key, self._run.next_ordinal(), State.RUNNING, config=config)

    def outcome(self, entry: Entry) -> Any:
        """See `Operation.outcome`."""
        if entry.state is State.FAILED:
            assert entry.error is not None
            raise failure.load(entry.error, self._run.classes)
        assert entry.result is not None
        return self._codec.decode(entry.result) if self._value is _NOT_HERE else self._value

    async def live(self, entry: Entry) -> None:
        """See `Operation.live`."""
        first = entry.config  # of the first run, and it counts: None stands for the default
        self._config = DEFAULT if first is None else self._config.as_first(first, self.key.name)
        if entry.state is State.WAITING and entry.due is not None:
            await self._run.waits.until_due(entry)
        while True:
            await self._run.gate()
            await self._attempt(entry)
            if entry.ended:
                return
            await self._run.waits.until_due(entry)

    async def _attempt(self, entry: Entry) -> None:
        """One attempt, recorded: `entry` is ended, or waits for the next attempt."""
        run, activation = self._run, self._run.activation
        if not run.activation.lease_ok():
            raise asyncio.CancelledError
        if not entry.attempts:
            self.unseen.append(run.moment("step_started"))
        entry.attempts += 1
        entry.state = State.RUNNING
        self.unseen.append(run.moment("attempt_started", attempt=entry.attempts))
        activation.running += 1
        mark = run.marks.add(lambda: self._mark(entry))
        begun = time.perf_counter()
        try:
            value = await self._called(entry)
        except asyncio.CancelledError:
            cut = ["CancelledError", "cancelled from outside of the step"]
            self.unseen.append(run.moment("attempt_errored", attempt=entry.attempts, error=cut))
            entry.active += time.perf_counter() - begun
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever it is, it is recorded
            entry.active += time.perf_counter() - begun
            await self._failed(entry, error)
        else:
            entry.active += time.perf_counter() - begun
            await self._succeeded(entry, value)
        finally:
            mark.cancel()
            activation.running -= 1
            if activation.status == "waitingForPause" and not activation.running:
                activation.settle()

    async def _called(self, entry: Entry) -> Any:
        arguments = self._arguments
        if self._style.takes_context:
            step = StepCount(self.key.name, self.key.occurrence)
            arguments = (*arguments, StepContext(step, entry.attempts, self._config.shown()))
        attempt = Attempt(
            self._function,
            arguments,
            self._style,
            limit=self._config.timeout_seconds,
            executor=self._run.executor,
        )
        return await attempt.result(self._run.clock)

    async def _succeeded(self, entry: Entry, value: object) -> None:
        run = self._run
        try:
            stored, self._value = self._codec.encode(value)
            if (refusal := too_large(stored, f"the result of step {self.key}", run.limits.value)) is not None:
                raise refusal
        except NotStorable as refusal:
            await self._not_storable(entry, refusal)
        entry.state, entry.result, entry.error, entry.due = State.DONE, stored, None, None
        await run.record(
            entry,
            *self._seen(),
            run.moment("attempt_completed", attempt=entry.attempts),
            run.moment("step_completed"),
        )

    async def _not_storable(self, entry: Entry, refusal: NotStorable) -> NoReturn:
        """Ends the instance: a value that cannot be kept must not be kept in part."""
        run, name = self._run, self.key.name
        error = NotStorable(f'Value returned from step "{name}" is not serialisable: {refusal}')
        log.error("%s: %s", run.activation.ref.id, error)
        entry.state, entry.error = State.FAILED, failure.dump(error, run.classes)
        await run.record(entry, *self._seen(), self._errored(entry, error), run.moment("step_errored"))
        run.end_with(
            WorkflowFatalError(
                f'The execution of the Workflow instance was terminated, as the step "{name}" '
                "returned a value which is not serialisable"
            )
        )

    async def _failed(self, entry: Entry, error: Exception | SystemExit) -> None:
        run, final = self._run, error
        delay = None
        if not (isinstance(error, _FINAL) or entry.attempts > self._config.retries.limit):
            assert isinstance(error, Exception)
            try:
                delay = await self._delay(entry, error)
            except NonRetryableDelayError as no_delay:
                final = no_delay
        self._log(entry, error, delay)
        moments = [*self._seen(), self._errored(entry, error, delay)]
        entry.error = failure.dump(final, run.classes)
        if delay is None:
            entry.state, entry.due = State.FAILED, None
            moments.append(run.moment("step_errored"))
        else:
            entry.state, entry.due = State.WAITING, run.clock.now() + delay
        await run.record(entry, *moments)

    async def _delay(self, entry: Entry, error: Exception) -> float:
        """Seconds until the next attempt; the back-off applies to what a delay function returns, too."""
        retries = self._config.retries
        delay = retries.delay_seconds
        if delay is None and callable(retries.delay):
            step = StepCount(self.key.name, self.key.occurrence)
            failed = DelayContext(StepContext(step, entry.attempts, self._config.shown()), error)
            call = Attempt(retries.delay, (failed,), ON_LOOP, limit=DELAY_BUDGET, executor=self._run.executor)
            delay = await called_delay(call.result(self._run.clock), str(self.key))
        assert delay is not None
        return backed_off(delay, retries.backoff, entry.attempts)

    def _log(self, entry: Entry, error: BaseException, delay: float | None) -> None:
        level = logging.WARNING if delay is None else logging.INFO
        then = "no attempt is left" if delay is None else f"the next one is in {delay:g} s"
        seen = failure_of(error)
        log.log(
            level,
            "%s: attempt %d of step %s failed, %s: %s: %s",
            self._run.activation.ref.id,
            entry.attempts,
            self.key,
            then,
            seen.name,
            seen.message,
            exc_info=error if log.isEnabledFor(logging.DEBUG) else None,
        )

    def _errored(self, entry: Entry, error: BaseException, delay: float | None = None) -> NewMoment:
        seen = failure_of(error)
        planned = {} if delay is None else {"retry_delay": delay}
        return self._run.moment(
            "attempt_errored", attempt=entry.attempts, error=[seen.name, seen.message], **planned
        )

    def _seen(self) -> list[NewMoment]:
        """What subscribers have not been shown yet."""
        unseen, self.unseen = self.unseen, []
        return unseen

    def _mark(self, entry: Entry) -> None:
        if self.unseen:
            self._run.note(entry, self._seen())


_NOT_HERE = object()
"""The result was recorded by an earlier run."""

_FINAL = (NonRetryableError, WorkflowFatalError, AmbiguousStepName, SystemExit)
"""After one of these there is no further attempt."""


def _as_seconds(value: Any) -> float:
    return float(seconds(value))  # a timedelta, or a number of a class that JSON does not know
