"""`WorkflowStep`: what `run()` is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal, Protocol, TypeAlias, TypedDict, TypeVar, overload

from typing_extensions import TypeForm, TypeVarTuple, Unpack

from workflows import interrupted
from workflows.attempt import current_attempt
from workflows.callback import style_of
from workflows.children import Children
from workflows.composing import Composing, refused
from workflows.decorated import Declared, DecoratedStep, StepDecorator
from workflows.do import Do
from workflows.duration import Duration
from workflows.entry import Kind
from workflows.errors import WorkflowError, WorkflowFatalError
from workflows.interrupted import Careful, OnInterrupted
from workflows.receive import Receive
from workflows.retry import DEFAULT, RetryOptions, StepConfig, StepOptions
from workflows.rollback import Compensation, RollbackContext, RollbackOptions
from workflows.run import Run
from workflows.sleep import Sleep, SleepUntil
from workflows.streams.stream import StepStream, Streamed
from workflows.typed import UNTYPED, codec_for
from workflows.types import ReceivedEvent, StepContext

__all__ = ["WorkflowStep"]

R = TypeVar("R")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_Bytes: TypeAlias = AsyncIterator[bytes] | AsyncIterator[bytearray] | AsyncIterator[memoryview]
"""What is streamed as a result."""

_NOTHING: dict[str, Any] = {}
_ABSENT: Any = object()
"""No function is given."""


class _Options(TypedDict, total=False):
    """What every form of `step.do` takes."""

    retries: RetryOptions | None
    timeout: Duration | None
    sensitive: Literal["output"] | None
    config: StepOptions | None


class _Undoable(_Options, total=False):
    """What `step.do` takes with a function, beside the `rollback` of that function's result."""

    rollback_config: RollbackOptions | None
    on_interrupted: OnInterrupted


class _Default(Protocol):
    def __call__(self, one: Any = ..., /) -> Any: ...


class _TwoDefaults(Protocol):
    def __call__(self, one: Any = ..., two: Any = ..., /) -> Any: ...


class _ContextAndDefault(Protocol):
    def __call__(self, ctx: StepContext, one: Any = ..., /) -> Any: ...


_Defaults = _Default | _TwoDefaults | _ContextAndDefault
"""For checkers to which `lambda item=item: …` does not fit a function without parameters."""


