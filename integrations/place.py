"""Where in a workflow an agent of another framework runs, so that its calls are found again by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from workflows import AmbiguousStepName, StepContext, StepOptions, WorkflowStep

__all__ = ["Place", "here"]

_here: ContextVar[Place | None] = ContextVar("_here", default=None)


def here() -> Place | None:
    """The place of the caller; None where nothing is durable."""
    return _here.get()


@dataclass(slots=True)
class Place:
    """The steps of one run of an agent, and their options.

    What a step runs in its turn has a place of its own below it, so that an agent which is a tool of another
    one is found again too.
    """

    step: WorkflowStep
    model: StepOptions
    tool: StepOptions
    _taken: Counter[str] = field(default_factory=Counter, init=False)
    _busy: set[str] = field(default_factory=set, init=False)

    @classmethod
    async def claimed(cls, step: WorkflowStep, name: str, *, model: StepOptions, tool: StepOptions) -> Place:
        """A place of its own for each use of `name`; which use it is, is a step like any other."""
        count = await step.do(name, _count)
        return cls(step.scope(name if count == 1 else f"{name}-{count}"), model, tool)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """What is called inside, in this task and in those that it starts, finds this place by `here`."""
        token = _here.set(self)
        try:
            yield
        finally:
            _here.reset(token)

    async def one_by_one(self, name: str, call: Callable[[], Awaitable[object]], options: StepOptions) -> Any:
        """`call` as a step of its own number, for what a run does one after the other, whatever its task."""
        if name in self._busy:
            raise AmbiguousStepName(
                f'two agents are at "{name}" at once, and only timing says which is which: '
                'run each of them with a step.scope("…") of its own'
            )
        self._taken[name] += 1
        self._busy.add(name)
        try:
            return await self.named(f"{name} {self._taken[name]}", call, options)
        finally:
            self._busy.discard(name)

    async def named(self, name: str, call: Callable[[], Awaitable[object]], options: StepOptions) -> Any:
        """`call` as a step, for what is named apart from all that goes on beside it."""
        below = replace(self, step=self.step.scope(name))

        async def placed() -> object:
            with below.entered():
                return await call()

        return await self.step.do(name, placed, config=options)


async def _count(ctx: StepContext) -> int:
    return ctx.step.count
