import json

import pytest
from pydantic import ValidationError

from integrations.compaction import Message, from_wire

CALL = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"path":"a.py"}'}}


@pytest.mark.parametrize(
    "wire",
    [
        {"role": "user", "content": "hi", "name": "ann"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,", "detail": "low"}}]},
        {"role": "assistant", "content": None, "refusal": None, "tool_calls": [CALL], "annotations": []},
        {"role": "assistant", "content": "done", "tool_calls": None, "reasoning_content": "hm"},
        {"role": "tool", "content": "x\ud83d", "tool_call_id": "c1"},
        {"role": "developer", "content": ""},
    ],
)
def test_a_message_goes_back_to_the_wire_as_it_came(wire: dict[str, object]) -> None:
    assert json.loads(json.dumps(from_wire([wire])[0].wire())) == wire


@pytest.mark.parametrize(
    ("wire", "complaint"),
    [
        ({"role": "tool", "content": "x"}, "does not say which call it answers"),
        ({"role": "user", "content": "x", "tool_calls": [CALL]}, "calls a tool, but has the role 'user'"),
        (
            {"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "c1"}]},
            "holds a tool result, but has the role 'assistant'",
        ),
    ],
)
def test_a_message_that_does_not_fit_its_role_is_refused(wire: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        from_wire([wire])


def test_ids_are_places_in_the_history_unless_given() -> None:
    said = {"role": "user", "content": "x"}
    assert [message.id for message in from_wire([said, {**said, "id": "own"}, said])] == ["m1", "own", "m3"]


def test_calls_are_found_in_the_list_and_in_parts() -> None:
    part = {"type": "tool_use", "id": "c2", "name": "write", "input": {"path": "b.py"}}
    message = Message.model_validate(
        {"id": "m", "role": "assistant", "content": [part], "tool_calls": [CALL]}
    )
    assert [(call.id, call.tool, json.loads(call.arguments)) for call in message.calls] == [
        ("c1", "read", {"path": "a.py"}),
        ("c2", "write", {"path": "b.py"}),
    ]


def test_a_call_of_a_kind_that_is_not_a_function_keeps_its_input() -> None:
    custom = {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    message = Message.model_validate({"id": "m", "role": "assistant", "tool_calls": [custom]})
    assert message.calls[0].tool == "custom"
    assert "select 1" in message.calls[0].arguments
