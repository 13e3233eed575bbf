"""The branches of a race: what may be one, and what becomes of those that are not run."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Literal

from workflows.errors import WorkflowError

__all__ = ["Branches", "Losers", "checked", "unused"]

Branches = Mapping[str, Coroutine[Any, Any, Any]]
Losers = Literal["cancel", "leave"]


def checked(name: str, branches: object, losers: object) -> Branches:
    """`branches`, when they can be run; says what is wrong with them."""
    if not isinstance(branches, Mapping) or not branches:
        raise WorkflowError(f'race "{name}" has no branches: give a dict of names and coroutines')
    for label, branch in branches.items():
        if not isinstance(label, str):
            raise WorkflowError(f'race "{name}" has a branch called {label!r}: give it a str as its name')
        if not isinstance(branch, Coroutine) or inspect.getcoroutinestate(branch) != inspect.CORO_CREATED:
            raise WorkflowError(
                f'branch "{label}" of race "{name}" is {branch!r}: give a coroutine that nobody awaits yet, '
                "as step.sleep(…) and a call of an async function are"
            )
    if len(set(map(id, branches.values()))) < len(branches):
        raise WorkflowError(f'race "{name}" has one coroutine twice: call the step once for each branch')
    if losers not in ("cancel", "leave"):
        raise WorkflowError(f'losers {losers!r} of race "{name}" is not known: use "cancel" or "leave"')
    return branches


def unused(branches: object) -> None:
    """Closes the coroutines of a race that does not take place."""
    given = branches.values() if isinstance(branches, Mapping) else branches
    for branch in given if isinstance(given, Iterable) else ():
        if isinstance(branch, Coroutine) and inspect.getcoroutinestate(branch) == inspect.CORO_CREATED:
            branch.close()
