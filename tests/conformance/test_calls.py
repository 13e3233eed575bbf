"""The runner: every call that the recordings make on instances and bindings, and that a wrong end is seen."""

from __future__ import annotations

import asyncio
import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conformance.batches import comparable
from tests.conformance.markers import given, notation
from tests.conformance.match import Matcher
from tests.conformance.scenario import Json, Scenario
from tests.conformance.workflows import judge

ALL = {"op": "return", "vars": True}
NOTHING = {"$undefined": True}
RETURNS_ONE = {"ops": [{"op": "return", "value": 1}]}
NOT_FOUND = {"is_error": True, "name": "Error", "message": "instance.not_found"}
CAUGHT = {"is_error": True, "name": "X", "message": "x"}


def do(name: str, value: Json = None, **more: Json) -> dict[str, Json]:
    return {"op": "do", "name": name, "body": {"value": value, **more.pop("body", {})}, "as": name} | more


def call(method: str, *args: Json) -> dict[str, Json]:
    return {"call": method, "args": list(args)}


def ended(method: str, value: Json = NOTHING, error: Json = None) -> dict[str, Json]:
    result = {"ok": True, "value": value} if error is None else {"ok": False, "error": error}
    return {"call": method, "result": result}


def status(shown: str, output: Json = None) -> dict[str, Json]:
    return ended("status", {"status": shown, "output": output, "error": NOTHING})


def differences(
    *program: Json, external: Json = (), verdict: str = "contract", **observed: Json
) -> list[str]:
    raw = {"id": "own", "group": "own", "verdict": verdict, "program": list(program)}
    found = judge(Scenario.of(raw | {"external": list(external), "observed": observed}), "memory")
    return list(asyncio.run(found).differences)


def in_binding(*calls: Json, verdict: str = "contract") -> list[str]:
    raw = {"id": "own", "group": "binding", "verdict": verdict, "calls": list(copy.deepcopy(calls))}
    return list(asyncio.run(judge(Scenario.of(raw), "memory")).differences)


def bound(
    method: str, *args: Json, value: Json = NOTHING, error: Json = None, **where: Json
) -> dict[str, Json]:
    made = {"on": "binding", "method": method, "args": list(args)} | where
    return {"call": made, "result": ended(method, value, error)["result"]}


OWN: list[tuple[str, list[Json], list[Json], dict[str, Json]]] = [
    ("terminate", [], [], {"final_status": "terminated", "callback_invocations": {"a-1": 1}}),
    ("delete", [], [], {"final_status": "unknown", "callback_invocations": {"a-1": 1}}),
    ("pause", [], [], {"final_status": "paused", "callback_invocations": {"a-1": 1}}),
    ("resume", [], [], {"final_status": "complete", "callback_invocations": {"a-1": 1, "b-1": 1}}),
    ("restart", [], [{"wait_ms": 200}, call("terminate")], {"final_status": "terminated"}),
    ("sendEvent", [{"type": "go"}], [], {"final_status": "complete"}),
]


@pytest.mark.parametrize(("method", "args", "external", "observed"), OWN, ids=[row[0] for row in OWN])
def test_a_program_calls_its_own_instance(
    method: str, args: list[Json], external: list[Json], observed: dict[str, Json]
) -> None:
    program = [do("a", 1), {"op": "delay", "ms": 10}, {"op": "self", **call(method, *args)}, do("b", 2), ALL]
    settled = [{"wait_ms": 500}, *external]
    assert differences(*program, external=settled, **observed) == []
    assert differences(*program, external=settled, **observed | {"final_status": "errored"}) != []


def test_going_back_to_a_step_of_each_kind() -> None:
    wait = {"op": "waitForEvent", "name": "w", "type": "go", "timeout": 5_000, "as": "e"}
    program = [do("a", 1), {"op": "sleep", "name": "z", "duration": 100}, do("b", 2), wait]
    back = {"name": "b"}, {"name": "z", "type": "sleep", "count": 1}, {"name": "w", "type": "waitForEvent"}
    sent = call("sendEvent", {"type": "go", "payload": 1})
    external = [{"wait_ms": 300}, sent]
    for step in back:
        external += [{"wait_status": "complete"}, call("restart", {"from": step}), {"wait_ms": 300}, sent]
    counts = {"a-1": 1, "b-1": 3}
    assert (
        differences(*program, external=external, final_status="complete", callback_invocations=counts) == []
    )
    missing = [{"wait_status": "complete"}, call("restart", {"from": {"name": "no"}})]
    message = '(instance.cannot_restart) Step "no" not found in execution history'
    refused = ended("restart", error={"is_error": True, "name": "WorkflowError", "message": message})
    assert differences(do("a", 1), external=missing, final_status="complete", calls=[refused]) == []


