"""`WorkflowStep`: what `run()` is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeVar, overload

from workflows import interrupted
from workflows.callback import style_of
from workflows.do import Do
from workflows.duration import Duration
from workflows.entry import Key, Kind
from workflows.errors import WorkflowError, WorkflowFatalError
from workflows.interrupted import Careful, OnInterrupted
from workflows.receive import Receive
from workflows.retry import DEFAULT, RetryOptions, StepConfig, StepOptions
from workflows.run import Operation, Run
from workflows.sleep import Sleep, SleepUntil
from workflows.typed import UNTYPED, codec_for
from workflows.types import ReceivedEvent

__all__ = ["WorkflowStep"]

R = TypeVar("R")
T = TypeVar("T")


class WorkflowStep:
    """The durable operations of a run.

    Each of them takes its identity (its name, and how often the name was used before) when it is called,
    not when it is awaited; so `asyncio.gather(step.do("a", …), step.do("b", …))` is safe. What a step has
    returned or raised once, it returns or raises on every later run, without being done again.
    """

    def __init__(self, run: Run, prefix: str = "") -> None:
        self._run = run
        self._prefix = prefix

    @overload
    def do(
        self,
        name: str,
        fn: Callable[..., object],
        /,
        *args: object,
        result: type[R],
        retries: RetryOptions | None = None,
        timeout: Duration | None = None,
        sensitive: Literal["output"] | None = None,
        config: StepOptions | None = None,
        on_interrupted: OnInterrupted = "rerun",
    ) -> Coroutine[Any, Any, R]: ...
    @overload
    def do(
        self,
        name: str,
        fn: Callable[..., Awaitable[T]],
        /,
        *args: object,
        retries: RetryOptions | None = None,
        timeout: Duration | None = None,
        sensitive: Literal["output"] | None = None,
        config: StepOptions | None = None,
        on_interrupted: OnInterrupted = "rerun",
    ) -> Coroutine[Any, Any, T]: ...
    @overload
    def do(
        self,
        name: str,
        fn: Callable[..., T],
        /,
        *args: object,
        retries: RetryOptions | None = None,
        timeout: Duration | None = None,
        sensitive: Literal["output"] | None = None,
        config: StepOptions | None = None,
        on_interrupted: OnInterrupted = "rerun",
    ) -> Coroutine[Any, Any, T]: ...
    def do(
        self,
        name: str,
        fn: Callable[..., Any],
        /,
        *args: object,
        result: Any = None,
        retries: RetryOptions | None = None,
        timeout: Duration | None = None,
        sensitive: Literal["output"] | None = None,
        config: StepOptions | None = None,
        on_interrupted: OnInterrupted = "rerun",
    ) -> Coroutine[Any, Any, Any]:
        """Calls `fn(*args)` until it succeeds, and remembers what it returned.

        A plain `def` runs in a thread, an `async def` and a lambda on the event loop. A parameter that `args`
        leave open and that is named `ctx` or annotated `StepContext` receives the context. The result is of
        type `result`, else of the function's return annotation; without one only plain values are stored, and
        `NotStorable` ends the instance. `retries` counts attempts after the first; `timeout` is per attempt.

        `on_interrupted` says what happens when a crash fell between the effect of an attempt and its record:
        "rerun" (the next attempt starts), "fail" (`StepInterrupted`), "ask" (the step waits for
        `WorkflowInstance.decide`), or a function that is called with `Interrupted` and returns
        `Happened(value)` or `NotHappened()`. All but "rerun" cost one more write before each attempt.
        """
        options = config or _given(retries, timeout, sensitive)
        try:
            self._count(name, fn)
            checked = StepConfig.of(name, options) if options else DEFAULT
            if on_interrupted != "rerun":
                interrupted.checked(name, on_interrupted)
            style = style_of(fn, len(args))
            key = self._run.names.take(Kind.DO, self._full(name))
        except WorkflowError as error:
            return _refused(error)
        codec = style.codec if result is None else codec_for(result)
        make: Callable[..., Do] = Do
        if on_interrupted != "rerun":
            make = partial(Careful, on_interrupted=on_interrupted)
        return self._run.perform(make(self._run, key, fn, args, style=style, codec=codec, config=checked))

    def sleep(self, name: str, duration: Duration, /) -> Coroutine[Any, Any, None]:
        """Sleeps for `duration` (seconds, a timedelta or "2 days"), crash or not; at most 365 days."""
        return self._named(Kind.SLEEP, name, lambda key: Sleep(self._run, key, duration))

    def sleep_until(self, name: str, until: datetime | float, /) -> Coroutine[Any, Any, None]:
        """Sleeps until an instant: an aware datetime or epoch seconds. A pause does not move it."""
        return self._named(Kind.SLEEP, name, lambda key: SleepUntil(self._run, key, until))

    @overload
    def wait_for_event(
        self, name: str, type: str, /, *, payload: type[T], timeout: Duration = "24 hours"
    ) -> Coroutine[Any, Any, ReceivedEvent[T]]: ...
    @overload
    def wait_for_event(
        self, name: str, type: str, /, *, timeout: Duration = "24 hours"
    ) -> Coroutine[Any, Any, ReceivedEvent[Any]]: ...
    def wait_for_event(
        self, name: str, type: str, /, *, payload: Any = None, timeout: Duration = "24 hours"
    ) -> Coroutine[Any, Any, ReceivedEvent[Any]]:
        """The oldest event of `type` that was sent to this instance and that no earlier wait has received.

        `payload` is its type. Raises `WorkflowTimeoutError` after `timeout`, and `InvalidPayload` when the
        payload is not of its type.
        """
        codec = UNTYPED if payload is None else codec_for(payload)
        return self._named(
            Kind.WAIT, name, lambda key: Receive(self._run, key, type, payload=codec, timeout=timeout)
        )

    def scope(self, name: str, /) -> WorkflowStep:
        """A step whose names live under `name/`, for code that runs several times at once."""
        return WorkflowStep(self._run, f"{self._prefix}{name}/")

    def _named(
        self, kind: Kind, name: str, operation: Callable[[Key], Operation[T]]
    ) -> Coroutine[Any, Any, T]:
        try:
            key = self._run.names.take(kind, self._full(name))
        except WorkflowError as error:
            return _refused(error)
        return self._run.perform(operation(key))

    def _full(self, name: str) -> str:
        return self._prefix + name if self._prefix else name

    def _count(self, name: str, fn: object) -> None:
        if not callable(fn):
            raise WorkflowFatalError(f'Step "{name}" requires a callback function')
        self._run.steps += 1
        if self._run.steps > self._run.limits.steps:
            raise WorkflowFatalError(
                f"The limit of {self._run.limits.steps} steps has been reached. "
                "Raise it with `step_limit = …` in the workflow class."
            )


async def _refused(error: WorkflowError) -> Any:
    """Raised when awaited, so that what was called beside it is awaited too."""
    raise error


def _given(
    retries: RetryOptions | None, timeout: Duration | None, sensitive: Literal["output"] | None
) -> dict[str, Any]:
    options = {"retries": retries, "timeout": timeout, "sensitive": sensitive}
    return {name: option for name, option in options.items() if option is not None}
