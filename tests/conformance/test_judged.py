"""The runner: what of a recording counts, and what stands in its place."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conformance.introspected import introspected_differences
from tests.conformance.scenario import Json, Scenario
from tests.conformance.workflows import judge

ONCE = {"retries": {"limit": 0, "delay": 0}}
THROWN = {"op": "throw", "error": {"message": "boom"}}
ALL = {"op": "return", "vars": True}


def do(name: str, value: Json = None, **more: Json) -> dict[str, Json]:
    return {"op": "do", "name": name, "body": {"value": value}, "as": name} | more


def differences(
    *program: Json, id: str = "own", external: Json = (), verdict: str = "contract", **observed: Json
) -> list[str]:
    raw = {"id": id, "group": "own", "verdict": verdict, "program": list(program)}
    found = judge(Scenario.of(raw | {"external": list(external), "observed": observed}), "memory")
    return list(asyncio.run(found).differences)


def undone(
    step: str, attempt: int, output: Json, message: str = "boom", name: str = "Error"
) -> dict[str, Json]:
    error = {"$error": {"ctor": "Error", "name": name, "message": message, "keys": []}}
    ctx = {"step": {"name": step, "count": 1}, "attempt": attempt, "config": {}}
    return {"ev": "rollback_start", "step": step, "rctx": {"ctx": ctx, "error": error, "output": output}}


def test_rollbacks_are_compared_in_their_order_and_by_what_they_are_given() -> None:
    program = [do("a", "A", rollback={}), do("b", "B", rollback={}), THROWN]
    told: dict[str, Any] = {"final_status": "errored", "callback_invocations": {"a-1": 1, "b-1": 1}}
    right = [undone("b", 1, "B"), undone("a", 1, "A")]
    assert differences(*program, **told, trace=right) == []
    for wrong in (right[::-1], right[:1], [undone("b", 2, "B"), right[1]], [undone("b", 1, None), right[1]]):
        assert any("rollbacks" in line for line in differences(*program, **told, trace=wrong))


def test_a_rollback_by_terminate_is_compared_too() -> None:
    program = [do("a", "A", rollback={}), {"op": "sleep", "name": "z", "duration": 60_000}]
    external = [{"wait_ms": 50}, {"call": "terminate", "args": [{"rollback": True}]}]
    trace = [undone("a", 1, "A", "Instance terminated during rollback", "Terminated")]
    told: dict[str, Any] = {"final_status": "terminated", "callback_invocations": {"a-1": 1}}
    assert differences(*program, external=external, trace=trace, **told) == []


def test_only_what_is_stated_counts() -> None:
    assert differences(do("a", 1), final_status="complete") == []
    assert differences(do("a", 1), output=2) != []


@pytest.mark.parametrize("marker", ["symbol", "class"])
def test_a_value_that_was_a_failed_attempt_there_ends_the_instance_here(marker: str) -> None:
    program = [{"op": "try", "ops": [do("v", {"$": marker}, config=ONCE)]}, ALL]
    caught = {"is_error": True, "name": "DataCloneError", "message": "no clone"}
    assert differences(*program, final_status="complete", output={"err": caught}) == []


@pytest.mark.parametrize("caught", [True, False])
def test_a_refusal_is_as_good_as_a_quirk(caught: bool) -> None:
    wait = {"op": "waitForEvent", "name": "w", "type": "a.b", "as": "e"}
    program = [{"op": "try", "ops": [wait]}] if caught else [wait]
    sent = {"call": "sendEvent", "args": [{"type": "a.b"}]}
    calls = [{"call": "sendEvent", "result": {"ok": True, "value": None}}]
    told: dict[str, Any] = {"final_status": "complete", "output": {"e": 1}, "calls": calls}
    odd: dict[str, Any] = {"external": [sent], "verdict": "quirk"}
    assert differences(*program, id="event-type-odd", **odd, **told) == []
    assert differences(*program, external=[sent], **told) != []


def test_a_pause_that_a_bug_let_slip_holds_here() -> None:
    program = [{"op": "try", "ops": [{"op": "waitForEvent", "name": "w", "type": "go"}]}]
    external = [{"wait_ms": 50}, {"call": "pause", "args": []}]
    assert differences(*program, external=external, verdict="quirk", final_status="complete") == []
    assert differences(*program, external=external, final_status="complete") != []


def test_a_delay_that_was_the_default_there_is_named() -> None:
    failed: dict[str, Json] = {"type": "attempt_errored", "stepName": "a-1", "attempt": 1}
    failed["retryDelayMs"] = 1_000
    failed["error"] = {"name": "Error", "message": "fail attempt 1"}
    config: Json = {
        "retries": {"limit": 5, "delay": 1_000, "backoff": "exponential"},
        "timeout": "10 minutes",
    }
    seen: list[dict[str, Json]] = [{"type": f"workflow_{type}"} for type in ("queued", "started", "running")]
    seen += [{"type": "step_started", "stepName": "a-1", "config": config}]
    seen += [{"type": "attempt_started", "stepName": "a-1", "attempt": 1}, failed]
    seen += [
        {"type": f"attempt_{type}", "stepName": "a-1", "attempt": 2} for type in ("started", "completed")
    ]
    seen += [{"type": "step_completed", "stepName": "a-1", "output": 1}, {"type": "workflow_completed"}]
    step = do("a", body={"fail_attempts": 1, "value": 1})
    assert differences(step, final_status="complete", events=[event | {"t_ms": 0} for event in seen]) == []


def test_one_of_several_introspected_instances_is_asked() -> None:
    program = [do("a", "real"), ALL]
    other = {"binding": "create", "args": [{"id": "other", "params": {"ops": program}}]}
    mock = {"type": "mockStepResult", "step": {"name": "a", "index": 1}, "stepResult": "mocked"}
    complete = (
        'Workflow instance is in status "complete" but must be "errored" to have error information available'
    )
    told = {
        "instances": ["own", "other"],
        "status": {"ok": {"$undefined": True}},
        "output": {"ok": {"event_payload": None, "a": "mocked"}},
        "error": {
            "err": {"is_error": True, "name": "Error", "message": f"Cannot retrieve error: {complete}"}
        },
    }
    raw = {
        "id": "own",
        "group": "testing-api",
        "verdict": "contract",
        "program": program,
        "external": [other],
        "introspection": {"operations": [mock], "waitStatus": "complete"},
        "observed": {"result": {"ok": True, "value": told}},
    }
    assert asyncio.run(introspected_differences(Scenario.of(raw), "memory")) == []
    told["instances"] = ["own"]
    assert asyncio.run(introspected_differences(Scenario.of(raw), "memory")) != []


def _killed(program: list[Json], log: list[tuple[int, str]], **observed: Json) -> list[str]:
    logged: list[dict[str, Json]] = [
        {"at_ms": 3, "action": "create", "result": {"ok": True, "value": {"id": "own"}}}
    ]
    shown: Json = {"status": "running", "output": None, "error": None}
    for at, action in log:
        value = shown if action.startswith("status") else None
        logged.append({"at_ms": at, "action": action, "result": {"ok": True, "value": value}})
    seen: dict[str, Json] = {"trace": [{"t": 416, "ev": "run_start"}], "log": logged} | observed
    raw: dict[str, Json] = {
        "id": "own",
        "group": "process-kill",
        "verdict": "quirk-resume",
        "program": program,
    }
    raw |= {"killed_at_ms": 2_000, "restarted_at_ms": 12_000, "observed": seen}
    return list(asyncio.run(judge(Scenario.of(raw), "sqlite")).differences)


def _called(*steps: str) -> list[Json]:
    return [{"t": 500, "ev": "callback_start", "step": step, "count": 1} for step in steps]


def test_a_killed_instance_is_commanded_afterwards() -> None:
    program = [do("a", 1), {"op": "sleep", "name": "z", "duration": 60_000}, ALL]
    log = [(1_000, "status"), (12_100, "get"), (12_500, "restart"), (13_000, "status (after the restart)")]
    end = [*log, (14_000, 'terminate {"rollback":true}')]
    trace = [{"t": 416, "ev": "run_start"}, *_called("a", "a")]
    assert _killed(program, end, trace=trace, final_status="terminated") == []
    assert _killed(program, end, trace=[*trace, *_called("a")], final_status="terminated") != []
