"""Cloudflare's Python style: `@step.do()` over a function whose parameters name the steps that it needs.

A step that is called takes its identity at once, and so do the steps that it needs and that have none yet. So
identities follow the order of calls, whatever ends first; and a step that is only ever needed, never called,
is the same one whoever needs it first.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from workflows.callback import CallStyle, is_context, style_of
from workflows.dependent import Dependent, Placed
from workflows.entry import Key, Kind
from workflows.errors import AmbiguousStepName, WorkflowError
from workflows.retry import DEFAULT, StepConfig
from workflows.run import Run
from workflows.shared import SharedStep, together

__all__ = ["Declared", "DecoratedStep", "StepDecorator"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_Task = asyncio.Task[Any] | None
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Declared:
    """The decorated steps of one `WorkflowStep`, by the names that parameters may give them."""

    def __init__(self, run: Run, prefix: str, count: Callable[[str, object], None]) -> None:
        self.run = run
        self.count = count
        self._prefix = prefix
        self._steps: dict[str, dict[_Task, DecoratedStep[Any]]] = {}
        self._functions: dict[str, dict[_Task, DecoratedStep[Any]]] = {}

    def add(self, step: DecoratedStep[Any], function: str) -> None:
        """`step` is found from now on, by its own name and by the name of its function."""
        task = asyncio.current_task()
        self._steps.setdefault(step.step_name, {})[task] = step
        self._functions.setdefault(function, {})[task] = step

    def find(self, name: str) -> DecoratedStep[Any] | None:
        """The step that was declared last under `name`; what this task has declared goes first."""
        tables = (self._steps.get(name, {}), self._functions.get(name, {}))
        task = asyncio.current_task()
        for table in tables:
            if task in table:
                return table[task]
        for table in tables:
            if len(table) > 1:
                raise AmbiguousStepName(
                    f'several tasks have declared a step "{name}": say which one is meant by depends=[…]'
                )
            if table:
                [step] = table.values()
                return step
        return None

    def key(self, name: str) -> Key:
        """The identity of the step that begins now."""
        return self.run.names.take(Kind.DO, self._prefix + name)


class StepDecorator:
    """What `step.do("name")` is: it makes a function a step, which runs when it is called."""

    def __init__(
        self,
        declared: Declared,
        name: str | None,
        options: Mapping[str, Any],
        *,
        depends: Sequence[DecoratedStep[Any]] | None,
        concurrent: bool,
    ) -> None:
        if not isinstance(name, str | None):
            raise TypeError(
                f'step.do got {name!r} where a name belongs: write @step.do(), or step.do("name", fn)'
            )
        self._declared = declared
        self._name = name
        self._options = options
        self._depends = depends
        self._concurrent = concurrent

    @overload
    def __call__(self, function: Callable[..., Awaitable[T]], /) -> DecoratedStep[T]: ...
    @overload
    def __call__(self, function: Callable[..., T], /) -> DecoratedStep[T]: ...
    def __call__(self, function: Callable[..., Any], /) -> DecoratedStep[Any]:
        """The step; nothing runs yet."""
        known_as = getattr(function, "__name__", None)
        name = known_as if self._name is None else self._name
        if name is None:
            raise TypeError(f'{function!r} has no name of its own: write @step.do("name")')
        step: DecoratedStep[Any] = DecoratedStep(
            self._declared,
            name,
            function,
            self._options,
            depends=self._depends,
            concurrent=self._concurrent,
        )
        self._declared.add(step, known_as or name)
        return step


class DecoratedStep(Generic[T_co]):
    """A step made by `@step.do()`: `await it()` runs it, after the steps that its parameters name.

    Each call is a step of its own. Steps that need it get the outcome of its latest call; when it was not
    called, it runs once for all of them.
    """

    def __init__(
        self,
        declared: Declared,
        name: str,
        function: Callable[..., Any],
        options: Mapping[str, Any],
        *,
        depends: Sequence[DecoratedStep[Any]] | None,
        concurrent: bool,
    ) -> None:
        self.__name__ = name
        functools.update_wrapper(self, function)  # which keeps the name when the function has none
        self.step_name = name
        self._declared = declared
        self._function = function
        self._options = options
        self._concurrent = concurrent
        self._latest: SharedStep[T_co] | None = None
        parameters = list(inspect.signature(function).parameters.values())
        self._context = next((one.name for one in parameters if is_context(one)), None)
        self._parameters = [one for one in parameters if one.name != self._context]
        self._depends = depends
        self._known = (
            {} if depends is not None else {one.name: declared.find(one.name) for one in self._parameters}
        )
        style = style_of(function, len(parameters))
        self._style = CallStyle(style.threaded, self._context is not None, style.codec)

    def __call__(self) -> Coroutine[object, None, T_co]:
        """Runs it as a new step; its identity and those of the steps that it needs are taken now."""
        try:
            return _called(self._begin(()))
        except (WorkflowError, TypeError) as error:
            return _refused(error)

    def __repr__(self) -> str:
        return f'<step "{self.step_name}">'

    def _begin(self, path: tuple[DecoratedStep[Any], ...]) -> SharedStep[T_co]:
        """A step with a new identity; `path` is what needs it."""
        if self in path:
            circle = " → ".join(one.step_name for one in (*path[path.index(self) :], self))
            raise TypeError(f"steps need each other: {circle}")
        needs = list(self._needs())
        steps = [need._needed((*path, self)) for _, need in needs]  # noqa: SLF001  # of this class
        declared, name = self._declared, self.step_name
        declared.count(name, self._function)
        config = StepConfig.of(name, self._options) if self._options else DEFAULT
        names = [parameter for parameter, _ in needs]
        function = Placed(self._function, names if self._context is None else [*names, self._context])
        make = functools.partial(
            Dependent,
            declared.run,
            key := declared.key(name),
            function,
            steps,
            style=self._style,
            config=config,
            concurrent=self._concurrent,
        )
        self._latest = SharedStep(declared.run, key, make, called=not path)
        return self._latest

    def _needed(self, path: tuple[DecoratedStep[Any], ...]) -> SharedStep[T_co]:
        """The step whose outcome those on `path` get."""
        latest = self._latest
        if latest is None:
            return self._begin(path)
        alike = not latest.called and latest.key.occurrence == 1
        self._declared.run.names.use(latest.key, alike=alike)
        return latest

    def _needs(self) -> Iterator[tuple[str, DecoratedStep[Any]]]:
        """The steps that its parameters stand for."""
        if self._depends is not None:
            yield from self._listed(self._depends)
            return
        for parameter in self._parameters:
            step = None if parameter.kind in _VARIADIC else self._known[parameter.name]
            step = step or self._declared.find(parameter.name)
            if step is not None:
                yield parameter.name, step
            elif parameter.default is inspect.Parameter.empty:
                error = TypeError(f"Received unexpected parameter {parameter.name}")
                error.add_note(f'step "{self.step_name}" is called, and no step of that name is declared')
                raise error

    def _listed(self, depends: Sequence[object]) -> Iterator[tuple[str, DecoratedStep[Any]]]:
        if len(depends) != len(self._parameters):
            raise TypeError(
                f'step "{self.step_name}" has {len(self._parameters)} parameters besides ctx, '
                f"and depends= lists {len(depends)} steps"
            )
        for parameter, step in zip(self._parameters, depends, strict=True):
            if not isinstance(step, DecoratedStep):
                raise TypeError(
                    f'depends= of step "{self.step_name}" gives {parameter.name!r} {step!r}: '
                    "list functions that are decorated with step.do"
                )
            yield parameter.name, step


async def _called(step: SharedStep[T]) -> T:
    [value] = await together([step])
    return value  # type: ignore[no-any-return]  # `together` takes steps of any types


async def _refused(error: Exception) -> Any:
    """Raised when awaited, so that what was called beside it is awaited too."""
    raise error
