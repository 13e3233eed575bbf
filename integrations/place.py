"""Where in a workflow an agent of another framework runs, so that its calls are found again by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4, uuid5

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
    id: str
    """Unique everywhere, and the same on each replay."""
    model: StepOptions
    tool: StepOptions
    _taken: Counter[str] = field(default_factory=Counter, init=False)
    _busy: set[str] = field(default_factory=set, init=False)

    @classmethod
    async def claimed(cls, step: WorkflowStep, name: str, *, model: StepOptions, tool: StepOptions) -> Place:
        """A place of its own for each use of `name`; which use it is, is a step like any other."""
        id, count = await step.do(name, _identity)
        return cls(step.scope(name if count == 1 else f"{name}-{count}"), id, model, tool)

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
        with self.alone(name):
            return await self.named(f"{name} {self.number(name)}", call, options)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Refuses a second one of this name while the first one is inside."""
        if name in self._busy:
            raise AmbiguousStepName(
                f'"{name}" is under way twice in one place, and only timing says which is which: '
                "give each of the two a name of its own"
            )
        self._busy.add(name)
        try:
            yield
        finally:
            self._busy.discard(name)

    def number(self, name: str) -> int:
        """How often it was asked for this name, from 1."""
        self._taken[name] += 1
        return self._taken[name]

    async def named(self, name: str, call: Callable[[], Awaitable[object]], options: StepOptions) -> Any:
        """`call` as a step, for what is named apart from all that goes on beside it."""
        below = replace(self, step=self.step.scope(name), id=uuid5(UUID(self.id), name).hex)

        async def placed() -> object:
            with below.entered():
                return await call()

        return await self.step.do(name, placed, config=options)


async def _identity(ctx: StepContext) -> tuple[str, int]:
    return uuid4().hex, ctx.step.count
