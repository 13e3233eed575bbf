"""The runner of introspected scenarios: all operations, and that the comparison can fail."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.events import Expectation
from tests.conformance.events import differences as compared
from tests.conformance.introspected import introspected_differences
from tests.conformance.match import Matcher
from tests.conformance.scenario import Json, Scenario

COMPLETE = {
    "is_error": True,
    "name": "Error",
    "message": 'Cannot retrieve error: Workflow instance is in status "complete" but must be "errored" '
    "to have error information available",
}
ERRORED = {
    "is_error": True,
    "name": "Error",
    "message": 'Cannot retrieve output: Workflow instance is in status "errored" but must be "complete" '
    "to have an output available",
}
STARTS = [{"type": f"workflow_{type}"} for type in ("queued", "started", "running")]
STEP = {"op": "do", "name": "a", "body": {"value": 1}, "config": {"retries": {"limit": 1, "delay": 5_000}}}


def differences(program: list[Json], introspection: Json, events: list[Json], **told: Json) -> list[str]:
    raw: dict[str, Json] = {
        "id": "own",
        "group": "testing-api",
        "verdict": "contract",
        "program": program,
        "introspection": introspection,
        "observed": {
            "result": {"ok": True, "value": {"instances": ["own"], **told}},
            "events": STARTS + events,
        },
    }
    return asyncio.run(introspected_differences(Scenario.of(raw), "memory"))


def failed(attempt: int, message: str, **more: Json) -> list[Json]:
    error = {"name": "WorkflowTimeoutError", "message": message}
    named: dict[str, Json] = {"stepName": "a-1", "attempt": attempt}
    return [
        {"type": "attempt_started"} | named,
        {"type": "attempt_errored", "error": error} | named | more,
    ]


FORCED = [
    {"type": "step_started", "stepName": "a-1"},
    *failed(1, "Execution timed out after 0ms", retryDelayMs=5_000),
    *failed(2, "Execution timed out after 0ms"),
    {"type": "step_errored", "stepName": "a-1"},
    {
        "type": "workflow_errored",
        "error": {"name": "WorkflowTimeoutError", "message": "Execution timed out after 0ms"},
    },
]
FORCE: Json = {
    "operations": [{"type": "forceStepTimeout", "step": {"name": "a"}}, {"type": "disableRetryDelays"}],
    "waitStep": {"name": "a"},
    "waitStatus": "errored",
}
TOLD: dict[str, Json] = {
    "step": {"err": {"is_error": True, "name": "Error", "message": "Step failed"}},
    "status": {"ok": {"$undefined": True}},
    "output": {"err": ERRORED},
    "error": {"ok": {"name": "WorkflowTimeoutError", "message": "Execution timed out after 0ms"}},
}


def test_what_is_as_recorded_passes() -> None:
    assert differences([STEP], FORCE, FORCED, **TOLD) == []


@pytest.mark.parametrize("question", TOLD)
def test_another_answer_is_seen(question: str) -> None:
    assert len(differences([STEP], FORCE, FORCED, **TOLD | {question: {"ok": "another"}})) > 0


def test_another_event_is_seen() -> None:
    assert len(differences([STEP], FORCE, FORCED[:-1], **TOLD)) == 1


@pytest.mark.parametrize(
    ("skipped", "measured", "count"),
    [("", 0, 0), ("nap-1", 0, 0), ("other-1", 0, 1), ("nap-1", 1_000, 1), ("other-1", 1_000, 0)],
)
def test_a_sleep_lasts_as_long_as_it_should(skipped: str, measured: float, count: int) -> None:
    seen: list[Json] = [
        {"type": "sleep_started", "stepName": "nap-1", "t_ms": 0, "durationMs": 1_000},
        {"type": "sleep_completed", "stepName": "nap-1", "t_ms": measured},
    ]
    expected = Expectation(seen, skipped=frozenset({("sleep", skipped)}))
    assert len(list(compared(expected, seen, Matcher()))) == count


def test_events_are_mocked_and_errors_are_thrown_as_often_as_said() -> None:
    program = [
        STEP | {"as": "a"},
        {"op": "waitForEvent", "name": "w", "type": "go", "as": "w"},
        {"op": "return", "vars": True},
    ]
    error = {"name": "Custom", "message": "once"}
    operations = [
        {"type": "mockStepError", "step": {"name": "a"}, "error": error, "times": 1},
        {"type": "disableRetryDelays", "steps": [{"name": "a", "index": 1}]},
        {"type": "mockEvent", "event": {"type": "go", "payload": {"n": 1}}},
    ]
    lines = differences(program, {"operations": operations, "waitStatus": "complete"}, [])
    assert [line for line in lines if "once" in line or "callback" in line or "go" in line]
    assert any("'payload': {'n': 1}" in line for line in lines)


def test_what_is_refused_before_the_creation_is_compared() -> None:
    mock = {"type": "mockStepResult", "step": {"name": "a"}, "stepResult": 1}
    raw: dict[str, Json] = {
        "id": "own",
        "group": "testing-api",
        "verdict": "contract",
        "program": [STEP],
        "introspection": {"operations": [mock, mock]},
        "observed": {
            "result": {
                "ok": False,
                "error": {
                    "name": "Error",
                    "message": "[WorkflowIntrospector] Trying to mock step 'a' multiple times!",
                },
            }
        },
    }
    assert asyncio.run(introspected_differences(Scenario.of(raw), "memory")) == []


def test_a_mock_that_does_not_work_is_seen_where_the_recorded_engine_ignored_it() -> None:
    raw: dict[str, Json] = {
        "id": "own",
        "group": "testing-api",
        "verdict": "quirk",
        "program": [STEP | {"as": "a"}, {"op": "return", "vars": True}],
        "introspection": {
            "operations": [{"type": "mockStepResult", "step": {"name": "a"}, "stepResult": 0}],
            "waitStatus": "complete",
        },
        "observed": {"result": {"ok": True, "value": {}}},
    }
    assert asyncio.run(introspected_differences(Scenario.of(raw), "memory")) == []