class WorkflowStep(Composing):
    """The durable operations of a run.

    Each of them takes its identity (its name, and how often the name was used before) when it is called,
    not when it is awaited; so `asyncio.gather(step.do("a", …), step.do("b", …))` is safe. What a step has
    returned or raised once, it returns or raises on every later run, without being done again.
    """

    def __init__(self, run: Run, children: Children, prefix: str = "") -> None:
        super().__init__(run, children, prefix)
        self._declared: Declared | None = None

    # `*args: *Ts`, because a ParamSpec allows no options after its `*args`. `Coroutine[object, None, T]`,
    # because mypy gives up on a `gather` of what has an Any in its type.
    @overload
    def do(
        self,
        name: str,
        fn: Callable[[*Ts], object],
        /,
        *args: *Ts,
        result: TypeForm[R],
        rollback: Callable[[RollbackContext[R]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, R]: ...
    @overload
    def do(
        self,
        name: str,
        fn: Callable[[*Ts, StepContext], object],
        /,
        *args: *Ts,
        result: TypeForm[R],
        rollback: Callable[[RollbackContext[R]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, R]: ...
    @overload
    def do(
        self,
        name: str,
        fn: Callable[[*Ts], Awaitable[T]],
        /,
        *args: *Ts,
        rollback: Callable[[RollbackContext[T]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, T]: ...
    @overload
    def do(
        self,
        name: str,
        fn: Callable[[*Ts, StepContext], Awaitable[T]],
        /,
        *args: *Ts,
        rollback: Callable[[RollbackContext[T]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, T]: ...
    @overload
    def do(
        self,
        name: str,
        fn: Callable[[*Ts], _Bytes],
        /,
        *args: *Ts,
        rollback: Callable[[RollbackContext[StepStream]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, StepStream]: ...
    @overload
    def do(
        self,
        name: str,
        fn: Callable[[*Ts, StepContext], _Bytes],
        /,
        *args: *Ts,
        rollback: Callable[[RollbackContext[StepStream]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, StepStream]: ...
    @overload
    def do(
        self,
        name: str,
        fn: Callable[[*Ts], T],
        /,
        *args: *Ts,
        rollback: Callable[[RollbackContext[T]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, T]: ...
    @overload
    def do(
        self,
        name: str,
        fn: Callable[[*Ts, StepContext], T],
        /,
        *args: *Ts,
        rollback: Callable[[RollbackContext[T]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, T]: ...
    @overload
    def do(
        self,
        name: str,
        fn: _Defaults,
        /,
        *,
        result: TypeForm[R],
        rollback: Callable[[RollbackContext[R]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, R]: ...
    @overload
    def do(
        self,
        name: str,
        fn: _Defaults,
        /,
        *,
        rollback: Callable[[RollbackContext[Any]], object] | None = None,
        **options: Unpack[_Undoable],
    ) -> Coroutine[object, None, Any]: ...
    @overload
    def do(
        self,
        name: str | None = None,
        *,
        depends: Sequence[DecoratedStep[Any]] | None = None,
        concurrent: bool = False,
        **options: Unpack[_Options],
    ) -> StepDecorator: ...
    def do(
        self,
        name: Any = None,
        fn: Any = _ABSENT,
        *args: object,
        result: Any = None,
        retries: RetryOptions | None = None,
        timeout: Duration | None = None,
        sensitive: Literal["output"] | None = None,
        config: StepOptions | None = None,
        rollback: Callable[[RollbackContext[Any]], object] | None = None,
        rollback_config: RollbackOptions | None = None,
        on_interrupted: OnInterrupted = "rerun",
        depends: Sequence[DecoratedStep[Any]] | None = None,
        concurrent: bool = False,
    ) -> Any:
        """Calls `fn(*args)` until it succeeds, and remembers what it returned.

        A plain `def` runs in a thread, an `async def` and a lambda on the event loop. A parameter that `args`
        leave open and that is named `ctx` or annotated `StepContext` receives the context. The result is of
        type `result`, else of the function's return annotation; without one only plain values are stored, and
        `NotStorable` ends the instance. What an async generator yields (bytes) goes to the disk, and the
        result is a `StepStream`. `retries` counts attempts after the first; `timeout` is per attempt.

        `rollback` undoes the step when an error ends the instance, or `terminate(rollback=True)` does: it is
        called like `fn`, with a `RollbackContext`, once for each step that has started, the last one first.
        `rollback_config` has `retries` and `timeout` of its own. Such a step costs one more write.

        `on_interrupted` says what happens when a crash fell between the effect of an attempt and its record:
        "rerun" (the next attempt starts), "fail" (`StepInterrupted`), "ask" (the step waits for
        `WorkflowInstance.decide`), or a function that is called with `Interrupted` and returns
        `Happened(value)` or `NotHappened()`. All but "rerun" cost one more write before each attempt.

        Without `fn` it is Cloudflare's decorator: `@step.do("name")` makes a function a step that runs when
        it is called, after the steps that its parameters name, or that `depends` lists; these run one after
        the other, or `concurrent`.
        """
        options = config or _given(retries, timeout, sensitive)
        undoable = rollback is not None or rollback_config is not None
        if fn is _ABSENT:
            if undoable:
                raise WorkflowFatalError(
                    f'Rollback for "{name}" needs the plain form: step.do(name, function)'
                )
            declared = self._declared = self._declared or Declared(self._run, self._prefix, self._count)
            return StepDecorator(declared, name, options, depends=depends, concurrent=concurrent)
        try:
            self._count(name, fn)
            checked = StepConfig.of(name, options) if options else DEFAULT
            if on_interrupted != "rerun":
                interrupted.checked(name, on_interrupted)
            style = style_of(fn, len(args))
            undo = self._compensation(name, rollback, rollback_config) if undoable else None
            key = self._run.names.take(Kind.DO, self._full(name))
        except WorkflowError as error:
            return refused(error)
        codec = style.codec if result is None else codec_for(result)
        make: Callable[..., Do] = Do
        if on_interrupted != "rerun":
            make = partial(Careful, on_interrupted=on_interrupted)
        return self._run.perform(make(self._run, key, fn, args, style, codec, checked, undo))

    def progress(self, value: object, /) -> Streamed:
        """`ctx.stream(value)` of the attempt that calls this, at whatever depth: see `StepContext.stream`."""
        attempt = current_attempt()
        if attempt is None:
            raise WorkflowError("step.progress() is for the function that step.do is given: call it there")
        return attempt.tell(value)

    def sleep(self, name: str, duration: Duration, /) -> Coroutine[object, None, None]:
        """Sleeps for `duration` (seconds, a timedelta or "2 days"), crash or not; at most 365 days."""
        return self._named(Kind.SLEEP, name, lambda key: Sleep(self._run, key, duration))

    def sleep_until(self, name: str, until: datetime | float, /) -> Coroutine[object, None, None]:
        """Sleeps until an instant: an aware datetime or epoch seconds. A pause does not move it."""
        return self._named(Kind.SLEEP, name, lambda key: SleepUntil(self._run, key, until))

    @overload
    def wait_for_event(
        self, name: str, type: str, /, *, payload: TypeForm[T], timeout: Duration = "24 hours"
    ) -> Coroutine[object, None, ReceivedEvent[T]]: ...
    @overload
    def wait_for_event(
        self, name: str, type: str, /, *, timeout: Duration = "24 hours"
    ) -> Coroutine[object, None, ReceivedEvent[Any]]: ...
    def wait_for_event(
        self, name: str, type: str, /, *, payload: Any = None, timeout: Duration = "24 hours"
    ) -> Coroutine[object, None, ReceivedEvent[Any]]:
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
        return WorkflowStep(self._run, self._children, f"{self._prefix}{name}/")

    def _compensation(self, name: str, rollback: object, options: object) -> Compensation:
        if asyncio.current_task() in self._run.tasks:
            raise WorkflowFatalError(
                f'Rollback for "{name}" is given inside the function of another step, where it could not be '
                "found again: give it to that step"
            )
        return Compensation.of(name, rollback, options)

    def _count(self, name: str, fn: object) -> None:
        if not callable(fn):
            raise WorkflowFatalError(f'Step "{name}" requires a callback function')
        self._run.steps += 1
        if self._run.steps > self._run.limits.steps:
            raise WorkflowFatalError(
                f"The limit of {self._run.limits.steps} steps has been reached. "
                "Raise it with `step_limit = …` in the workflow class."
            )


def _given(
    retries: RetryOptions | None, timeout: Duration | None, sensitive: Literal["output"] | None
) -> dict[str, Any]:
    if retries is None and timeout is None and sensitive is None:
        return _NOTHING
    options = {"retries": retries, "timeout": timeout, "sensitive": sensitive}
    return {name: option for name, option in options.items() if option is not None}