def test_a_deleted_instance_is_nowhere_and_its_id_is_free() -> None:
    program = do("long", 1, body={"wait_ms": 800})
    anew = {
        "binding": "create",
        "args": [{"id": "own", "params": {"ops": [{"op": "return", "value": "new"}]}}],
    }
    begin = [{"wait_trace": {"ev": "callback_start", "step": "long"}}, call("delete"), call("status")]
    made: list[Json] = [ended("delete"), ended("status", error=NOT_FOUND)]
    assert differences(program, external=begin, final_status="unknown", calls=made) == []
    assert differences(program, external=begin, final_status="running", calls=made) != []
    create = {"binding": "create", "result": {"ok": True, "value": {"id": "own", "keys": ["id", "binding"]}}}
    both = [*begin, anew, {"wait_ms": 200}, call("status")]
    made += [create, status("complete", "new")]
    assert differences(program, external=both, final_status="complete", output="new", calls=made) == []


SHOWN = ["workflow_queued", "workflow_started", "workflow_running"]
SHOWN += ["step_started", "attempt_started", "attempt_completed", "step_completed"]
SHOWN += ["sleep_started", "sleep_completed", "workflow_completed"]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, SHOWN),
        ({"cursor": 3}, [{"type": type, "eventId": 1} for type in SHOWN[3:]]),
        ({"cursor": 9}, {"events": SHOWN[9:]}),
        (
            {"cursor": 4, "filter": ["step_completed", "sleep_completed"]},
            ["step_completed", "sleep_completed"],
        ),
    ],
)
@pytest.mark.parametrize("when", [{"wait_ms": 50}, {"wait_status": "complete"}], ids=["live", "afterwards"])
def test_a_subscription_shows_what_was_recorded(options: Json, shown: Json, when: Json) -> None:
    program = [do("a", 1), {"op": "sleep", "name": "z", "duration": 200}]
    external = [when, call("subscribe", options)]
    told: dict[str, Json] = {"final_status": "complete", "calls": [ended("subscribe", shown)]}
    assert differences(*program, external=external, **told) == []
    told["calls"] = [ended("subscribe", SHOWN[1:2])]
    assert any("subscribe() shows" in line for line in differences(*program, external=external, **told))


@pytest.mark.parametrize("options", [{"cursor": -1}, {"cursor": "x"}, {"filter": ["no"]}])
def test_wrong_options_of_a_subscription_are_refused(options: Json) -> None:
    error = {"is_error": True, "name": "Error", "message": "Invalid Workflow subscription options"}
    external = [{"wait_status": "complete"}, call("subscribe", options)]
    calls = [ended("subscribe", error=error)]
    assert differences(do("a"), external=external, final_status="complete", calls=calls) == []


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        ({"$": "string:3"}, "xxx"),
        ({"$date": "2026-01-01T00:00:00.000Z"}, {"$date": "2026-01-01T00:00:00.000Z"}),
    ],
)
def test_what_is_sent_may_have_markers(payload: Json, shown: Json) -> None:
    wait = {"op": "waitForEvent", "name": "w", "type": "go", "as": "e"}
    keys = ["payload", "timestamp", "type"]
    output = {
        "event_payload": None,
        "e": {"type": "go", "payload": shown, "timestamp_is_date": True, "keys": keys},
    }
    external = [call("sendEvent", {"type": "go", "payload": payload})]
    assert differences(wait, ALL, external=external, final_status="complete", output=output) == []


def test_arguments_are_read_in_both_notations() -> None:
    spoken = {"a": {"$bigint": "5"}, "b": [{"$undefined": True}, {"$number": "Infinity"}, {"$string_len": 2}]}
    assert given(spoken) == {"a": 5, "b": [None, float("inf"), "xx"]}
    assert given({"$date": "1970-01-01T00:00:00.000Z"}) == datetime(1970, 1, 1, tzinfo=UTC)
    assert given({"$map": [["k", {"$set": [1]}]]}) == {"k": {1}}
    assert given({"$bytes": 2}) == bytes(2)
    assert given({"ops": [{"$": "random"}]}) == {"ops": [{"$": "random"}]}  # whoever runs it resolves them


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), "1970-01-01T00:00:00.000Z"),
        (10, "[BigInt(10)]"),
        (bytes(4), "[Uint8Array(4 bytes)]"),
        ({1}, {}),
        (float("nan"), None),
    ],
)
def test_a_status_is_compared_with_its_rendering(value: Any, rendered: Json) -> None:
    assert list(Matcher().differences(rendered, notation(value), "x")) == []
    assert list(Matcher().differences("other", notation(value), "x")) != []


