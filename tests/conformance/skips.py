"""Which scenarios cannot be judged, and why; each reason goes when the part it names is there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

from tests.conformance.scenario import Json, Scenario, operations
from workflows import Binding, WorkflowInstance

__all__ = ["reason_to_skip"]


def reason_to_skip(scenario: Scenario, backend: str) -> str | None:
    """Why this scenario is not run; None when it is."""
    if scenario.verdict == "platform":
        return "speaks of JavaScript or of the platform"
    if scenario.group == "process-kill" and backend == "memory":
        return "nothing in memory outlives its process"
    return _missing_in_calls(scenario)


def _missing_in_calls(scenario: Scenario) -> str | None:
    for method, args in _calls(scenario):
        options = args[0] if args and isinstance(args[0], dict) else {}
        if method == "restart" and "from" in options and not _takes(WorkflowInstance.restart, "from_step"):
            return "restart from a step is not built yet"
        if method == "delete" and not hasattr(WorkflowInstance, "delete"):
            return "delete is not built yet"
        if method in ("createBatch", "deleteBatch") and not hasattr(Binding, _snake(method)):
            return f"{_snake(method)} is not built yet"
        if method == "create" and "retention" in options and not _takes(Binding.create, "retention"):
            return "retention is not built yet"
        if method == "subscribe" and "filter" in options and not _takes(WorkflowInstance.subscribe, "filter"):
            return "a filter for subscribe is not built yet"
    return None


def _calls(scenario: Scenario) -> list[tuple[str, list[Json]]]:
    """Every call that the scenario makes from outside, or from inside on its own instance."""
    outside = [step for step in scenario.external if "call" in step or "binding" in step]
    inside = [op for op in operations(scenario.program) if op["op"] == "self"]
    calls = [(step.get("call") or step["binding"], step.get("args") or []) for step in outside + inside]
    bound = [recorded["call"] for recorded in scenario.calls]
    return calls + [(call["method"], call.get("args") or []) for call in bound]


def _takes(function: Callable[..., object], parameter: str) -> bool:
    return parameter in inspect.signature(function).parameters


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)
