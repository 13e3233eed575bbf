"""The workflows that agents reach: by class, by name, or as `self.env.MY_WORKFLOW`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workflows import Binding, Engine, ListedInstance, Toll, UnknownWorkflow, WorkflowEntrypoint

__all__ = ["Bindings", "Launcher"]


class Launcher:
    """The bindings of the app's workflows."""

    def __init__(
        self, engine: Engine, named: Mapping[str, type[WorkflowEntrypoint[Any, Any]]], toll: Toll
    ) -> None:
        """`toll` counts the instances that are created."""
        self._engine = engine
        self._named = named
        self._toll = toll

    def workflow(self, workflow: type[WorkflowEntrypoint[Any, Any]] | str) -> Binding[Any]:
        """The binding of a workflow, by its class, its name or its binding name."""
        named = self._named.get(workflow, workflow) if isinstance(workflow, str) else workflow
        return self._engine.workflow(named).paying(self._toll)

    async def listed(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], ListedInstance]:
        """See `Engine.listed`."""
        return await self._engine.listed(wanted)


class Bindings:
    """`self.env` of an app that was given none: `env.MY_WORKFLOW` is the binding of that name."""

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def __getattr__(self, name: str) -> Binding[Any]:
        if name.startswith("_"):  # looked for by copy, pickle and the like, before there is a launcher
            raise AttributeError(name)
        try:
            return self._launcher.workflow(name)
        except UnknownWorkflow as error:
            raise AttributeError(f"{error}; this app was given no env of its own") from None
