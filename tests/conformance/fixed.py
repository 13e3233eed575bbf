"""Which workflow a scenario runs: the interpreter, or a small one that the file describes in words."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tests.conformance.interpreter import Interpreter
from tests.conformance.scenario import Json
from tests.conformance.trace import Trace
from workflows import WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["Empty", "Workflow", "workflow_of"]

Workflow = type[WorkflowEntrypoint[Trace, Any]]
_KEYS = {
    "payload": "payload",
    "timestamp": "timestamp",
    "instance_id": "instanceId",
    "workflow_name": "workflowName",
    "schedule": "schedule",
}


def _keys(event: WorkflowEvent[Any]) -> list[str]:
    """The recorded names of the fields that this event has."""
    absent = {"schedule"} if event.schedule is None else set()
    return sorted(theirs for ours, theirs in _KEYS.items() if ours not in absent)


class Probe(WorkflowEntrypoint[Trace, Any]):
    """Says which fields its event has."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Json:
        """The fields."""
        self.env.emit("run_start")
        return {
            "keys": _keys(event),
            "payload": event.payload,
            "ts_is_date": isinstance(event.timestamp, datetime),
            "instanceId": event.instance_id,
            "workflowName": event.workflow_name,
            "schedule": getattr(event, "schedule", None),
        }


class Empty(WorkflowEntrypoint[Trace, Any]):
    """Says what it was created with."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Json:
        """The event, in a few words."""
        return {
            "got": event.payload,
            "keys": _keys(event),
            "ts": isinstance(event.timestamp, datetime),
            "name": event.workflow_name,
            "iid": event.instance_id,
        }


Probe.__name__, Empty.__name__ = "probe-wf", "empty-wf"  # the names under which they were recorded


def workflow_of(description: str) -> Workflow:
    """The workflow that `description` means."""
    if description == "interpreter":
        return Interpreter
    if description.startswith("returns {keys"):
        return Probe
    if description.startswith("returns {got"):
        return Empty
    if found := re.search(r"limits\.steps\s*=\s*(\d+)", description):
        return type("Interpreter", (Interpreter,), {"step_limit": int(found[1])})
    raise NotImplementedError(f"the workflow described as {description!r}")
