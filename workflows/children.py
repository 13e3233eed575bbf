"""The workflows that the child of a step may have, and where it lives."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from workflows.backend import Backend, Ref
from workflows.binding import Binding, BoundDefinition
from workflows.errors import UnknownWorkflow, WorkflowError
from workflows.kin import ChildId
from workflows.types import WorkflowEvent

__all__ = ["Children", "Runnable"]

P_contra = TypeVar("P_contra", contravariant=True)
T_co = TypeVar("T_co", covariant=True)

log = logging.getLogger("workflows")


class Runnable(Protocol[P_contra, T_co]):
    """What type checkers need to know of a workflow class: its params and its output."""

    def run(self, event: WorkflowEvent[P_contra], step: Any, /) -> Coroutine[Any, Any, T_co]: ...


class Children:
    """The workflows that a child may have, and the backend in which it lives: that of its parent."""

    def __init__(self, backend: Backend, bindings: Callable[[Any], Binding[Any]]) -> None:
        self.backend = backend
        self._bindings = bindings

    def definition(self, workflow: object) -> BoundDefinition:
        """Of a class, a name or a binding; `UnknownWorkflow` when the engine does not have it."""
        binding = workflow if isinstance(workflow, Binding) else self._bindings(workflow)
        definition = binding.definition_in(self.backend)
        if definition is None:
            raise UnknownWorkflow(f"{binding.name} is bound to another engine, and a child lives in this one")
        return definition

    async def let_go(self, child: ChildId, parent: Ref) -> None:
        """No step of `parent` waits for the child any more: it is terminated when it follows."""
        if not child.follows:
            return
        try:
            await self.backend.journal(parent)  # returns after the creation, if that is being written
            found = await self.backend.find(child.workflow, child.id)
            if found is not None and found.parent == parent.incarnation:
                await self.backend.control(found.ref, "terminate")
        except WorkflowError as error:  # it ended meanwhile; else it is looked at when the engine is opened
            log.debug('%s "%s" is not terminated: %s', child.workflow, child.id, error)
