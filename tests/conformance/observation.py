"""What an engine did with a scenario, in one notation for the recorded engine and for ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.conformance.markers import notation, shown_config
from tests.conformance.scenario import Json, Scenario

__all__ = ["Call", "Observation", "recorded", "shown_event"]

Event = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Call:
    """A call from outside and how it ended."""

    method: str
    ok: bool
    value: Json = None
    error_names: tuple[str, ...] = ()
    """The name of the error's class; for ours the names of its base classes too."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that is compared."""

    final_status: str
    output: Json
    error: Json
    callbacks: dict[str, int]
    events: list[Event]
    calls: list[Call] = field(default_factory=list)
    results: dict[str, list[Json]] = field(default_factory=dict)
    waited_in_vain: list[str] = field(default_factory=list)


def recorded(scenario: Scenario) -> Observation:
    """What the recorded engine did."""
    seen = scenario.observed
    trace = seen.get("trace") or []
    return Observation(
        final_status=seen["final_status"],
        output=_output(seen),
        error=seen.get("error"),
        callbacks=seen["callback_invocations"] if "callback_invocations" in seen else _counted(trace),
        events=seen.get("events") or [],
        calls=[recorded_call(call) for call in seen.get("calls") or []],
        results=_results(trace),
    )


def recorded_call(call: dict[str, Json]) -> Call:
    """A call with its recorded result."""
    method: str = call["call"] if "call" in call else call["binding"]
    result = call["result"]
    if result["ok"]:
        return Call(method, True, result.get("value"))
    return Call(method, False, None, (result["error"]["name"],), result["error"]["message"])


def shown_event(event: Any, created: datetime) -> Event:
    """One of our events with the recorded keys."""
    error = {"name": event.error.name, "message": event.error.message} if event.error else None
    shown = {
        "type": event.type,
        "t_ms": (event.timestamp - created).total_seconds() * 1_000,
        "stepName": event.step_name,
        "attempt": event.attempt,
        "config": shown_config(event.config),
        "output": notation(event.output),
        "error": error,
        "retryDelayMs": _milliseconds(event.retry_delay),
        "durationMs": _milliseconds(event.duration),
        "eventType": event.event_type,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _output(seen: dict[str, Json]) -> Json:
    """The output with its types; `status()` of the recorded engine rendered it as JSON."""
    for event in reversed(seen.get("events") or []):
        if event["type"] == "workflow_completed":
            return event.get("output")
    return seen["output"]


def _counted(trace: Iterable[dict[str, Json]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in trace:
        if line["ev"] == "callback_start":
            key = f"{line['step']}-{line['count']}"
            counts[key] = counts.get(key, 0) + 1
    return counts


def _results(trace: Iterable[dict[str, Json]]) -> dict[str, list[Json]]:
    seen: dict[str, list[Json]] = {}
    for line in trace:
        if line["ev"] == "result":
            values = seen.setdefault(line["step"], [])
            if line.get("value") not in values:
                values.append(line.get("value"))
    return seen


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1_000, 3)
