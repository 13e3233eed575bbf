"""The message that comes of the chunks of an answer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_sdk.chat.builder import Builder
from agents_sdk.chat.rewrite import rewritten
from agents_sdk.chat.shapes import SETTLED, Chunk, Message, Part
from agents_sdk.protocol import ToolApproval, ToolResult, chunk_body
from tests.agents_sdk.chat.strategies import CHUNKS

EMPTY: Message = {"id": "m", "role": "assistant", "parts": []}
STEP, DONE = {"type": "start-step"}, {"type": "finish-step"}
BEGUN = {"type": "tool-input-start", "toolCallId": "c1", "toolName": "look"}
WHOLE = {"type": "tool-input-available", "toolCallId": "c1", "toolName": "look", "input": {"at": 1}}
ASKED = {"type": "tool-approval-request", "toolCallId": "c1", "approvalId": "ask"}
GIVEN = {"type": "tool-output-available", "toolCallId": "c1", "output": {"seen": 2}}
FAILED = {"type": "tool-output-error", "toolCallId": "c1", "errorText": "dark"}
DENIED = {"type": "tool-output-denied", "toolCallId": "c1"}
CALL = {"type": "tool-look", "toolCallId": "c1", "toolName": "look"}


def text(step: str, id: str = "t1", delta: str | None = None, kind: str = "text") -> Chunk:
    return {"type": f"{kind}-{step}", "id": id} | ({} if delta is None else {"delta": delta})


def said(words: str, id: str = "t1", kind: str = "text") -> list[Chunk]:
    return [text("start", id, kind=kind), text("delta", id, words, kind), text("end", id, kind=kind)]


def built(chunks: Iterable[object], message: Message = EMPTY) -> Message:
    builder = Builder(message)
    for chunk in chunks:
        builder.apply(chunk)
    return builder.message


def parts(*chunks: object, of: Message = EMPTY) -> list[Part]:
    grown: list[Part] = built(chunks, of)["parts"]
    return grown


def test_a_plain_answer() -> None:
    chunks = [
        {"type": "start", "messageId": "answer"},
        STEP,
        text("start"),
        text("delta", delta="echo: "),
        text("delta", delta="hello "),
        text("delta", delta="world"),
        text("end"),
        DONE,
        {"type": "finish"},
    ]
    assert built(chunks) == {
        "id": "answer",
        "role": "assistant",
        "parts": [{"type": "step-start"}, {"type": "text", "text": "echo: hello world", "state": "done"}],
    }


def test_a_model_that_thinks_and_looks_before_it_answers() -> None:
    chunks = [
        {"type": "start"},
        STEP,
        *said("let me look", "r1", "reasoning"),
        *said("Looking."),
        BEGUN,
        {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"at":'},
        {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": "1}"},
        WHOLE,
        GIVEN,
        DONE,
        STEP,
        *said("Two.", "t2"),
        DONE,
        {"type": "finish", "finishReason": "stop"},
    ]
    assert built(chunks) == EMPTY | {
        "metadata": {"finishReason": "stop"},
        "parts": [
            {"type": "step-start"},
            {"type": "reasoning", "text": "let me look", "state": "done"},
            {"type": "text", "text": "Looking.", "state": "done"},
            CALL | {"state": "output-available", "input": {"at": 1}, "output": {"seen": 2}},
            {"type": "step-start"},
            {"type": "text", "text": "Two.", "state": "done"},
        ],
    }


def test_texts_grow_side_by_side_by_their_ids() -> None:
    grown = parts(
        text("start", "a"),
        text("start", "b"),
        text("delta", "a", "1"),
        text("delta", "b", "x"),
        text("delta", "a", "2"),
        text("end", "a"),
    )
    assert grown == [
        {"type": "text", "text": "12", "state": "done"},
        {"type": "text", "text": "x", "state": "streaming"},
    ]


def test_what_clients_could_not_place_is_mended() -> None:
    builder = Builder(EMPTY)
    delta = text("delta", delta="late")
    assert builder.apply(delta) == (text("start"), delta)
    assert builder.apply(text("delta", delta="")) == ()
    assert builder.apply(text("end", "other")) == ()
    assert builder.apply(text("end")) == (text("end"),)
    assert builder.apply(GIVEN) == builder.apply(ASKED) == builder.apply(DENIED) == ()
    assert builder.message["parts"] == [{"type": "text", "text": "late", "state": "done"}]


def test_a_step_ends_its_texts() -> None:
    assert parts(text("start"), text("delta", delta="a"), DONE, text("delta", delta="b")) == [
        {"type": "text", "text": "a", "state": "done"},
        {"type": "text", "text": "b", "state": "streaming"},
    ]


def test_what_providers_say_of_texts_is_kept() -> None:
    grown = parts(
        text("start", kind="reasoning") | {"providerMetadata": {"a": {"kind": 1}}},
        text("delta", delta="", kind="reasoning") | {"providerMetadata": {"b": 2}},
        text("end", kind="reasoning") | {"providerMetadata": {"a": {"signature": "s"}}},
    )
    assert grown == [
        {
            "type": "reasoning",
            "text": "",
            "state": "done",
            "providerMetadata": {"a": {"signature": "s"}, "b": 2},
        }
    ]


@pytest.mark.parametrize(
    ("chunks", "part"),
    [
        ([BEGUN], CALL | {"state": "input-streaming"}),
        ([WHOLE], CALL | {"state": "input-available", "input": {"at": 1}}),
        (
            [BEGUN, WHOLE, ASKED],
            CALL | {"state": "approval-requested", "input": {"at": 1}, "approval": {"id": "ask"}},
        ),
        ([WHOLE, FAILED], CALL | {"state": "output-error", "input": {"at": 1}, "errorText": "dark"}),
        ([WHOLE, DENIED], CALL | {"state": "output-denied", "input": {"at": 1}}),
        (
            [WHOLE, GIVEN | {"preliminary": True}, GIVEN | {"output": 3}],
            CALL | {"state": "output-available", "input": {"at": 1}, "output": 3},
        ),
        (
            [WHOLE, GIVEN | {"preliminary": True}, FAILED],
            CALL | {"state": "output-error", "input": {"at": 1}, "errorText": "dark"},
        ),
        (
            [BEGUN, {**WHOLE, "type": "tool-input-error", "input": "{", "errorText": "cut"}],
            CALL | {"state": "output-error", "input": "{", "errorText": "cut"},
        ),
        (
            [{**WHOLE, "type": "tool-input-error", "errorText": "cut"}],
            CALL | {"state": "output-error", "input": {"at": 1}, "errorText": "cut"},
        ),
        (
            [
                WHOLE
                | {"dynamic": True, "title": "Look", "providerExecuted": True, "providerMetadata": {"a": 1}}
            ],
            {
                "type": "dynamic-tool",
                "toolCallId": "c1",
                "toolName": "look",
                "state": "input-available",
                "input": {"at": 1},
                "title": "Look",
                "providerExecuted": True,
                "callProviderMetadata": {"a": 1},
            },
        ),
        (
            [WHOLE, GIVEN | {"providerExecuted": True, "providerMetadata": {"a": 2}}],
            CALL
            | {
                "state": "output-available",
                "input": {"at": 1},
                "output": {"seen": 2},
                "providerExecuted": True,
                "resultProviderMetadata": {"a": 2},
            },
        ),
    ],
)
def test_the_states_of_a_call(chunks: list[Chunk], part: Part) -> None:
    assert parts(*chunks) == [part]


@pytest.mark.parametrize("begun", [BEGUN, WHOLE])
@pytest.mark.parametrize("last", [GIVEN, FAILED, DENIED])
@pytest.mark.parametrize(
    "again",
    [
        BEGUN,
        {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": "{}"},
        WHOLE | {"input": {"at": 9}},
        {**WHOLE, "type": "tool-input-error", "errorText": "no"},
        ASKED,
        DENIED,
        GIVEN | {"output": "other"},
        FAILED | {"errorText": "other"},
    ],
)
def test_a_settled_call_stays_as_it_is(begun: Chunk, last: Chunk, again: Chunk) -> None:
    builder = Builder(EMPTY)
    for chunk in (begun, last):
        assert builder.apply(chunk) == (chunk,)
    before = builder.message
    assert builder.apply(again) == ()
    assert builder.message == before


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, {}),
        ("", {}),
        ('{"a": 1}', {"a": 1}),
        (" {bad", " {bad"),
        ("words", "words"),
        ([1], [1]),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_an_input_is_an_object_where_it_can_be(given: object, kept: object) -> None:
    builder = Builder(EMPTY)
    assert builder.apply(WHOLE | {"input": given}) == (WHOLE | {"input": kept},)
    assert builder.message["parts"][0]["input"] == kept


def test_a_text_that_is_the_input_stays_text() -> None:
    assert parts(WHOLE | {"input": '{"a": 1}', "inputEncoding": "text"})[0]["input"] == '{"a": 1}'


def test_an_input_that_comes_after_the_question() -> None:
    builder = Builder(EMPTY)
    builder.apply(BEGUN)
    builder.apply({"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"at": 0}'})
    builder.apply(ASKED | {"signature": "s"})
    assert builder.message["parts"][0]["input"] == {"at": 0}
    assert builder.apply(WHOLE) == (WHOLE, ASKED | {"signature": "s"})
    assert builder.apply(WHOLE | {"input": {"at": 9}}) == ()
    assert builder.message["parts"] == [
        CALL
        | {"state": "approval-requested", "input": {"at": 1}, "approval": {"id": "ask", "signature": "s"}}
    ]


def test_data_with_an_id_is_replaced_where_it_stands() -> None:
    grown = parts(
        {"type": "data-progress", "id": "d1", "data": 50, "mine": True},
        *said("x"),
        {"type": "data-progress", "id": "d1", "data": 100},
        {"type": "data-progress", "data": 1},
        {"type": "data-progress", "data": 2, "transient": False},
        {"type": "data-progress", "id": "d1", "data": 0, "transient": True},
        {"type": "data-other", "id": "d1", "data": None},
        {"type": "data-progress", "id": "d2", "data": 3},
    )
    assert grown == [
        {"type": "data-progress", "id": "d1", "data": 100, "mine": True},
        {"type": "text", "text": "x", "state": "done"},
        {"type": "data-progress", "data": 1},
        {"type": "data-progress", "data": 2, "transient": False},
        {"type": "data-other", "id": "d1", "data": None},
        {"type": "data-progress", "id": "d2", "data": 3},
    ]


def test_sources_and_files_are_kept_as_they_come() -> None:
    chunks: list[Chunk] = [
        {"type": "file", "mediaType": "image/png", "url": "data:,x", "providerMetadata": {"a": 1}},
        {"type": "source-url", "sourceId": "s1", "url": "https://example.org", "title": "Example"},
        {"type": "source-document", "sourceId": "s2", "mediaType": "text/plain", "title": "Notes"},
    ]
    assert parts(*chunks) == chunks


def test_metadata_is_merged_at_every_depth() -> None:
    message = built(
        [
            {"type": "start", "messageMetadata": {"model": "m", "usage": {"in": 1}}},
            {"type": "message-metadata", "messageMetadata": {"usage": {"out": 2}, "tags": [1]}},
            {"type": "message-metadata", "messageMetadata": None},
            {"type": "message-metadata", "messageMetadata": {"model": None}},
            {"type": "finish", "finishReason": "stop", "messageMetadata": {"tags": [2]}},
        ]
    )
    usage = {"in": 1, "out": 2}
    assert message["metadata"] == {"model": None, "usage": usage, "tags": [2], "finishReason": "stop"}


def test_a_message_begins_once() -> None:
    builder = Builder(EMPTY)
    first = {"type": "start", "messageId": "a"}
    assert builder.apply(first) == (first,)
    assert builder.apply({"type": "start", "messageId": "b"}) == ()
    again = {"type": "start", "messageId": "c", "messageMetadata": {"n": 1}}
    assert builder.apply(again) == ({"type": "message-metadata", "messageMetadata": {"n": 1}},)
    assert builder.message == EMPTY | {"id": "a", "metadata": {"n": 1}}


def test_a_message_does_not_begin_after_its_parts() -> None:
    builder = Builder(EMPTY)
    builder.apply(STEP)
    assert builder.apply({"type": "start", "messageId": "a"}) == ()
    assert builder.message["id"] == "m"


def test_a_chunk_of_an_unknown_type_is_for_clients_only() -> None:
    builder = Builder(EMPTY)
    chunk = {"type": "later-invention", "x": 1}
    assert builder.apply(chunk) == (chunk,)
    assert builder.message == EMPTY


SETTLED_BEFORE: Message = {
    "id": "m",
    "role": "assistant",
    "metadata": {"model": "m"},
    "parts": [
        {"type": "step-start"},
        CALL | {"state": "output-available", "input": {"at": 1}, "output": {"seen": 2}, "preliminary": False},
    ],
}


def test_a_continuation_extends_the_same_message() -> None:
    builder = Builder(SETTLED_BEFORE)
    for chunk in ({"type": "start", "messageId": "other"}, BEGUN, WHOLE, GIVEN, STEP, *said("go on"), DONE):
        builder.apply(chunk)
    assert builder.message == SETTLED_BEFORE | {
        "parts": [
            *SETTLED_BEFORE["parts"],
            {"type": "step-start"},
            {"type": "text", "text": "go on", "state": "done"},
        ]
    }
    assert len(SETTLED_BEFORE["parts"]) == 2


def test_a_killed_text_goes_on_where_it_was() -> None:
    builder = Builder(EMPTY)
    for chunk in (STEP, text("start"), text("delta", delta="w0 w1 ")):
        builder.apply(chunk)
    builder.close(killed=True)
    left = builder.message
    assert left["parts"][1] == {"type": "text", "text": "w0 w1 ", "state": "streaming"}
    goes_on = Builder(left)
    assert goes_on.apply(text("start")) == (text("start"),)
    for chunk in (text("delta", delta="w2"), text("end"), *said("new")):
        goes_on.apply(chunk)
    assert goes_on.message["parts"][1:] == [
        {"type": "text", "text": "w0 w1 w2", "state": "done"},
        {"type": "text", "text": "new", "state": "done"},
    ]


def test_a_text_that_was_whole_is_followed_by_another() -> None:
    whole = {"type": "text", "text": "one", "state": "done"}
    old = {"type": "text", "text": "two"}
    grown = parts(*said("three"), of=EMPTY | {"parts": [whole, old]})
    assert grown == [whole, old, {"type": "text", "text": "three", "state": "done"}]


@pytest.mark.parametrize("again", [ASKED, DENIED, BEGUN, WHOLE])
def test_a_provider_that_repeats_what_was_approved(again: Chunk) -> None:
    approved = CALL | {
        "state": "approval-responded",
        "input": {"at": 1},
        "approval": {"id": "ask", "approved": True},
    }
    builder = Builder(EMPTY | {"parts": [approved]})
    assert builder.apply(again) == ()
    assert builder.message["parts"] == [approved]
    assert builder.apply(GIVEN) == (GIVEN,)


def test_a_step_ends_what_was_killed() -> None:
    killed = {"type": "text", "text": "one", "state": "streaming"}
    assert parts(DONE, *said("two"), of=EMPTY | {"parts": [killed]}) == [
        killed | {"state": "done"},
        {"type": "text", "text": "two", "state": "done"},
    ]


def test_an_input_that_was_killed_is_not_written_on() -> None:
    killed = CALL | {"state": "input-streaming"}
    builder = Builder(EMPTY | {"parts": [killed]})
    delta = {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": "{}"}
    assert builder.apply(BEGUN) == builder.apply(delta) == ()
    assert builder.apply(WHOLE) == (WHOLE,)


def test_reasoning_goes_on_only_where_it_was_last() -> None:
    thought = {"type": "reasoning", "text": "hm", "state": "streaming"}
    assert parts(text("delta", kind="reasoning", delta="m"), of=EMPTY | {"parts": [thought]}) == [
        thought | {"text": "hmm"}
    ]
    spoken = {"type": "text", "text": "so", "state": "done"}
    grown = parts(text("delta", kind="reasoning", delta="m"), of=EMPTY | {"parts": [thought, spoken]})
    assert grown == [thought, spoken, thought | {"text": "m"}]


def test_after_an_abort_nothing_is_left_open() -> None:
    left: list[Part] = [{"type": "text", "text": "old", "state": "streaming"}]
    builder = Builder(EMPTY | {"parts": left})
    for chunk in (BEGUN, text("start", kind="reasoning"), text("delta", kind="reasoning", delta="x")):
        builder.apply(chunk)
    builder.close()
    assert builder.message["parts"] == [
        {"type": "text", "text": "old", "state": "done"},
        CALL | {"state": "input-streaming"},
        {"type": "reasoning", "text": "x", "state": "done"},
    ]


def test_a_client_answers_while_the_answer_still_comes() -> None:
    builder = Builder(EMPTY)
    builder.apply(WHOLE)
    result = ToolResult(type="cf_agent_tool_result", tool_call_id="c1", output="seen")
    approval = ToolApproval(type="cf_agent_tool_approval", tool_call_id="c1", approved=True)
    assert builder.answer(approval)
    assert builder.answer(result)
    assert not builder.answer(result)
    assert builder.apply(GIVEN) == ()
    assert builder.message["parts"][0]["output"] == "seen"


def test_what_was_given_is_not_changed() -> None:
    chunk: dict[str, Any] = {"type": "data-list", "id": "d", "data": [1]}
    builder = Builder(EMPTY)
    builder.apply(chunk)
    before = builder.message
    chunk["data"].append(2)
    before["parts"][0]["data"].append(3)
    assert builder.message["parts"][0]["data"] == [1]
    assert EMPTY["parts"] == []


def test_parts_of_which_little_is_known_do_no_harm() -> None:
    odd: list[Part] = [{"type": "tool-look", "toolCallId": "c1"}, {"type": "text", "state": "streaming"}]
    assert parts(BEGUN, GIVEN, *said("x"), of=EMPTY | {"parts": odd}) == [
        odd[0] | {"state": "output-available", "output": {"seen": 2}},
        {"type": "text", "text": "x", "state": "done"},
    ]


@given(CHUNKS, CHUNKS)
def test_a_replay_builds_the_same_message(before: list[Chunk], chunks: list[Chunk]) -> None:
    begun = built(before)
    live = Builder(begun)
    sent: list[Chunk] = []
    for chunk in chunks:
        sent += live.apply(rewritten(chunk, message_id="m", continuation=bool(begun["parts"])))
    assert built((json.loads(chunk_body(chunk)) for chunk in sent), begun) == live.message
    json.dumps(live.message, allow_nan=False)


@given(CHUNKS, st.booleans())
def test_what_is_settled_never_changes(chunks: list[Chunk], killed: bool) -> None:
    builder, settled = Builder(EMPTY), dict[str, Part]()
    for chunk in chunks:
        builder.apply(chunk)
        calls = {part["toolCallId"]: part for part in builder.message["parts"] if "toolCallId" in part}
        assert all(calls[id] == part for id, part in settled.items())
        settled = {
            id: part for id, part in calls.items() if part["state"] in SETTLED and not part.get("preliminary")
        }
    builder.close(killed=killed)
    opened = [part for part in builder.message["parts"] if part.get("state") == "streaming"]
    assert killed or not opened


@given(CHUNKS, st.integers(0, 20))
def test_looking_changes_nothing(chunks: list[Chunk], at: int) -> None:
    watched = Builder(EMPTY)
    for number, chunk in enumerate(chunks):
        watched.apply(chunk)
        if number >= at:
            assert watched.message == watched.message
    assert watched.message == built(chunks)
