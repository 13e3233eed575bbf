"""`step.do` whose arguments are what other steps return."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from workflows.callback import CallStyle
from workflows.do import Do
from workflows.entry import Entry, Key, State
from workflows.retry import StepConfig
from workflows.run import Run
from workflows.shared import SharedStep, together

__all__ = ["Dependent", "Placed"]


class Placed:
    """A function that takes its arguments in the order of `names`, wherever its parameters stand."""

    __slots__ = ("_function", "_names", "_positional")

    def __init__(self, function: Callable[..., object], names: Sequence[str]) -> None:
        self._function = function
        self._names = names
        parameters = inspect.signature(function).parameters.values()
        self._positional = [one for one in parameters if one.kind is inspect.Parameter.POSITIONAL_ONLY]

    def __call__(self, *values: object) -> object:
        named = dict(zip(self._names, values, strict=True))
        first = [named.pop(one.name, one.default) for one in self._positional]
        return self._function(*first, **named)

    def __repr__(self) -> str:
        return repr(self._function)


class Dependent(Do):
    """The `Operation` of a decorated step: the steps that it needs, then its own attempts.

    While it waits for those it is a step under way: cancelled then, it is cut, and its replay waits to be
    cancelled again, even though what it needed has gone on for others.
    """

    __slots__ = ("_concurrent", "_steps")

    def __init__(
        self,
        run: Run,
        key: Key,
        function: Placed,
        steps: Sequence[SharedStep[Any]],
        *,
        style: CallStyle,
        config: StepConfig,
        concurrent: bool,
    ) -> None:
        super().__init__(run, key, function, (), style=style, codec=style.codec, config=config)
        self._steps = steps
        self._concurrent = concurrent

    async def live(self, entry: Entry) -> None:
        """See `Operation.live`."""
        if self._steps:
            self._arguments = tuple(await self._values())
            if entry.state is State.RUNNING and not entry.attempts:  # it is new
                entry.ordinal = self._run.next_ordinal()  # it starts after what it needs
        await super().live(entry)

    async def _values(self) -> list[Any]:
        if self._concurrent:
            return await together(self._steps)
        return [(await together([step]))[0] for step in self._steps]
