"""Small questions about messages."""

from __future__ import annotations

from agents_sdk.chat.shapes import Message, last_assistant, origin, tool_call

U1: Message = {"id": "u1", "role": "user", "parts": []}
U2: Message = U1 | {"id": "u2"}
A1: Message = {"id": "a1", "role": "assistant", "parts": []}
A2: Message = A1 | {"id": "a2"}


def test_the_last_message_of_the_assistant() -> None:
    assert last_assistant([U1, A1, A2, U2]) is A2
    assert last_assistant([U1]) is None


def test_what_is_to_be_answered() -> None:
    assert origin([U1, A1, U1, U2]) == ["u1", "u2"]
    assert origin([U1, A1]) == []


def test_the_call_that_a_part_is_of() -> None:
    assert tool_call({"type": "tool-x", "toolCallId": "c1"}) == "c1"
    assert [tool_call(part) for part in ({"type": "text"}, {"toolCallId": 5}, {"toolCallId": ""})] == [
        None
    ] * 3
