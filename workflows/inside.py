"""Inside of what the code runs: a run, to which the tasks belong that are made there, or an attempt."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol, cast

__all__ = ["INSIDE", "enclosing"]

INSIDE: ContextVar[object] = ContextVar("INSIDE", default=None)
"""The `RunTasks` of a run; within the function of a step its `Attempt`, whose tasks are its own."""


class _Attempt(Protocol):
    """As far as the steps are concerned that are called within it."""

    ordinal: int

    def encloses(self) -> None: ...


def enclosing() -> int:
    """The ordinal of the step whose function calls another one now; 0: none does.

    That it has started is written down first, or a crash would leave the other one alone.
    """
    ordinal: int = getattr(INSIDE.get(), "ordinal", 0)
    if ordinal:
        cast(_Attempt, INSIDE.get()).encloses()
    return ordinal
