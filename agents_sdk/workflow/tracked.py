"""What an agent reads of the workflows that it has started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows import Failure, Status

__all__ = ["TrackedWorkflow", "WorkflowPage"]


@dataclass(frozen=True, slots=True)
class TrackedWorkflow:
    """A workflow that the agent has started; all but its name and `metadata` is what the engine says now."""

    id: str
    workflow_name: str
    """Of its class, or of its binding, as it was given to `run_workflow`."""
    status: Status
    metadata: dict[str, Any] | None
    error: Failure | None
    """None unless it is errored, or the record of who has started it is damaged."""
    created_at: datetime
    """When it was started, or restarted with `reset_tracking`."""
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """Some of an agent's workflows; `next_cursor` leads to the next ones, None: there are none."""

    workflows: tuple[TrackedWorkflow, ...]
    total: int
    """How many fit, on all pages together."""
    next_cursor: str | None
