"""What an engine did with a scenario, in one notation for the recorded engine and for ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.conformance.markers import notation, shown_config
from tests.conformance.scenario import Json, Scenario

__all__ = ["Call", "Event", "Observation", "recorded", "recorded_call", "rollbacks", "shown_event", "stated"]

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

    final_status: str | None
    output: Json
    error: Json
    callbacks: dict[str, int]
    events: list[Event]
    calls: list[Call] = field(default_factory=list)
    results: dict[str, list[Json]] = field(default_factory=dict)
    rollbacks: list[Json] = field(default_factory=list)
    """Each call of a rollback function, in order, with what it was given."""
    refusals: list[Json] = field(default_factory=list)
    """Errors that the program caught."""
    waited_in_vain: list[str] = field(default_factory=list)


def recorded(scenario: Scenario) -> Observation:
    """What the recorded engine did."""
    seen = scenario.observed
    trace = seen.get("trace") or []
    return Observation(
        final_status=seen.get("final_status"),
        output=_output(seen),
        error=seen.get("error"),
        callbacks=seen["callback_invocations"] if "callback_invocations" in seen else _counted(trace),
        events=seen.get("events") or [],
        calls=[recorded_call(call) for call in seen.get("calls") or []],
        results=_results(trace),
        rollbacks=rollbacks(trace),
    )


def stated(scenario: Scenario) -> frozenset[str]:
    """Which parts the recording has: all of them, unless somebody wrote it by hand."""
    seen = scenario.observed
    told: set[str] = {part for part in ("final_status", "output", "error", "events", "calls") if part in seen}
    if "callback_invocations" in seen or "trace" in seen:
        told.add("callbacks")
    return frozenset(told | ({"results", "rollbacks"} if "trace" in seen else set()))


def rollbacks(trace: Iterable[dict[str, Json]]) -> list[Json]:
    """The calls of rollback functions in a trace."""
    return [[line["step"], _given(line["rctx"])] for line in trace if line["ev"] == "rollback_start"]


def _given(rctx: dict[str, Json]) -> Json:
    error: dict[str, Json] = rctx.get("error") or {}
    error = error.get("$error", error)
    ctx = rctx.get("ctx") or {}
    return {
        "step": ctx.get("step"),
        "attempt": ctx.get("attempt"),
        "error": {"name": error.get("name"), "message": error.get("message")},
        "output": rctx.get("output"),
    }


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
    return seen.get("output")


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
