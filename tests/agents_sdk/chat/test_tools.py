"""What clients may say of calls, and when all is said."""

from __future__ import annotations

from typing import Any

import pytest

from agents_sdk.chat.shapes import Message, Part
from agents_sdk.chat.tools import holder, unresolved, with_approval, with_result
from agents_sdk.protocol import ToolApproval, ToolResult

STEP: Part = {"type": "step-start"}
STATES = [
    "input-streaming",
    "input-available",
    "approval-requested",
    "approval-responded",
    "output-available",
    "output-error",
    "output-denied",
]


def call(state: str | None, id: str = "c1", **more: Any) -> Part:
    said = {} if state is None else {"state": state}
    return {"type": "tool-look", "toolCallId": id, "input": {"at": 1}, **said, **more}


def message(*parts: Part, id: str = "a1") -> Message:
    return {"id": id, "role": "assistant", "parts": list(parts), "mine": 1}


def result(**more: Any) -> ToolResult:
    return ToolResult(type="cf_agent_tool_result", tool_call_id="c1", **more)


def approval(approved: bool) -> ToolApproval:
    return ToolApproval(type="cf_agent_tool_approval", tool_call_id="c1", approved=approved)


@pytest.mark.parametrize("state", STATES)
def test_a_result_counts_where_one_is_awaited(state: str) -> None:
    before = message(STEP, call(state), call(state, "c2"))
    after = with_result(before, result(output={"seen": 2}))
    if state not in ("input-available", "approval-requested", "approval-responded"):
        assert after is None
        return
    given = {"state": "output-available", "output": {"seen": 2}, "preliminary": False}
    assert after == message(STEP, call(state) | given, call(state, "c2"))
    assert before == message(STEP, call(state), call(state, "c2"))
    assert with_result(after, result(output="other")) is None


@pytest.mark.parametrize(
    ("said", "text"), [({"error_text": "dark"}, "dark"), ({}, "Tool execution denied by user")]
)
def test_a_tool_of_a_client_may_fail(said: dict[str, Any], text: str) -> None:
    after = with_result(message(call("input-available")), result(state="output-error", output=None, **said))
    assert after == message(call("output-error", errorText=text))


@pytest.mark.parametrize("approved", [True, False])
@pytest.mark.parametrize("state", STATES)
def test_a_decision_counts_where_one_is_awaited(state: str, approved: bool) -> None:
    after = with_approval(message(call(state, approval={"id": "ask", "signature": "s"})), approval(approved))
    if state not in ("input-available", "approval-requested"):
        assert after is None
        return
    decided = {"id": "ask", "signature": "s", "approved": approved}
    assert after == message(call("approval-responded" if approved else "output-denied", approval=decided))
    assert with_approval(after, approval(not approved)) is None


def test_a_decision_that_nobody_asked_for_by_name() -> None:
    after = with_approval(message(call("input-available")), approval(False))
    assert after == message(call("output-denied", approval={"id": "c1", "approved": False}))


def test_what_is_said_of_no_call_changes_nothing() -> None:
    other = message({"type": "text", "text": "c1"}, call("input-available", "c2"), call(None))
    assert with_result(other, result(output=1)) is None
    assert with_approval(other, approval(True)) is None


def test_a_call_is_looked_for_where_it_was_made_last() -> None:
    old, new = message(call("output-available"), id="a1"), message(call("input-available"), id="a2")
    asking = {"id": "u1", "role": "user", "parts": [call("input-available")]}
    assert holder([old, new, asking], "c1") is new
    assert holder([old, asking], "c1") is old
    assert holder([old], "c2") is None


@pytest.mark.parametrize(
    ("parts", "waits"),
    [
        ([], False),
        ([STEP, {"type": "text", "text": "x", "state": "input-available"}], False),
        *(([STEP, call(state)], state in ("input-available", "approval-requested")) for state in STATES),
        ([STEP, call("output-available"), call("input-available", "c2")], True),
        ([STEP, call("approval-responded"), call("output-denied", "c2")], False),
        ([STEP, call("input-available"), STEP, call("output-available", "c2")], False),
        ([STEP, call("output-available"), STEP, call("input-available", "c2"), STEP, STEP], True),
        ([call("input-available"), call("output-available", "c2")], True),
    ],
)
def test_whether_the_client_has_more_to_say(parts: list[Part], waits: bool) -> None:
    assert unresolved(message(*parts)) is waits