UUIDS = [{"id": f"d0a28bee-d67c-40cb-a6ef-43bf074ed93{n}"} for n in range(9)]
RETENTION = {"successRetention": "1 day", "errorRetention": "7 days"}


def test_batches_in_all_forms() -> None:
    repeated = {"index": 2, "id": "b", "code": 10415, "message": "in other words"}
    taken = {"index": 0, "id": "a", "code": 10405, "message": "in other words"}
    three = [{"id": "a", "params": RETURNS_ONE, "retention": RETENTION}, {"id": "b"}, {"id": "b"}]
    made = [
        bound("createBatch", {"count": 2, "params": RETURNS_ONE}, value={"created": UUIDS[:2], "errors": []}),
        bound(
            "createBatch",
            {"instances": three},
            value={"created": [{"id": "a"}, {"id": "b"}], "errors": [repeated]},
        ),
        bound("createBatch", {"instances": [{"id": "a"}]}, value={"created": [], "errors": [taken]}),
        bound("createBatch", [{"id": "a"}, {"id": "c"}, {}], value={"array": ["c", UUIDS[2]["id"]]}),
        bound("createBatch", {"count": 1, "instances": []}, value={"created": UUIDS[3:4], "errors": []}),
        bound("status", value={"status": "running", "output": None, "error": NOTHING}, on="instance", id="a"),
    ]
    assert in_binding(*made) == []
    made[1]["result"]["value"]["errors"][0]["code"] = 10405
    assert any("code is 10415" in line for line in in_binding(*made))


@pytest.mark.parametrize(
    "asked", [{"count": 0}, {"count": 101}, {"count": 1.5}, {"count": "2"}, {}, {"instances": []}]
)
def test_what_is_no_batch_is_refused_in_our_own_words(asked: Json) -> None:
    assert in_binding(bound("createBatch", asked, error=CAUGHT)) == []
    assert in_binding(bound("createBatch", asked, value={"created": [], "errors": []})) != []


def test_many_are_deleted() -> None:
    unknown = {"id": "no", "code": 10400, "message": "in other words"}
    made = [
        bound("createBatch", [{"id": "a"}, {"id": "b"}], value={"array": ["a", "b"]}),
        bound(
            "deleteBatch",
            ["a", "no", "a"],
            value={"deleted": [{"id": "a"}, {"id": "a"}], "errors": [unknown]},
        ),
        bound("get", "a", error=NOT_FOUND),
        bound("get", "b", value={"id": "b", "keys": ["id"]}),
        bound("deleteBatch", ["a.b"], error=CAUGHT),
        bound("delete", on="instance", id="b"),
        bound("delete", error=NOT_FOUND, on="instance", id="b"),
    ]
    assert in_binding(*made) == []
    made[1]["result"]["value"]["deleted"].append({"id": "no"})
    assert in_binding(*made) != []


def test_the_forms_of_a_result_are_alike() -> None:
    assert comparable({"created": ["a"], "errors": []}) == comparable(
        {"created": [{"id": "a"}], "errors": []}
    )
    assert comparable(["a"]) == comparable({"array": ["a"]})


def test_retention_is_passed_on_and_checked() -> None:
    wrong = bound("create", {"id": "a", "retention": {"successRetention": "soon"}}, value={"id": "a"})
    right = bound("create", {"id": "a", "retention": RETENTION}, value={"id": "a"})
    assert in_binding(right) == []
    assert "soon" in in_binding(wrong)[0]
    assert in_binding(wrong, verdict="quirk") == []  # a clear refusal is as good


def test_params_of_any_kind_and_time_between_calls() -> None:
    shown = {"keys": ["instanceId", "payload", "timestamp", "workflowName"], "ts": True, "name": "empty-wf"}
    made = []
    for number, (params, seen) in enumerate(
        [(0, 0), (None, None), ([1], [1]), ({"$": "date"}, "1970-01-01T00:00:00.000Z")]
    ):
        id = f"p{number}"
        made.append(bound("create", {"id": id, "params": params}, value={"id": id}, wf="EMPTY"))
        told = {"status": "complete", "output": {"got": seen, "iid": id} | shown, "error": NOTHING}
        made.append({"wait_ms": 100} | bound("status", value=told, on="instance", id=id, wf="EMPTY"))
    assert in_binding(*made) == []
