"""What differs between what was recorded and what our engine did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from tests.conformance import events
from tests.conformance.batches import comparable
from tests.conformance.match import Matcher, same_message
from tests.conformance.notes import Asked
from tests.conformance.observation import Call, Event, Observation
from tests.conformance.outside import DELETED
from tests.conformance.scenario import Json, Scenario, operations
from workflows import Status

__all__ = ["call_differences", "differences"]

_PAUSES = ("workflow_waiting_for_pause", "workflow_paused")
_STARTS = ("step_started", "attempt_started", "sleep_started", "wait_started")
_REFUSALS = ("WorkflowFatalError", "InvalidDuration")
_ALIKE = {"running": ("running", "waiting", "queued")}


def differences(scenario: Scenario, asked: Asked, ours: Observation) -> list[str]:
    """One line for each difference that counts."""
    if asked.or_refused and any(_refuses(error) for error in [ours.error, *ours.refusals]):
        return []
    return list(_differences(scenario, asked, ours))


def _refuses(error: Json) -> bool:
    name, message = (error or {}).get("name"), str((error or {}).get("message"))
    return name in _REFUSALS or message.startswith("workflow.invalid_event_type")


def _differences(scenario: Scenario, asked: Asked, ours: Observation) -> Iterator[str]:
    theirs, matcher = asked.observation, Matcher()
    yield from ours.waited_in_vain
    if "final_status" in asked.compared:
        yield from _status_differences(theirs.final_status, ours.final_status, "final_status")
    if "calls" in asked.compared:
        if len(theirs.calls) != len(ours.calls):
            yield f"{len(ours.calls)} calls were made, recorded {len(theirs.calls)}"
        for one, other in zip(theirs.calls, ours.calls, strict=False):
            yield from call_differences(one, other, matcher, lenient=asked.lenient_calls)
    if "output" in asked.compared:
        one, other = (_only(output, asked.output_keys) for output in (theirs.output, ours.output))
        yield from matcher.differences(one, other, "output")
    if "error" in asked.compared:
        yield from matcher.differences(theirs.error, ours.error, "error")
    if "callbacks" in asked.compared and theirs.callbacks != ours.callbacks:
        yield f"callback_invocations are {ours.callbacks}, recorded {theirs.callbacks}"
    if "results" in asked.compared:
        yield from matcher.differences(theirs.results, ours.results, "results")
    if "rollbacks" in asked.compared:
        yield from matcher.differences(theirs.rollbacks, ours.rollbacks, "rollbacks")
    if "events" in asked.compared:
        yield from events.differences(_expected_events(scenario, theirs), ours.events, matcher)
    yield from _started_while_paused(ours.events)


def call_differences(
    theirs: Call, ours: Call, matcher: Matcher, *, lenient: bool = False, any_refusal: bool = False
) -> Iterator[str]:
    """How a call from outside ended differently.

    `lenient` also takes a refusal for a silent no-op, `any_refusal` one refusal for another one.
    """
    label = f"{theirs.method}()"
    if theirs.ok and not ours.ok:
        if not lenient:
            yield f"{label} raised {ours.error_names[0]}: {ours.message}; recorded no error"
    elif ours.ok and not theirs.ok:
        yield f"{label} raised nothing; recorded {theirs.error_names[0]}: {theirs.message}"
    elif theirs.ok:
        yield from _result_differences(theirs, ours, matcher, label)
    elif not any_refusal:
        yield from _refusal_differences(theirs, ours, label)


def _refusal_differences(theirs: Call, ours: Call, label: str) -> Iterator[str]:
    name = theirs.error_names[0]
    if name != "Error" and name not in ours.error_names:
        yield f"{label} raised {ours.error_names[0]}, recorded {name}"
    message = theirs.message.removeprefix("WorkflowError: ")
    if not same_message(message, ours.message) and message not in ours.message:
        yield f"{label} says {ours.message!r}, recorded {message!r}"


def _result_differences(theirs: Call, ours: Call, matcher: Matcher, label: str) -> Iterator[str]:
    match theirs.method:
        case "status":
            yield from _status_differences(theirs.value["status"], ours.value["status"], label)
            for field in ("output", "error"):
                yield from matcher.differences(theirs.value.get(field), ours.value[field], f"{label}.{field}")
        case "createBatch" | "deleteBatch":
            yield from matcher.differences(comparable(theirs.value), comparable(ours.value), label)
        case "subscribe":
            if (types := _types(theirs.value)) is not None and types != ours.value:
                yield f"{label} shows {', '.join(ours.value)}; recorded {', '.join(types)}"
        case _ if isinstance(theirs.value, dict):
            value = {key: item for key, item in theirs.value.items() if key != "keys"}
            yield from matcher.differences(value, ours.value, label)


def _types(shown: Json) -> list[str] | None:
    """The types of the events that a subscription has shown; None when the recording does not list them."""
    if isinstance(shown, dict):
        shown = shown.get("events", shown.get("types"))
    if not isinstance(shown, list):
        return None
    types: list[Json] = [event.get("type") if isinstance(event, dict) else event for event in shown]
    known = all(isinstance(type, str) for type in types)
    return [type for type in types if type != "workflow_waiting"] if known else None


def _status_differences(theirs: str | None, ours: str | None, label: str) -> Iterator[str]:
    if ours == DELETED and theirs not in get_args(Status):
        return
    if ours not in _ALIKE.get(theirs or "", (theirs,)):
        yield f"{label} is {ours}, recorded {theirs}"


def _only(output: Json, keys: tuple[str, ...]) -> Json:
    return {key: output.get(key) for key in keys} if keys and isinstance(output, dict) else output


def _expected_events(scenario: Scenario, theirs: Observation) -> events.Expectation:
    until = frozenset(op["name"] for op in operations(scenario.program) if op["op"] == "sleepUntil")
    return events.Expectation(
        theirs.events,
        instants=until,
        repeats_sleeps=bool(until),
        downtime=scenario.group == "process-kill",
    )


def _started_while_paused(seen: list[Event]) -> Iterator[str]:
    """From the moment at which a pause is asked for until the resume, nothing new may start.

    Moments count, not places: a short attempt is written down, start and all, when it has ended.
    """
    asked: float | None = None
    pauses: list[tuple[float, float]] = []
    for event in seen:
        if event["type"] in _PAUSES and asked is None:
            asked = event["t_ms"]
        elif event["type"] == "workflow_running" and asked is not None:
            pauses.append((asked, event["t_ms"]))
            asked = None
    for event in seen:
        if event["type"] in _STARTS and any(begin < event["t_ms"] < end for begin, end in pauses):
            yield f"{event['type']} of {event['stepName']} after a pause was asked for"
