"""Introspection: of one instance, or of every one that is created from now on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from workflows import typed
from workflows.binding import Binding
from workflows.receive import event_type
from workflows.rehearsal import Mocked
from workflows.testing.introspector import InstanceIntrospector, backend_of
from workflows.testing.mocks import Mocks
from workflows.testing.rehearsed import Rehearsed

__all__ = ["WorkflowIntrospector", "introspect", "introspect_all"]


class WorkflowIntrospector(Mocks):
    """Every instance of a workflow that is created while this is open; each can be told more."""

    def __init__(self, binding: Binding[Any]) -> None:
        super().__init__()
        self.instances: list[InstanceIntrospector] = []
        """Those that were created, in that order."""
        self._binding = binding
        self._events: list[tuple[str, Mocked]] = []
        self._rehearsed: list[Rehearsed] = []
        self._own: list[str] = []
        """Ids that nobody else introspects."""

    async def mock_event(self, type: str, payload: object = None) -> None:
        """Sends an event to every instance: now to those that exist, and to each new one."""
        self._events.append((event_type(type), Mocked(typed.message(payload))))
        for instance in tuple(self.instances):
            await instance.mock_event(type, payload)

    def take_in(self, workflow: str, id: str) -> None:
        """There is a new instance, perhaps of another workflow."""
        if workflow != self._binding.name:
            return
        rehearsed, new = _rehearsed(self._binding, id)
        rehearsed.rules.append(self._rules)
        rehearsed.events.extend(self._events)
        rehearsed.exists.set()
        self._rehearsed.append(rehearsed)
        self.instances.append(InstanceIntrospector(self._binding, id, rehearsed))
        if new:
            self._own.append(id)

    def leave(self) -> None:
        """What was said here does not hold any more."""
        for instance, rehearsed in zip(self.instances, self._rehearsed, strict=True):
            instance.leave()
            rehearsed.rules.remove(self._rules)
        for id in self._own:
            backend_of(self._binding).rehearsals.by_id.pop((self._binding.name, id), None)


@asynccontextmanager
async def introspect(binding: Binding[Any], id: str) -> AsyncIterator[InstanceIntrospector]:
    """One instance, which need not exist yet; on leaving, what was said of it does not hold any more."""
    rehearsals = backend_of(binding).rehearsals
    rehearsed, new = _rehearsed(binding, id)

    def created(*which: str) -> None:
        if which == (binding.name, id):
            rehearsed.exists.set()

    rehearsals.listen(created)
    instance = InstanceIntrospector(binding, id, rehearsed)
    try:
        yield instance
    finally:
        rehearsals.leave(created)
        instance.leave()
        if new:
            rehearsals.by_id.pop((binding.name, id), None)


@asynccontextmanager
async def introspect_all(binding: Binding[Any]) -> AsyncIterator[WorkflowIntrospector]:
    """Every instance of a workflow that is created meanwhile, by whomever."""
    rehearsals = backend_of(binding).rehearsals
    introspector = WorkflowIntrospector(binding)
    rehearsals.listen(introspector.take_in)
    try:
        yield introspector
    finally:
        rehearsals.leave(introspector.take_in)
        introspector.leave()


def _rehearsed(binding: Binding[Any], id: str) -> tuple[Rehearsed, bool]:
    """What the steps of the instance ask, and whether it is new."""
    rehearsals = backend_of(binding).rehearsals
    known = rehearsals.by_id.get((binding.name, id))
    if isinstance(known, Rehearsed):
        return known, False
    rehearsed = Rehearsed()
    rehearsals.by_id[binding.name, id] = rehearsed
    return rehearsed, True
