"""The runner itself: all operations and markers of the programs, and that the comparison can fail."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from typing import Any

import pytest

from tests.conformance.compare import differences
from tests.conformance.markers import Surroundings, notation, resolve
from tests.conformance.match import Matcher
from tests.conformance.notes import adapted, asked
from tests.conformance.perform import perform
from tests.conformance.scenario import Json, Scenario
from tests.conformance.workflows import judge

ONCE = {"retries": {"limit": 0, "delay": 0}}


def do(name: str, value: Json = None, **more: Json) -> dict[str, Json]:
    return {"op": "do", "name": name, "body": {"value": value}, "as": name} | more


def fails(step: str, message: str = "no", **error: Json) -> dict[str, Json]:
    return {"op": "do", "name": step, "config": ONCE, "body": {"error": {"message": message} | error}}


def scenario(*program: Json, external: Json = (), **observed: Json) -> Scenario:
    seen: dict[str, Json] = {
        "final_status": "complete",
        "output": None,
        "events": [],
        "callback_invocations": {},
    } | observed
    raw = {"id": "own", "group": "own", "verdict": "contract", "workflow": "interpreter", "observed": seen}
    return Scenario.of(raw | {"program": list(program), "external": list(external)})


def output(*program: Json, external: Json = ()) -> Json:
    ran = asyncio.run(perform(scenario(*program, external=external), "memory"))
    assert ran.error is None
    assert ran.waited_in_vain == []
    return ran.output


ALL = {"op": "return", "vars": True}
RUNNING = {"status": "running", "output": None, "error": None}
NO_CALLBACK = {"op": "do", "name": "x", "no_callback": True}


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ([{"op": "all", "branches": [[do("a", 1)], [do("b", 2)]], "as": "r"}], {"a": 1, "b": 2, "r": [1, 2]}),
        ([{"op": "any", "branches": [[fails("x")], [do("b", 2)]], "as": "r"}], {"b": 2, "r": 2}),
        ([{"op": "race", "branches": [[do("a", 1)]], "as": "r"}], {"a": 1, "r": 1}),
        ([{"op": "repeat", "times": 2, "ops": [do("a", 1)]}, {"op": "mark", "label": "m"}], {"a": 1}),
        ([{"op": "delay", "ms": 50}, do("a", {"$": "string:3"})], {"a": "xxx"}),
        ([do("a", {"$": "bytes:3"})], {"a": {"$bytes": 3}}),
        ([do("a", {"$": "stream:300000"}, read_stream=True)], {"a": {"$bytes": 300_000}}),
        ([do("a", {"$": "stream:0"}, read_stream=True)], {"a": {"$bytes": 0}}),
        ([do("a", 1), do("b", {"seen": {"$": "var:a"}})], {"a": 1, "b": {"seen": 1}}),
        ([{"op": "do", "name_repeat": ["n", 256], "body": {"value": 1}, "as": "v"}], {"v": 1}),
        ([{"op": "sleepUntil", "name": "u", "offset_ms": 50, "as_date": True}, do("a", 1)], {"a": 1}),
        ([do("a", 1, body={"ops": [do("inner", 5)], "value": 1})], {"a": 1, "inner": 5}),
        ([{"op": "self", "call": "status", "as": "s"}], {"s": RUNNING}),
    ],
)
def test_operations(program: list[Json], expected: dict[str, Json]) -> None:
    assert output(*program, ALL) == {"event_payload": None} | expected


@pytest.mark.parametrize(
    ("failing", "name", "message"),
    [
        (fails("x", "text", type="TypeError"), "TypeError", "text"),
        (fails("x", "text", type="Custom", name="Mine"), "Mine", "text"),
        (fails("x", "text", type="NonRetryableError"), "NonRetryableError", "text"),
        ({"op": "throw", "error": {"message": "thrown"}}, "Error", "thrown"),
        (
            NO_CALLBACK,
            "WorkflowFatalError",
            'Step "x" requires a callback function',
        ),
        ({"op": "any", "branches": [[fails("x")]]}, "AggregateError", "All promises were rejected"),
    ],
)
def test_errors_are_caught_by_name_and_message(failing: Json, name: str, message: str) -> None:
    program = {"op": "try", "as": "e", "ops": [failing], "catch": [do("after", 1)]}
    caught = {"is_error": True, "name": name, "message": message}
    assert output(program, ALL) == {"event_payload": None, "e": caught, "after": 1}


def test_a_step_sees_its_context_in_milliseconds() -> None:
    retries = {"limit": 1, "delay": 200, "backoff": "linear"}
    step = do("a", {"$": "ctx"}, config={"retries": retries, "timeout": 5_000})
    assert output(step, ALL)["a"] == {
        "step": {"name": "a", "count": 1},
        "attempt": 1,
        "config": {"retries": retries, "timeout": 5_000},
    }


def test_calls_from_outside_wait_for_trace_and_status() -> None:
    steps = [
        {"wait_trace": {"ev": "callback_start", "step": "a", "attempt": 1}},
        {"call": "sendEvent", "args": [{"type": "go", "payload": 7}]},
        {"wait_status": "complete"},
    ]
    wait = {"op": "waitForEvent", "name": "w", "type": "go", "timeout": 500, "as": "e"}
    seen = output(do("a", 1, body={"wait_ms": 100, "value": 1}), wait, ALL, external=steps)
    assert seen["e"] == {
        "type": "go",
        "payload": 7,
        "timestamp_is_date": True,
        "keys": ["payload", "timestamp", "type"],
    }


@pytest.mark.parametrize(
    ("recorded", "ours", "same"),
    [
        ({"$stream": 5}, {"$bytes": 5}, True),
        ({"$stream": 5}, {"stream": 5}, True),
        ({"$stream": {"bytes": 5}}, {"$stream": 5}, True),
        ({"$stream": True}, {"$stream": 5}, True),
        ({"$bytes": 5}, {"$bytes": 5}, True),
        (5, {"$bytes": 5}, True),
        ({"$stream": 5}, {"$bytes": 6}, False),
        ({"$stream": 5}, "text", False),
        (5, {"$bytes": 6}, False),
    ],
)
def test_a_stream_is_compared_by_its_size(recorded: Json, ours: Json, *, same: bool) -> None:
    assert (list(Matcher().differences(recorded, ours, "x")) == []) is same


@pytest.mark.parametrize("marker", ["function", "symbol", "class", "response", "circular", "regexp", "error"])
def test_markers_without_a_stored_form_resolve(marker: str) -> None:
    assert resolve({"$": marker}, Surroundings(0.0, {}, None)) is not None


@pytest.mark.parametrize("marker", ["map", "set", "date", "bigint", "nan", "undefined", "mix", "now_plus:5"])
def test_markers_with_a_stored_form_have_a_notation(marker: str) -> None:
    around = Surroundings(0.0, {}, None)
    assert notation(resolve({"$": marker}, around)) == notation(resolve({"$": marker}, around))


@pytest.mark.parametrize("program", [[{"op": "jump"}], [do("a", {"$": "hologram"})]])
def test_what_the_runner_does_not_know_is_a_failure_not_a_pass(program: list[Json]) -> None:
    verdict = asyncio.run(judge(scenario(*program), "memory"))
    assert verdict.differences


RECORDED: dict[str, Any] = {
    "output": {"event_payload": None, "a": 0.123456789, "b": 0.123456789},
    "callback_invocations": {"a-1": 2, "b-1": 1},
    "error": None,
    "events": [
        {"type": "workflow_queued", "t_ms": 0},
        {"type": "workflow_started", "t_ms": 0},
        {"type": "workflow_running", "t_ms": 0},
        {"type": "step_started", "t_ms": 0, "stepName": "a-1"},
        {"type": "attempt_started", "t_ms": 0, "stepName": "a-1", "attempt": 1},
        {
            "type": "attempt_errored",
            "t_ms": 0,
            "stepName": "a-1",
            "attempt": 1,
            "error": {"name": "Error", "message": "fail attempt 1"},
            "retryDelayMs": 30,
        },
        {"type": "attempt_started", "t_ms": 30, "stepName": "a-1", "attempt": 2},
        {"type": "attempt_completed", "t_ms": 30, "stepName": "a-1", "attempt": 2},
        {"type": "step_completed", "t_ms": 30, "stepName": "a-1", "output": 0.123456789},
        {"type": "step_started", "t_ms": 31, "stepName": "b-1"},
        {"type": "attempt_started", "t_ms": 31, "stepName": "b-1", "attempt": 1},
        {"type": "attempt_completed", "t_ms": 31, "stepName": "b-1", "attempt": 1},
        {"type": "step_completed", "t_ms": 31, "stepName": "b-1", "output": 0.123456789},
        {"type": "workflow_completed", "t_ms": 32, "output": {"a": 0.123456789, "b": 0.123456789}},
    ],
}
PROGRAM = [
    do(
        "a",
        config={"retries": {"limit": 1, "delay": 30}},
        body={"fail_attempts": 1, "value": {"$": "random"}},
    ),
    do("b", {"$": "var:a"}),
    ALL,
]


def compared(recorded: dict[str, Any]) -> list[str]:
    case = scenario(*copy.deepcopy(PROGRAM), **recorded)
    return differences(case, asked(case), asyncio.run(perform(case, "memory")))


def test_the_comparison_accepts_what_is_the_same() -> None:
    assert compared(RECORDED) == []


def _with_event(place: int, **changes: Json) -> dict[str, Any]:
    recorded = copy.deepcopy(RECORDED)
    recorded["events"][place] |= changes
    return recorded


@pytest.mark.parametrize(
    ("recorded", "says"),
    [
        (RECORDED | {"final_status": "errored"}, "final_status is complete"),
        (RECORDED | {"callback_invocations": {"a-1": 1, "b-1": 1}}, "callback_invocations"),
        (RECORDED | {"error": {"name": "Error", "message": "x"}}, "error is None"),
        (RECORDED | {"events": RECORDED["events"][:-2] + RECORDED["events"][-1:]}, "events of do b-1"),
        (_with_event(5, retryDelayMs=60), "retryDelayMs is 30"),
        (_with_event(5, error={"name": "TypeError", "message": "fail attempt 1"}), "error.name is 'Error'"),
        (_with_event(6, attempt=3), "attempt is 2"),
        (_with_event(12, output=0.987654321), "output is 0."),
        (_with_event(13, output={"a": 0.123456789, "b": 0.987654321}), "output.b is 0."),
        (_with_event(3, config={"retries": {"limit": 9, "delay": 30}, "timeout": 1}), "config"),
    ],
)
def test_the_comparison_sees_each_kind_of_difference(recorded: dict[str, Any], says: str) -> None:
    assert any(says in line for line in compared(recorded))


DEFAULT = {"retries": {"limit": 5, "delay": 1000, "backoff": "exponential"}, "timeout": "10 minutes"}
NO = {"name": "Error", "message": "no"}


def _undoing(step: str, *told: tuple[str, dict[str, Json]], config: Json) -> list[dict[str, Json]]:
    first = {"type": "rollback_step_started", "stepName": step, "config": config}
    events = [first, *({"type": f"rollback_{what}", "stepName": step, **more} for what, more in told)]
    return [{"t_ms": 0, **event} for event in events]


def test_a_rollback_is_performed_and_compared() -> None:
    """As the recorded engine does it: by default after a second, which ours is told to wait, too."""
    own = {"limit": 5, "delay": 0, "backoff": "exponential"}
    stuck = {"name": "Error", "message": "stuck"}
    program = [
        do("kept", 1, rollback={}),
        do("stuck", 1, rollback={"error": {"message": "stuck"}}, rollbackConfig=ONCE),
        do("retried", 1, rollback={"fail_times": 1, "wait_ms": 10}),
        fails("bad") | {"rollback": {}},
    ]
    ran: tuple[tuple[str, dict[str, Json]], ...]
    ran = ("attempt_started", {"attempt": 1}), ("attempt_completed", {"attempt": 1}), ("step_completed", {})
    again = {"attempt": 1, "error": {"name": "Error", "message": "rollback fail 1"}, "retryDelayMs": 1000}
    recorded = [
        *_undoing("bad-1", *ran, config=DEFAULT),
        *_undoing(
            "retried-1",
            ("attempt_started", {"attempt": 1}),
            ("attempt_errored", again),
            ("attempt_started", {"attempt": 2}),
            ("attempt_completed", {"attempt": 2}),
            ("step_completed", {}),
            config=DEFAULT,
        ),
        *_undoing(
            "stuck-1",
            ("attempt_started", {"attempt": 1}),
            ("attempt_errored", {"attempt": 1, "error": stuck}),
            ("step_errored", {"error": stuck}),
            config={"retries": own | {"limit": 0}, "timeout": "10 minutes"},
        ),
    ]
    tried = scenario(*program, final_status="errored", error=NO)
    ours = asyncio.run(perform(adapted(tried), "memory"))
    told = [event for event in ours.events if event["type"].startswith("rollback")]
    whole = [event["type"] for event in told if "stepName" not in event]
    told = [event for event in told if "stepName" in event]
    assert whole == ["rollback_started", "rollback_errored"]
    asked_for = dataclasses.replace(asked(tried), compared=frozenset({"final_status", "error", "events"}))
    expected = dataclasses.replace(asked_for.observation, events=recorded)
    seen = dataclasses.replace(ours, events=told)
    assert differences(tried, dataclasses.replace(asked_for, observation=expected), seen) == []


def test_terminate_with_rollback_has_ended_when_it_returns() -> None:
    call = {"call": "terminate", "args": [{"rollback": True}]}
    program = [do("a", 1, rollback={"wait_ms": 900}), {"op": "sleep", "name": "z", "duration": 60_000}]
    ran = asyncio.run(
        perform(scenario(*program, external=[{"wait_ms": 50}, call, {"call": "status"}]), "memory")
    )
    assert [made.value and made.value["status"] for made in ran.calls] == [None, "terminated"]
