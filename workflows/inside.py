"""Inside of what the code runs: a run, to which the tasks belong that are made there, or an attempt."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol

__all__ = ["INSIDE", "Enclosing"]

INSIDE: ContextVar[object] = ContextVar("INSIDE", default=None)
"""The `RunTasks` of a run; within the function of a step its `Attempt`, whose tasks are its own."""


class Enclosing(Protocol):
    """An attempt, to the steps that are called within it."""

    ordinal: int

    def encloses(self) -> None:
        """One of them begins: what encloses it is written down first, or a crash would leave it alone."""
