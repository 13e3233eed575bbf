"""Hooks: who hears of the end of an instance, and what they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeAlias, cast

from workflows.binding import Binding
from workflows.errors import EngineClosed, WorkflowError
from workflows.failure import Failure
from workflows.types import Status

__all__ = ["AnyHook", "Finished", "Hook", "Hooks", "PlacedHook", "hooks_of", "place_of"]

_LONGEST_NAME = 256


def _no_engine(workflow: object) -> Binding[Any]:
    raise EngineClosed(f"this was not given to a hook by an engine: it cannot reach {workflow!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end of an instance, as a hook is told of it."""

    workflow: str
    id: str
    status: Literal["complete", "errored", "terminated"]
    output: Any
    """None unless it is complete."""
    error: Failure | None
    """None unless it is errored."""
    created_at: datetime
    finished_at: datetime
    delivery: str
    """A UUID of this hook and this end: the same for every attempt, another one after a restart."""
    attempt: int = 1
    at: datetime
    """When this attempt began."""
    env: Any = field(default=None, repr=False, compare=False)
    """What the engine was given."""
    bindings: Callable[[Any], Binding[Any]] = field(default=_no_engine, repr=False, compare=False)

    def binding(self, workflow: type[Any] | str, /) -> Binding[Any]:
        """The binding of a workflow of the same engine, by its class, its name or its binding name."""
        return self.bindings(workflow)


class Hook(Protocol):
    """Hears of the end of an instance: list it in a workflow's `on_complete` or `on_failure`."""

    @property
    def name(self) -> str:
        """Under which its deliveries are kept: one that has another name is another hook."""

    async def deliver(self, finished: Finished, /) -> None:
        """Called at least once for each end, until it returns; never twice at once for one end.

        An error is followed by another attempt, a `TryAgain` says when, a `NonRetryableError` that there is
        to be none.
        """


class PlacedHook(Protocol):
    """A hook that something else delivers, e.g. an `AgentsApp`: it waits until its place is served."""

    @property
    def name(self) -> str:
        """See `Hook`."""

    @property
    def place(self) -> str:
        """See `Deliveries.serve`."""


AnyHook: TypeAlias = Hook | PlacedHook


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks of one workflow, by name."""

    complete: Mapping[str, AnyHook]
    failure: Mapping[str, AnyHook]

    def at(self, status: Status) -> Mapping[str, AnyHook]:
        """Who is told when an instance ends like this; a terminated one has failed, too."""
        return self.complete if status == "complete" else self.failure


def hooks_of(workflow: str, complete: object, failure: object) -> Hooks:
    """What a workflow lists, looked at."""
    return Hooks(_named(complete, f"on_complete of {workflow}"), _named(failure, f"on_failure of {workflow}"))


def place_of(hook: AnyHook) -> str:
    """Who delivers it; empty when it does so itself."""
    return cast(str, getattr(hook, "place", ""))


def _named(listed: object, what: str) -> Mapping[str, AnyHook]:
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise WorkflowError(f"{what} is {listed!r}: give a list of hooks")
    found: dict[str, AnyHook] = {}
    for hook in listed:
        name = getattr(hook, "name", None)
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME or not _can_hear(hook):
            raise WorkflowError(
                f"{what} has {hook!r}, which is no hook: give it a name of at most {_LONGEST_NAME} characters"
                " and `async def deliver(self, finished)`"
            )
        if name in found:
            raise WorkflowError(f'{what} has two hooks with the name "{name}": give one of them another')
        found[name] = hook
    return MappingProxyType(found)


def _can_hear(hook: object) -> bool:
    place = getattr(hook, "place", "")
    return isinstance(place, str) and (bool(place) or callable(getattr(hook, "deliver", None)))
