"""Inside of what the code runs: a run, to which the tasks belong that are made there, or an attempt."""

from __future__ import annotations

from contextvars import ContextVar

__all__ = ["INSIDE"]

INSIDE: ContextVar[object] = ContextVar("INSIDE", default=None)
"""The `RunTasks` of a run; within the function of a step its `Attempt`, whose tasks are its own."""
