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
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol

from workflows.callback import CallStyle
from workflows.clock import Clock
from workflows.errors import StepError, WorkflowError, WorkflowTimeoutError
from workflows.failpoint import failpoint
from workflows.inside import INSIDE
from workflows.progress import Progress
from workflows.spool import SMALL, Spool, is_spooled
from workflows.stream import Streamed
from workflows.threads import Threads

__all__ = ["Attempt", "Streams", "current_attempt"]

log = logging.getLogger("workflows")

_GRACE = 5.0
_left_behind: set[asyncio.Task[Any]] = set()
_making = threading.Lock()


def current_attempt() -> Attempt | None:
    """The attempt of a step that calls this, at whatever depth; None outside of one."""
    inside = INSIDE.get()
    return inside if isinstance(inside, Attempt) else None


class Streams(Protocol):
    """The step of an attempt, as far as it streams; asked only when it does."""

    def progress(self) -> Progress:
        """What this attempt tells."""

    def spool(self) -> Spool:
        """Where the result of this attempt goes when it is large."""


class Attempt:
    """A call of `function`, which may take `limit` seconds.

    `streams` is its step; without one it may not stream.
    """

    __slots__ = (
        "_abandoned",
        "_expired",
        "_function",
        "_limit",
        "_over",
        "_progress",
        "_spool",
        "_streams",
        "_style",
        "_task",
        "_threads",
        "arguments",
        "ordinal",
    )

    def __init__(
        self,
        function: Callable[..., object],
        arguments: tuple[object, ...],
        style: CallStyle,
        *,
        limit: float,
        threads: Threads,
        streams: Streams | None = None,
    ) -> None:
        self._function = function
        self.arguments = arguments
        self._streams = streams
        self._progress: Progress | None = None
        self._spool: Spool | None = None
        self._over = False
        self._style = style
        self._limit = limit
        self._threads = threads
        self._task: asyncio.Task[Any] | None = None
        self._expired = False
        self._abandoned = False
        self.ordinal = 0
        """Of the step, which those have that are called within it; 0: no step calls this."""

    async def result(self, clock: Clock) -> Any:
        """What the function returns; `WorkflowTimeoutError` when it takes too long.

        A CancelledError that leaves this was asked for from outside.
        """
        task = self._task = asyncio.current_task()
        assert task is not None
        cancellations = task.cancelling()
        if self._style.threaded:
            with clock.busy():
                await self._threads.turn()
        alarm = clock.call_later(self._limit, self._expire)
        outer = INSIDE.get()
        INSIDE.set(self)  # so what the function leaves running, a client's pool, say, outlives the run
        value: Any = None
        try:
            with clock.busy():
                failpoint("attempt.called")
                value = await self._called()
                failpoint("attempt.returned")
                if self._progress is not None or (type(value) not in SMALL and is_spooled(value)):
                    value = await self._streamed(value)
        except asyncio.CancelledError:
            if not self._expired:
                if task.cancelling() > cancellations:
                    raise
                raise StepError(
                    "CancelledError", "the step's function was cancelled by its own code"
                ) from None
        except BaseException:
            if not self._expired:
                raise
        finally:
            alarm.cancel()
            self._task = None
            self._over = True
            INSIDE.set(outer)  # not by a token: the coroutine may be closed in another context
            if self._progress is not None or self._spool is not None:
                self._close_streams()
        if not self._expired:
            return value
        if self._abandoned:
            task.uncancel()
        if task.uncancel() > cancellations:
            raise asyncio.CancelledError
        raise WorkflowTimeoutError(f"Execution timed out after {self._limit * 1000:.0f}ms")

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
        return await _Carried(self._spool.take(value), self)

    def _close_streams(self) -> None:
        if self._progress is not None:
            self._progress.close()
        if self._spool is not None:
            self._spool.close()

    async def _called(self) -> Any:
        if self._style.threaded:
            context = contextvars.copy_context()
            call = functools.partial(context.run, _in_thread, self._function, self.arguments)
            value = await self._threads.run(call)
        else:
            value = self._function(*self.arguments)
        if inspect.iscoroutine(value):
            return await _Carried(value, self)
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

    def takes_over(self, coroutine: Coroutine[Any, Any, Any], thrown: BaseException) -> bool:
        """True when an abandoned coroutine has been given a task of its own."""
        if not self._abandoned:
            return False
        task = asyncio.create_task(_finished(_Carried(coroutine, None, thrown)))
        _left_behind.add(task)
        task.add_done_callback(_left_behind.discard)
        return True


class _Carried(Awaitable[Any]):
    """A coroutine that can be taken out of the task that awaits it."""

    __slots__ = ("_attempt", "_coroutine", "_thrown")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, Any],
        attempt: Attempt | None,
        thrown: BaseException | None = None,
    ) -> None:
        self._coroutine = coroutine
        self._attempt = attempt
        self._thrown = thrown

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, error, sent = self._coroutine, self._thrown, None
        while True:
            try:
                waited = coroutine.send(sent) if error is None else coroutine.throw(error)
            except StopIteration as returned:
                return returned.value
            try:
                sent, error = (yield waited), None
            except BaseException as thrown:
                if self._attempt is not None and self._attempt.takes_over(coroutine, thrown):
                    raise
                error = thrown


def _in_thread(function: Callable[..., object], arguments: tuple[object, ...]) -> object:
    try:
        return function(*arguments)
    except StopIteration as error:  # no future can hold it, so nobody would hear of it
        raise RuntimeError("the step's function raised StopIteration") from error


async def _finished(carried: _Carried) -> None:
    try:
        await carried
    except BaseException as error:  # noqa: BLE001  # nobody is left to tell
        log.debug("a function that was left behind ended with %r", error)
