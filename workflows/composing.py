"""Steps that are made of others: a whole workflow, and several branches of which one wins."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar, overload

from typing_extensions import TypeForm, Unpack

from workflows.binding import NO_PARAMS, Binding
from workflows.branches import Losers, checked, unused
from workflows.child import Child, ChildOptions, OnParentEnd
from workflows.children import Children, Runnable
from workflows.entry import Key, Kind
from workflows.errors import WorkflowError
from workflows.operation import Operation
from workflows.race import Race
from workflows.run import Run
from workflows.typed import codec_for
from workflows.types import Raced

__all__ = ["Composing", "refused"]

P = TypeVar("P")
R = TypeVar("R")
T = TypeVar("T")


class Composing:
    """The part of `WorkflowStep` that puts steps together."""

    def __init__(self, run: Run, children: Children, prefix: str) -> None:
        self._run = run
        self._children = children
        self._prefix = prefix

    @overload
    def run_workflow(
        self,
        name: str,
        workflow: type[Runnable[P, Any]] | Binding[P],
        /,
        params: P | dict[str, Any] = ...,
        *,
        result: TypeForm[R],
        **options: Unpack[ChildOptions],
    ) -> Coroutine[object, None, R]: ...
    @overload
    def run_workflow(
        self,
        name: str,
        workflow: str,
        /,
        params: object = ...,
        *,
        result: TypeForm[R],
        **options: Unpack[ChildOptions],
    ) -> Coroutine[object, None, R]: ...
    @overload
    def run_workflow(
        self,
        name: str,
        workflow: type[Runnable[P, T]],
        /,
        params: P | dict[str, Any] = ...,
        **options: Unpack[ChildOptions],
    ) -> Coroutine[object, None, T]: ...
    @overload
    def run_workflow(
        self,
        name: str,
        workflow: Binding[P],
        /,
        params: P | dict[str, Any] = ...,
        **options: Unpack[ChildOptions],
    ) -> Coroutine[object, None, Any]: ...
    @overload
    def run_workflow(
        self, name: str, workflow: str, /, params: object = ..., **options: Unpack[ChildOptions]
    ) -> Coroutine[object, None, Any]: ...
    def run_workflow(
        self,
        name: str,
        workflow: Any,
        /,
        params: Any = NO_PARAMS,
        *,
        result: Any = None,
        id: str | None = None,
        on_parent_end: OnParentEnd = "leave",
    ) -> Coroutine[object, None, Any]:
        """Creates one instance of `workflow` (a class, a binding or a name), and waits for its output.

        Raises `WorkflowFailed` when it ends without one, by whatever hand. The output is of type `result`,
        else of what the workflow's `run` is annotated with. An `id` of your own names the child beyond a
        restart of this instance; one that others have taken raises `InstanceExists`. `on_parent_end` says
        what becomes of a child that still runs when this instance ends or is restarted, or the wait is cut.
        """
        try:
            definition = self._children.definition(workflow)
        except WorkflowError as error:
            return refused(error)
        codec = definition.output if result is None else codec_for(result)
        child = functools.partial(
            Child, self._run, children=self._children, definition=definition, params=params, codec=codec
        )
        return self._named(Kind.CHILD, name, lambda key: child(key, id=id, on_parent_end=on_parent_end))

    def race(
        self, name: str, branches: Mapping[str, Coroutine[object, None, T]], /, *, losers: Losers = "cancel"
    ) -> Coroutine[object, None, Raced[T]]:
        """Runs `branches` (steps, or calls of async functions) side by side until the first one ends.

        The winner is durable: later runs come to the same one. When it failed, its error is raised. `losers`
        are cancelled, as steps are that are cut; or they are left, and go on to their end. An event that
        comes when another branch has won stays for the next wait.
        """
        try:
            checked(name, branches, losers)
            key = self._run.names.take(Kind.RACE, self._full(name))
        except WorkflowError as error:
            unused(branches)
            return refused(error)
        return Race(self._run, key, branches, self._children, losers=losers).called()

    def _named(
        self, kind: Kind, name: str, operation: Callable[[Key], Operation[T]]
    ) -> Coroutine[object, None, T]:
        try:
            key = self._run.names.take(kind, self._full(name))
        except WorkflowError as error:
            return refused(error)
        return self._run.perform(operation(key))

    def _full(self, name: str) -> str:
        return self._prefix + name if self._prefix else name


async def refused(error: WorkflowError) -> Any:
    """Raised when awaited, so that what was called beside it is awaited too."""
    raise error
