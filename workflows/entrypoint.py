"""`WorkflowEntrypoint`: the class that users write."""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Generic, cast, overload

from typing_extensions import TypeVar

from workflows.binding import Binding
from workflows.hooks.hook import AnyHook
from workflows.instance import WorkflowInstance
from workflows.retention import Retention
from workflows.step import WorkflowStep
from workflows.timers.cron import Cron
from workflows.types import WorkflowEvent

__all__ = ["WorkflowEntrypoint"]

E = TypeVar("E")
P = TypeVar("P")
Q = TypeVar("Q")
S = TypeVar("S", default=Any)
"""What `run` gets as its step, for classes that others derive from."""


class WorkflowEntrypoint(abc.ABC, Generic[E, P, S]):
    """A workflow: derive from `WorkflowEntrypoint[Env, Params]` and write `run`."""

    step_limit: ClassVar[int] = 10_000
    """Calls of `step.do` in one run."""
    concurrency: ClassVar[int | None] = None
    """How many instances may run at once; those that wait do not count, others are queued."""
    retention: ClassVar[Retention] = {}
    """For how long an instance is kept once it has ended; what is not given is what the engine says."""
    errors: ClassVar[Sequence[type[Exception]]] = ()
    """Classes of errors that steps raise and that `run` catches as themselves."""

    schedules: ClassVar[str | Cron | Sequence[str | Cron]] = ()
    """Cron expressions, in UTC where a `Cron` does not say otherwise: an instance for each time of each."""
    on_complete: ClassVar[Sequence[AnyHook]] = ()
    """Who is told when an instance is complete: at least once, also after a crash."""
    on_failure: ClassVar[Sequence[AnyHook]] = ()
    """Who is told when an instance is errored or was terminated."""

    env: E
    """What the engine was given."""
    instance: WorkflowInstance
    """The handle of the instance that runs."""
    _bindings: Callable[[Any], Binding[Any]]
    _reach: Callable[[str], Awaitable[Any]]

    @abc.abstractmethod
    async def run(self, event: WorkflowEvent[P], step: S, /) -> Any:
        """Ordinary code around durable steps; after a crash it runs again, and recorded steps are answered.

        What it returns is the instance's output; an error that leaves it ends the instance as errored.
        """

    async def __call__(self, event: WorkflowEvent[P], step: WorkflowStep, /) -> Any:
        """What the engine calls: a class that others derive from puts here what belongs around `run`."""
        return await self.run(event, cast(S, step))

    async def reach(self, place: str, /) -> Any:
        """What serves a place of this engine (`Engine.places`); waits until somebody does.

        None in a replay of an exported history, where nothing is to be done.
        """
        return await self._reach(place)

    @overload
    def workflow(self, workflow: type[WorkflowEntrypoint[Any, Q]], /) -> Binding[Q]: ...
    @overload
    def workflow(self, workflow: str, /) -> Binding[Any]: ...
    def workflow(self, workflow: type[WorkflowEntrypoint[Any, Any]] | str, /) -> Binding[Any]:
        """The binding of a workflow of the same engine."""
        return self._bindings(workflow)
