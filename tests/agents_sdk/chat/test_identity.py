"""Which stored answer is meant: found as by looking at all of them, without looking at all of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_sdk.chat import identity
from agents_sdk.chat.identity import Calls, identified, same_call, same_part
from agents_sdk.chat.shapes import Message, Part, tool_call

texts = st.sampled_from(["a", "b"]).map(lambda text: {"type": "text", "text": text})
calls = st.builds(
    lambda id, given, name, state: {
        "type": "tool-look",
        "toolCallId": id,
        "input": given,
        "state": state,
        **({} if name is None else {"toolName": name}),
    },
    st.sampled_from(["c1", "c2", "c3"]),
    st.sampled_from([{}, {"of": 1}]),
    st.sampled_from([None, "look", "see"]),
    st.sampled_from(["input-available", "output-available"]),
)
parts = st.lists(texts | calls, max_size=3)


def transcripts(ids: str) -> st.SearchStrategy[list[Message]]:
    roles = st.sampled_from(["assistant", "assistant", "user"])
    both = st.lists(st.tuples(st.sampled_from(ids), roles, parts), max_size=8, unique_by=lambda one: one[0])
    return both.map(lambda found: [{"id": id, "role": role, "parts": made} for id, role, made in found])


def by_looking_at_all(stored: list[Message], incoming: list[Message]) -> list[Message]:
    places = {message["id"]: place for place, message in enumerate(stored)}
    free = {place for place, message in enumerate(stored) if message["role"] == "assistant"}
    free -= {places[message["id"]] for message in incoming if message["id"] in places}
    known: list[Message] = []
    behind = -1
    for message in incoming:
        place = places.get(message["id"])
        if place is None and message["role"] == "assistant":
            later = sorted(free, key=lambda place: (place < behind, place))
            place = next((place for place in later if alike(stored[place], message)), None)
        if place is not None:
            free.discard(place)
            behind = place
        known.append(message if place is None else message | {"id": stored[place]["id"]})
    return known


def alike(stored: Message, incoming: Message) -> bool:
    of_tools = [part for part in incoming["parts"] if tool_call(part)]
    if any(
        tool_call(one) == tool_call(other) and not same_call(one, other)
        for one in of_tools
        for other in of_tools
    ):
        return False
    if of_tools:
        pairs = [
            (part, call)
            for part in stored["parts"]
            for call in of_tools
            if tool_call(part) == tool_call(call)
        ]
        return bool(pairs) and all(same_call(part, call) for part, call in pairs)
    both = stored["parts"], incoming["parts"]
    return 0 < len(both[0]) == len(both[1]) and all(map(same_part, *both))


@given(transcripts("abcdefgh"), transcripts("abefijkl"))
def test_it_finds_what_one_finds_who_looks_at_all(stored: list[Message], incoming: list[Message]) -> None:
    assert identified(stored, incoming) == by_looking_at_all(stored, incoming)


def call_of(**named: str) -> Part:
    return {"type": "tool-look", "toolCallId": "c", "input": {"of": 1}, "state": "input-available", **named}


def test_a_call_without_the_name_of_its_tool_does_not_hide_one_with_it() -> None:
    """Such a one is alike to both of two calls that are not alike."""
    assert call_of(toolName="see") in Calls([call_of(toolName="look"), call_of()])
    stored = [{"id": "b", "role": "assistant", "parts": [call_of(toolName="see")]}]
    incoming = [{"id": "a", "role": "assistant", "parts": [call_of(), call_of(toolName="look")]}]
    assert identified(stored, incoming) == incoming


@given(st.lists(calls, max_size=6), calls)
def test_calls_are_found_as_by_looking_at_all(known: list[Part], part: Part) -> None:
    assert (part in Calls(known)) == any(same_call(one, part) for one in known)


@pytest.mark.parametrize(
    "made",
    [
        lambda _: [{"type": "text", "text": "a", "providerMetadata": {"x": _}}],
        lambda _: [{"type": "tool-look", "toolCallId": "c", "input": _, "state": "output-available"}],
    ],
    ids=["texts", "calls"],
)
def test_thousands_of_inventions_do_not_hold_up_the_loop(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    compare = identity._alike

    def counted(stored: Message, incoming: Message) -> bool:
        nonlocal compared
        compared += 1
        return compare(stored, incoming)

    monkeypatch.setattr(identity, "_alike", counted)
    stored = [{"id": f"s{n}", "role": "assistant", "parts": made(n)} for n in range(2_000)]
    incoming = [{"id": f"x{n}", "role": "assistant", "parts": made(-1 - n)} for n in range(2_000)]
    assert identified(stored, incoming) == incoming
    assert 0 < compared <= 2_000 * 40


def test_of_very_many_alike_the_next_one_is_meant() -> None:
    stored = [
        {"id": f"s{n}", "role": "assistant", "parts": [{"type": "text", "text": "ok"}]} for n in range(100)
    ]
    later = {**stored[0], "id": "x"}
    assert [one["id"] for one in identified(stored, [stored[60], later, later])] == ["s60", "s61", "s62"]
