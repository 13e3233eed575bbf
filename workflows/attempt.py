"""One attempt: a call of a step's function, with its time limit.

What the function streams belongs to the attempt: `current_attempt` finds it from any code that it calls.

The function runs in the task of whoever awaits the step, so that a fast step costs no task. A time limit
therefore cancels that task, as `asyncio.timeout` does, and takes the cancellation back. A coroutine that
ignores it for five seconds is carried on by a task of its own, and what it returns is dropped.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager
from types import CoroutineType
from typing import Any, Protocol

from workflows.callback import CallStyle
from workflows.carried import NOT_YET, Carried, leave_behind
from workflows.clock import Clock
from workflows.errors import StepError, WorkflowError, WorkflowTimeoutError
from workflows.failpoint import failpoint
from workflows.inside import INSIDE
from workflows.streams.progress import Progress
from workflows.streams.spool import Spool, is_spooled
from workflows.streams.stream import Streamed
from workflows.threads import Threads

__all__ = ["Around", "Attempt", "current_attempt"]

log = logging.getLogger("workflows")

_GRACE = 5.0
_making = threading.Lock()


def current_attempt() -> Attempt | None:
    """The attempt of a step that calls this, at whatever depth; None outside of one."""
    inside = INSIDE.get()
    return inside if isinstance(inside, Attempt) else None


class Around(Protocol):
    """The step around an attempt."""

    def lasts(self) -> None:
        """The function waits for something; many a function never does."""

    def encloses(self) -> None:
        """The function calls a step."""

    def progress(self) -> Progress:
        """What this attempt tells."""

    def spool(self) -> Spool:
        """Where the result of this attempt goes when it is large."""


class Attempt:
    """A call of `function`, which may take `limit` seconds.

    `step` is what it belongs to, and `streams` whether it may stream into that.
    """

    __slots__ = (
        "_abandoned",
        "_busy",
        "_cancellations",
        "_expired",
        "_function",
        "_limit",
        "_over",
        "_progress",
        "_spool",
        "_step",
        "_streams",
        "_style",
        "_task",
        "_threads",
        "_value",
        "_waits_for",
        "arguments",
        "ordinal",
    )

    def __init__(
        self,
        function: Callable[..., object],
        arguments: tuple[object, ...],
        style: CallStyle,
        limit: float,
        threads: Threads,
        step: Around | None = None,
        streams: bool = False,
    ) -> None:
        self._function = function
        self.arguments = arguments
        self._step = step
        self._streams = step if streams else None
        self._progress: Progress | None = None
        self._spool: Spool | None = None
        self._over = False
        self._style = style
        self._limit = limit
        self._threads = threads
        self._task: asyncio.Task[Any] | None = None
        self._cancellations: int
        """How often the task had been cancelled before."""
        self._busy: AbstractContextManager[None] | None = None
        """Left when `rest` is over."""
        self._value: Any
        """What it has returned, when more than that is to be done."""
        self._waits_for: Awaitable[Any]
        self._expired = False
        self._abandoned = False
        self.ordinal = 0
        """Of the step, which those have that are called within it; 0: no step calls this."""

    async def result(self, clock: Clock) -> Any:
        """What the function returns; `WorkflowTimeoutError` when it takes too long.

        A CancelledError that leaves this was asked for from outside.
        """
        task = asyncio.current_task()
        assert task is not None
        value = self.at_once(task, clock)
        return await self.rest(clock) if value is NOT_YET else value

    def at_once(self, task: asyncio.Task[Any], clock: Clock) -> Any:
        """What the function returns when it comes so far without waiting, else NOT_YET: then await `rest`.

        `task` is the current one.
        """
        self._task, self._cancellations = task, task.cancelling()
        outer = INSIDE.get()
        INSIDE.set(self)  # so what the function leaves running, a client's pool, say, outlives the run
        busy = clock.busy()
        busy.__enter__()
        try:
            failpoint("attempt.called")
            value = NOT_YET if self._style.threaded else self._called()
            if value is NOT_YET or self._progress is not None or is_spooled(value):
                self._value, self._busy = value, busy
                return NOT_YET
            failpoint("attempt.returned")
            return value
        finally:
            INSIDE.set(outer)  # not by a token: the coroutine may be closed in another context
            if self._busy is None:
                busy.__exit__(None, None, None)
                self._over = True
                if self._progress is not None:
                    self._progress.close()

    async def rest(self, clock: Clock) -> Any:
        """What it returns in the end, within its time limit: no time limit is needed `at_once`."""
        outer = INSIDE.get()
        INSIDE.set(self)
        assert self._busy is not None, "it was called"
        try:
            value = await self._rest(clock)
            failpoint("attempt.returned_later")
            return value
        finally:
            INSIDE.set(outer)
            self._busy.__exit__(None, None, None)
            self._end()

    def encloses(self) -> None:
        """A step is called within it."""
        if self._step is not None:
            self._step.encloses()

    def tell(self, value: object) -> Streamed:
        """Streams one part; from the loop or from a thread."""
        if self._streams is None:
            raise WorkflowError("only the function of step.do streams: a delay function does not")
        with _making:
            progress = self._progress = self._progress or self._streams.progress()
        if self._over:
            progress.close()
        return progress.write(value)

    async def _streamed(self, value: Any) -> Any:
        """The result once all that the function has told is durable, and what it streams as its result."""
        if self._progress is not None:
            await self._progress.drained()
        if self._streams is None or not is_spooled(value):
            return value
        self._spool = self._streams.spool()
        return await Carried(self._spool.take(value), self._takes_over)

    def _end(self) -> None:
        self._over = True
        if self._progress is not None:
            self._progress.close()
        if self._spool is not None:
            self._spool.close()

    def _called(self) -> Any:
        """What the function returns, or NOT_YET when it waits for something."""
        try:
            value = self._function(*self.arguments)
            if isinstance(value, CoroutineType):
                try:
                    waited = value.send(None)
                except StopIteration as returned:
                    return returned.value
                self._waits_for = Carried(value, self._takes_over, waited=waited)
                return NOT_YET
        except asyncio.CancelledError:
            raise _by_its_own_code() from None
        if inspect.isawaitable(value):
            self._waits_for = value
            return NOT_YET
        return value

    async def _rest(self, clock: Clock) -> Any:
        value, task = self._value, self._task
        assert task is not None, "it was called"
        if self._step is not None:
            self._step.lasts()
        if self._style.threaded:
            await self._threads.turn()
        alarm = clock.call_later(self._limit, self._expire)
        try:
            if value is NOT_YET:
                value = await (self._in_thread() if self._style.threaded else self._waits_for)
            if self._progress is not None or is_spooled(value):
                value = await self._streamed(value)
        except asyncio.CancelledError:
            if not self._expired:
                if task.cancelling() > self._cancellations:
                    raise
                raise _by_its_own_code() from None
        except BaseException:
            if not self._expired:
                raise
        finally:
            alarm.cancel()
            self._task = None
        if self._expired:
            raise self._too_late(task)
        return value

    def _too_late(self, task: asyncio.Task[Any]) -> BaseException:
        """Takes the cancellation back by which the time limit has ended the function."""
        if self._abandoned:
            task.uncancel()
        if task.uncancel() > self._cancellations:
            return asyncio.CancelledError()
        return WorkflowTimeoutError(f"Execution timed out after {self._limit * 1000:.0f}ms")

    async def _in_thread(self) -> Any:
        context = contextvars.copy_context()
        call = functools.partial(context.run, _in_thread, self._function, self.arguments)
        value = await self._threads.run(call)
        if inspect.iscoroutine(value):
            return await Carried(value, self._takes_over)
        return await value if inspect.isawaitable(value) else value

    def _expire(self) -> None:
        assert self._task is not None, "the alarm is cancelled when the attempt ends"
        self._expired = True
        self._task.cancel()
        asyncio.get_running_loop().call_later(_GRACE, self._abandon)

    def _abandon(self) -> None:
        if self._task is None:
            return
        log.warning("%s ignores its cancellation and is left behind", self._function)
        self._abandoned = True
        self._task.cancel()

    def _takes_over(self, coroutine: Coroutine[Any, Any, Any], thrown: BaseException) -> bool:
        """True when an abandoned coroutine has been given a task of its own."""
        if not self._abandoned:
            return False
        leave_behind(coroutine, thrown)
        return True


def _by_its_own_code() -> StepError:
    return StepError("CancelledError", "the step's function was cancelled by its own code")


def _in_thread(function: Callable[..., object], arguments: tuple[object, ...]) -> object:
    try:
        return function(*arguments)
    except StopIteration as error:  # no future can hold it, so nobody would hear of it
        raise RuntimeError("the step's function raised StopIteration") from error
