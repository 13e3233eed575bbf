"""A function that is called until it succeeds or no attempt is left, each attempt recorded."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple, NoReturn

from workflows import failure
from workflows.attempt import Attempt
from workflows.backend import NewMoment
from workflows.callback import ON_LOOP, CallStyle
from workflows.carried import NOT_YET
from workflows.entry import Entry, Key, Smooth, State
from workflows.errors import (
    AmbiguousStepName,
    NonRetryableDelayError,
    NonRetryableError,
    NotStorable,
    NotYet,
    WorkflowFatalError,
)
from workflows.failure import UNWINDS, failure_of
from workflows.marks import Mark
from workflows.retry import DEFAULT, DELAY_BUDGET, DelayContext, StepConfig, backed_off, called_delay
from workflows.rollback import Compensation
from workflows.run import Run
from workflows.spending import StepAccount
from workflows.streams.progress import Progress
from workflows.streams.spool import Spool
from workflows.types import StepContext, StepCount

__all__ = ["Attempts", "Told"]

log = logging.getLogger("workflows")


class Told(NamedTuple):
    """The types of the moments that subscribers see."""

    step_started: str = "step_started"
    step_completed: str = "step_completed"
    step_errored: str = "step_errored"
    attempt_started: str = "attempt_started"
    attempt_completed: str = "attempt_completed"
    attempt_errored: str = "attempt_errored"


_TOLD = Told()


class Attempts(ABC):
    """What `step.do` and the compensation of one have in common: an `Operation` without its outcome."""

    __slots__ = (
        "_arguments",
        "_began",
        "_config",
        "_function",
        "_run",
        "_running",
        "_start_mark",
        "_style",
        "_unseen",
        "key",
    )
    _running: Entry

    compensation: Compensation | None = None
    """Its start is recorded before the first call, so that it is known whatever happens."""
    _told = _TOLD
    _called_as = "step"
    _prepares = False
    """Something is done or written before the function is called."""
    _may_stream = False
    _says_why = False
    """`step_errored` has the error of the last attempt."""

    def __init__(
        self,
        run: Run,
        key: Key,
        function: Callable[..., object],
        arguments: tuple[object, ...],
        style: CallStyle,
        config: StepConfig,
    ) -> None:
        self.key = key
        self._run = run
        self._function = function
        self._arguments = arguments
        self._style = style
        self._config = config
        self._unseen: list[NewMoment] = []
        self._began: float | None = None
        """When the attempt began, while nobody has been told of it."""
        self._start_mark: Mark | None = None
        """Writes the entry down as started, when the attempt lasts and nothing else has."""

    @property
    def unseen(self) -> list[NewMoment]:
        """See `Operation.unseen`."""
        if self._began is not None:
            began, number, self._began = self._began, self._running.attempts, None
            if number == 1:
                self._unseen.append(NewMoment(self._told.step_started, began, {}))
            self._unseen.append(NewMoment(self._told.attempt_started, began, {"attempt": number}))
        return self._unseen

    def started(self) -> Entry:
        """See `Operation.started`."""
        config = self._config.stored(undoable=self.compensation is not None)
        return Entry(self.key, self._run.next_ordinal(), State.RUNNING, config=config)

    def live(self, entry: Entry) -> Awaitable[None]:
        """See `Operation.live`: of a first attempt that never waits, the record is all that is left to await.

        Most are such, so they take this short way; it comes to the same as `_attempt`.
        """
        run, first = self._run, entry.config  # of the first run, and it counts: None stands for the default
        self._config = DEFAULT if first is None else self._config.as_first(first, self.key.name)
        if (
            entry.attempts
            or self.compensation is not None
            or self._prepares
            or (run.rehearsals and run.rehearsal is not None)
        ):
            return self._by_attempts(entry)
        begun = self._begin(entry)
        attempt = self._new_attempt(entry)
        task = asyncio.current_task(run.loop)
        assert task is not None
        try:
            value = attempt.at_once(task, run.clock)
        except BaseException as error:  # noqa: BLE001  # it is raised again where all are seen to
            return self._by_attempts(entry, self._attempt(entry, begun, _raised(error)))
        if value is NOT_YET:
            return self._by_attempts(entry, self._attempt(entry, begun, attempt.rest(run.clock)))
        entry.active += time.perf_counter() - begun
        stored = self._stored(value)
        if isinstance(stored, NotStorable):
            return self._refused_first(entry, stored)
        return run.write(entry, self._done(entry, stored), last=True)

    async def _by_attempts(self, entry: Entry, begun: Coroutine[Any, Any, None] | None = None) -> None:
        """One attempt after the other; the first one may have been `begun`."""
        if begun is not None:
            await begun
            if entry.ended:
                return
            await self._until_due(entry)
        elif entry.state is State.WAITING and entry.due is not None:
            await self._until_due(entry)
        while True:
            if self._run.shut:
                await self._run.gate()
            if not self._run.activation.lease_ok():
                raise asyncio.CancelledError
            now = self._begin(entry)
            await self._attempt(entry, now, self._called(entry))
            if entry.ended:
                return
            await self._until_due(entry)

    async def _until_due(self, entry: Entry) -> None:
        """Waits for the next attempt."""
        run = self._run
        rehearsal = run.rehearsal
        if rehearsal is None or not rehearsal.skips(run.activation, self.key):
            await run.waits.until_due(entry)

    @abstractmethod
    def _stored(self, value: Any) -> bytes | NotStorable | None:
        """What the entry keeps of the value that the function has returned, or why it cannot be kept."""

    async def _refused(self, _entry: Entry, refusal: NotStorable) -> None:
        """The function has returned what cannot be kept."""
        raise refusal

    async def _refused_first(self, entry: Entry, refusal: NotStorable) -> None:
        try:
            await self._refused(entry, refusal)
        finally:
            self._run.attempt_ended()

    def _begin(self, entry: Entry) -> float:
        """One attempt more is under way; when it began, on `time.perf_counter`."""
        run = self._run
        entry.attempts += 1
        entry.state = State.RUNNING
        self._running = entry
        self._began = run.clock.now()
        if entry.attempts > 1 and self._may_stream:
            run.heed(run.activation.chunks(entry).start_over())
        run.activation.running += 1
        return time.perf_counter()

    async def _attempt(self, entry: Entry, begun: float, calling: Awaitable[Any]) -> None:
        """One attempt, recorded: `entry` is ended, or waits for the next attempt."""
        run, activation = self._run, self._run.activation
        try:
            value = await calling
        except asyncio.CancelledError:
            cut = ["CancelledError", "cancelled from outside of the step"]
            self.unseen.append(run.moment(self._told.attempt_errored, attempt=entry.attempts, error=cut))
            entry.active += time.perf_counter() - begun
            raise
        except UNWINDS:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is recorded
            entry.active += time.perf_counter() - begun
            await self._failed(entry, error)
        else:
            entry.active += time.perf_counter() - begun
            stored = value if isinstance(value, NotStorable) else self._stored(value)
            if isinstance(stored, NotStorable):
                await self._refused(entry, stored)
            else:
                await run.write(entry, self._done(entry, stored))
        finally:
            if self._start_mark is not None:
                self._start_mark.cancel()
                self._start_mark = None
            run.attempt_ended()
            if (rehearsal := run.rehearsal) is not None:
                rehearsal.rests(activation)

    def _called(self, entry: Entry) -> Coroutine[Any, Any, Any]:
        """What the function returns."""
        if self.compensation is None and self._run.rehearsal is None:
            return self._new_attempt(entry).result(self._run.clock)
        return self._called_with_care(entry)

    async def _called_with_care(self, entry: Entry) -> Any:
        if self.compensation is not None and entry.attempts == 1 and self.unseen:
            await self._run.record(entry, *self._seen())
        rehearsal = self._run.rehearsal
        if rehearsal is not None and (stand_in := rehearsal.attempt(self.key, entry.attempts)) is not None:
            return stand_in()
        return await self._new_attempt(entry).result(self._run.clock)

    def _new_attempt(self, entry: Entry) -> Attempt:
        attempt = Attempt(
            self._function,
            self._arguments,
            self._style,
            self._config.timeout_seconds,
            self._run.threads,
            self,
            self._may_stream,
        )
        attempt.ordinal = entry.ordinal
        if self._style.takes_context:
            attempt.arguments = (*self._arguments, self.context(entry, attempt))
        return attempt

    def context(self, entry: Entry, attempt: Attempt | None = None) -> StepContext:
        """What the function may know; with the attempt that it may stream from."""
        step, account = StepCount(self.key.name, self.key.occurrence), StepAccount(self._run, self.key)
        return StepContext(step, entry.attempts, self._config.shown(), attempt, account)

    def lasts(self) -> None:
        """See `Around.lasts`."""
        self._mark()

    def encloses(self) -> None:
        """See `Around.encloses`: a crash has to find whose attempt it was that called the other step."""
        self._mark().now()

    def progress(self) -> Progress:
        """See `Around.progress`."""
        run, entry = self._run, self._running
        return Progress(run, run.activation.chunks(entry), self._mark, str(self.key))

    def spool(self) -> Spool:
        """See `Around.spool`."""
        run, entry = self._run, self._running
        return Spool(run, run.activation.chunks(entry), self._mark(), entry.attempts)

    def _done(self, entry: Entry, result: bytes | None) -> list[NewMoment] | Smooth:
        """Ends `entry`; gives what subscribers see of it."""
        entry.state, entry.result, entry.error, entry.due = State.DONE, result, None, None
        run, began = self._run, self._began
        if entry.attempts == 1 and began is not None and not self._unseen and self._told is _TOLD:
            return Smooth(0, began, run.clock.now())
        completed = run.moment(self._told.attempt_completed, attempt=entry.attempts)
        return [*self._seen(), completed, run.moment(self._told.step_completed)]

    async def _failed(self, entry: Entry, error: BaseException) -> None:
        run, final = self._run, error
        delay = None
        is_left = entry.attempts - _free(entry) <= self._config.retries.limit
        if isinstance(error, NotYet):
            delay = error.after
        elif is_left and isinstance(error, Exception) and not isinstance(error, _FINAL):
            try:
                delay = await self._delay(entry, error)
            except NonRetryableDelayError as no_delay:
                final = no_delay
        self._log(entry, error, delay)
        moments = [*self._seen(), self._errored(entry, error, delay)]
        entry.error = failure.dump(final, run.classes)
        if delay is None:
            entry.state, entry.due = State.FAILED, None
            moments.append(self._step_errored(final))
        else:
            entry.state, entry.due = State.WAITING, run.clock.now() + delay
        await run.record(entry, *moments)

    async def _delay(self, entry: Entry, error: Exception) -> float:
        """Seconds until the next attempt; the back-off applies to what a delay function returns, too."""
        retries = self._config.retries
        delay = retries.delay_seconds
        if delay is None and callable(retries.delay):
            failed = DelayContext(self.context(entry), error)
            call = Attempt(retries.delay, (failed,), ON_LOOP, limit=DELAY_BUDGET, threads=self._run.threads)
            delay = await called_delay(call.result(self._run.clock), str(self.key))
        assert delay is not None
        return backed_off(delay, retries.backoff, entry.attempts)

    def _log(self, entry: Entry, error: BaseException, delay: float | None) -> None:
        if isinstance(error, NotYet):
            level = logging.DEBUG
        else:
            level = logging.WARNING if delay is None else logging.INFO
        then = "no attempt is left" if delay is None else f"the next one is in {delay:g} s"
        seen = failure_of(error)
        log.log(
            level,
            "%s: attempt %d of %s %s failed, %s: %s: %s",
            self._run.activation.ref.id,
            entry.attempts,
            self._called_as,
            self.key,
            then,
            seen.name,
            seen.message,
            exc_info=error if log.isEnabledFor(logging.DEBUG) else None,
        )

    def _errored(self, entry: Entry, error: BaseException, delay: float | None = None) -> NewMoment:
        seen = failure_of(error)
        planned: dict[str, object] = {} if delay is None else {"retry_delay": delay}
        if isinstance(error, NotYet):
            planned[_FREE] = True
        return self._run.moment(
            self._told.attempt_errored, attempt=entry.attempts, error=[seen.name, seen.message], **planned
        )

    def _step_errored(self, error: BaseException) -> NewMoment:
        """That no attempt is left, because of `error`."""
        seen = failure_of(error)
        why = {"error": [seen.name, seen.message]} if self._says_why else {}
        return self._run.moment(self._told.step_errored, **why)

    def _seen(self) -> list[NewMoment]:
        """What subscribers have not been shown yet."""
        unseen, self._unseen = self.unseen, []
        return unseen

    def _mark(self) -> Mark:
        run, entry = self._run, self._running
        if self._start_mark is None:
            self._start_mark = run.marks.add(lambda: self._tell(entry), run)
        return self._start_mark

    def _tell(self, entry: Entry) -> None:
        if self.unseen:
            self._run.note(entry, self._seen())


_FINAL = (NonRetryableError, WorkflowFatalError, AmbiguousStepName)
"""After one of these there is no further attempt, nor after what is no `Exception`."""


_FREE = "free"
"""In the moment of an attempt that uses up no retry."""


def _free(entry: Entry) -> int:
    """How many of its attempts could not begin, see `NotYet`."""
    return sum(_FREE in moment.detail for moment in entry.moments)


async def _raised(error: BaseException) -> NoReturn:
    raise error
