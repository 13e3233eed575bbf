"""The events of two engines, step by step; how steps interleave is not compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from tests.conformance.match import Matcher
from tests.conformance.scenario import Json

__all__ = ["Expectation", "differences", "renumbered"]

Event = dict[str, Json]
Groups = dict[tuple[str, str], list[Event]]

_SAME_MOMENT = 5.0
_LATE = 400.0
_EARLY = 1.0
_STEP_ENDS = (
    "step_completed",
    "step_errored",
    "sleep_completed",
    "wait_completed",
    "wait_timed_out",
    "rollback_step_completed",
    "rollback_step_errored",
)
_KINDS = {"step": "do", "attempt": "do", "sleep": "sleep", "wait": "wait", "rollback": "rollback"}
_PAUSES = ("workflow_waiting_for_pause", "workflow_paused")


@dataclass(frozen=True, slots=True)
class Expectation:
    """The recorded events, and which freedoms ours have."""

    events: list[Event]
    instants: frozenset[str] = frozenset()
    """Names of sleeps until an instant: their duration depends on when they were called."""
    repeats_sleeps: bool = False
    """The recorded engine wrote the start of a sleep again after a replay."""
    downtime: bool = False
    """The process was down meanwhile, so a delay may end later than planned."""
    skipped: frozenset[tuple[str, str]] = frozenset()
    """Kind and `name-count` of steps whose delays a test has disabled; "" for all of a kind."""


def differences(expected: Expectation, actual: list[Event], matcher: Matcher) -> Iterator[str]:
    """What is different, one line each."""
    theirs = _grouped(renumbered(expected.events, repeats=expected.repeats_sleeps))
    ours = _grouped(actual)
    for kind, name in sorted(theirs.keys() | ours.keys()):
        one, other = theirs.get((kind, name), []), ours.get((kind, name), [])
        if kind == "instance":
            one, other = _settled(one, other)
        elif not _ended(one):  # still under way at the end: its start may not have been written down yet
            one = one[: len(other)]
        label = f"{kind} {name}" if name else kind
        yield from _list_differences(one, other, label, expected, matcher)
    yield from _delay_differences(ours, expected)


def renumbered(events: Iterable[Event], *, repeats: bool) -> list[Event]:
    """Sleeps numbered per name; the recorded engine numbers them per name and duration."""
    counts: dict[str, int] = {}
    asleep: dict[str, list[tuple[float, str]]] = {}
    result = []
    for event in events:
        theirs: str = event.get("stepName", "")
        if event["type"] == "sleep_started":
            name = theirs.rpartition("-")[0]
            if repeats and asleep.get(theirs):
                continue
            counts[name] = counts.get(name, 0) + 1
            ours = f"{name}-{counts[name]}"
            asleep.setdefault(theirs, []).append((event.get("t_ms", 0) + event["durationMs"], ours))
            event = event | {"stepName": ours}
        elif event["type"] == "sleep_completed":
            first = min(asleep[theirs])
            asleep[theirs].remove(first)
            event = event | {"stepName": first[1]}
        result.append(event)
    return result


def _grouped(events: Iterable[Event]) -> Groups:
    groups: Groups = {}
    for event in events:
        if event["type"] == "workflow_waiting":
            continue
        name = event.get("stepName") or ""
        kind = _KINDS[event["type"].split("_")[0]] if name else "instance"
        groups.setdefault((kind, name), []).append(event)
    return groups


def _settled(theirs: list[Event], ours: list[Event]) -> tuple[list[Event], list[Event]]:
    """Without the wait for a pause where the recorded instance was paused at once: ours may leave it out."""
    at_once = [
        index
        for index, (first, second) in enumerate(pairwise(theirs))
        if (first["type"], second["type"]) == _PAUSES and second["t_ms"] - first["t_ms"] <= _SAME_MOMENT
    ]
    for index in reversed(at_once):
        theirs = theirs[:index] + theirs[index + 1 :]
        if [event["type"] for event in ours[index : index + 2]] == list(_PAUSES):
            ours = ours[:index] + ours[index + 1 :]
    return theirs, ours


def _ended(events: list[Event]) -> bool:
    return any(event["type"] in _STEP_ENDS for event in events)


def _list_differences(
    theirs: list[Event], ours: list[Event], label: str, expected: Expectation, matcher: Matcher
) -> Iterator[str]:
    types, recorded = [event["type"] for event in ours], [event["type"] for event in theirs]
    if types != recorded:
        yield f"events of {label} are {', '.join(types) or 'none'}; recorded {', '.join(recorded) or 'none'}"
        return
    for one, other in zip(theirs, ours, strict=True):
        yield from _event_differences(one, other, f"{label}: {one['type']}", expected, matcher)


def _event_differences(
    theirs: Event, ours: Event, label: str, expected: Expectation, matcher: Matcher
) -> Iterator[str]:
    step: str = theirs.get("stepName") or ""
    for field in ("attempt", "retryDelayMs", "eventType", "output", "error"):
        yield from matcher.differences(theirs.get(field), ours.get(field), f"{label}.{field}")
    if "config" in theirs:
        yield from matcher.config_differences(theirs["config"], ours.get("config"), f"{label}.config")
    if "durationMs" in theirs:
        planned, told = theirs["durationMs"], ours.get("durationMs")
        free = _LATE if step.rpartition("-")[0] in expected.instants else 0
        if not isinstance(told, int | float) or abs(told - planned) > free:
            yield f"{label}.durationMs is {told}, recorded {planned}"


def _delay_differences(ours: Groups, expected: Expectation) -> Iterator[str]:
    """Sleeps and retry delays must last as long as planned, and longer only by the time of a pause."""
    pauses = _pauses(ours.get(("instance", ""), []))
    for (kind, name), events in sorted(ours.items()):
        until = kind == "sleep" and name.rpartition("-")[0] in expected.instants
        for start, end in pairwise(events):
            planned = start.get("retryDelayMs", start.get("durationMs"))
            if planned is None:
                continue
            if (kind, name) in expected.skipped or (kind, "") in expected.skipped:
                planned = 0
            held = (
                0
                if until
                else sum(min(b, end["t_ms"]) - a for a, b in pauses if start["t_ms"] < a < end["t_ms"])
            )
            measured = end["t_ms"] - start["t_ms"] - held
            late = not expected.downtime and measured > planned + _LATE
            if measured < planned - _EARLY or late:
                yield f"delay of {kind} {name} is {measured:.0f} ms, planned {planned:.0f} ms"


def _pauses(events: list[Event]) -> list[tuple[float, float]]:
    """From when to when the instance was paused."""
    return [
        (one["t_ms"], other["t_ms"]) for one, other in pairwise(events) if one["type"] == "workflow_paused"
    ]
