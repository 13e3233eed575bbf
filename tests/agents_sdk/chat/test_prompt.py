"""What a model is given of a transcript."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_sdk import Turn, model_messages
from agents_sdk.chat.prompt import instructed, without_ids


def answer(*parts: dict[str, Any], id: str = "a1") -> dict[str, Any]:
    return {"id": id, "role": "assistant", "parts": list(parts)}


def asked(*parts: dict[str, Any], id: str = "u1") -> dict[str, Any]:
    return {"id": id, "role": "user", "parts": list(parts)}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def call(id: str, state: str = "output-available", **more: Any) -> dict[str, Any]:
    return {"type": "tool-read", "toolCallId": id, "state": state, "input": {"path": id}, **more}


STEP = {"type": "step-start"}


def function(id: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": "read", "arguments": f'{{"path": "{id}"}}'}}


def test_text_is_text() -> None:
    found = model_messages([asked(text("a"), text("b")), answer(STEP, text("c"))])
    assert found == [
        {"id": "u1", "role": "user", "content": "ab"},
        {"id": "a1/1", "role": "assistant", "content": "c"},
    ]


def test_each_step_is_followed_by_the_results_of_its_calls() -> None:
    calls = [call("c1", output={"n": 1}), call("c2", output="two")]
    parts = [STEP, text("I look."), *calls, STEP, text("Done.")]
    made = [function("c1"), function("c2")]
    assert model_messages([answer(*parts)]) == [
        {"id": "a1/1", "role": "assistant", "content": "I look.", "tool_calls": made},
        {"id": "a1/2/result", "role": "tool", "tool_call_id": "c1", "content": '{"n": 1}'},
        {"id": "a1/3/result", "role": "tool", "tool_call_id": "c2", "content": "two"},
        {"id": "a1/5", "role": "assistant", "content": "Done."},
    ]  # fmt: skip


def test_what_is_said_behind_a_call_was_said_when_its_result_was_known() -> None:
    found = model_messages([answer(call("c1", output="1"), text("So."), call("c2", output="2"))])
    assert [(one["role"], one["content"]) for one in found] == [
        ("assistant", None), ("tool", "1"), ("assistant", "So."), ("tool", "2")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "result"),
    [
        (call("c", "output-error", errorText="no such file"), "Error: no such file"),
        (call("c", "output-denied"), "The user did not allow this call."),
        (call("c", "input-available"), "No result of this call was recorded."),
        (call("c", "approval-requested"), "No result of this call was recorded."),
        (call("c", "output-available", output=None), "null"),
    ],
)
def test_a_call_without_an_output_has_a_result_that_says_so(part: dict[str, Any], result: str) -> None:
    assert model_messages([answer(part)])[1]["content"] == result


def test_an_approved_call_at_the_end_is_to_be_carried_out_now() -> None:
    approved = call("c", "approval-responded", approval={"id": "x", "approved": True})
    assert [one["role"] for one in model_messages([answer(approved)])] == ["assistant"]
    found = model_messages([answer(approved), asked(text("and?"))])
    assert [one["role"] for one in found] == ["assistant", "tool", "user"]


def test_a_call_that_is_being_written_is_left_out() -> None:
    assert model_messages([answer(STEP, call("c", "input-streaming"))]) == []


def test_dynamic_tools_and_inputs_as_text() -> None:
    part = {"type": "dynamic-tool", "toolName": "sql", "toolCallId": "c", "state": "output-available"}
    [said, _] = model_messages([answer({**part, "input": "select 1", "output": 1})])
    assert said["tool_calls"][0]["function"] == {"name": "sql", "arguments": "select 1"}


def test_files_are_given_as_what_they_are() -> None:
    png = {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,AAAA"}
    pdf = {
        "type": "file",
        "mediaType": "application/pdf",
        "filename": "a.pdf",
        "url": "data:application/pdf;base64,AA",
    }
    far = {"type": "file", "mediaType": "text/csv", "filename": "b.csv", "url": "https://example.org/b.csv"}
    [found] = model_messages([asked(text("look"), png, pdf, far)])
    assert found["content"] == [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}},
        {"type": "text", "text": "[file b.csv at https://example.org/b.csv]"},
    ]
    [made] = model_messages([answer(text("Here: "), png)])
    assert made["content"] == "Here: [file image/png]"


def test_what_is_not_for_models_is_left_out() -> None:
    kinds = ("reasoning", "source-url", "data-weather")
    assert model_messages([answer(*({"type": kind, "text": "x"} for kind in kinds)), asked()]) == []


def test_instructions_come_first() -> None:
    assert instructed("", [{"id": "u1"}]) == [{"id": "u1"}]
    assert without_ids(instructed("Be brief.", []))[0] == {"role": "system", "content": "Be brief."}


@pytest.mark.anyio
async def test_a_turn_gives_its_prompt_also_without_compaction() -> None:
    turn = Turn("r1", [asked(text("hello"))])
    assert await turn.prompt() == [{"role": "user", "content": "hello"}]
    turn.counted(7)


parts = st.one_of(
    st.just(STEP),
    st.text(max_size=3).map(text),
    st.builds(
        call,
        st.sampled_from(["c1", "c2"]),
        st.sampled_from(
            ["input-streaming", "input-available", "approval-responded", "output-available", "output-error"]
        ),
    ),
)


def numbered(turns: list[tuple[bool, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
    return [
        answer(*said, id=f"~/{number}")
        if is_answer
        else asked(*(part for part in said if part["type"] == "text"), id=f"{number}%")
        for number, (is_answer, said) in enumerate(turns)
    ]


transcripts = st.lists(st.tuples(st.booleans(), st.lists(parts, max_size=6)), max_size=5).map(numbered)


@given(transcripts)
def test_ids_are_unique_and_stay_while_a_transcript_grows(transcript: list[dict[str, Any]]) -> None:
    whole = model_messages(transcript)
    ids = [message["id"] for message in whole]
    assert len(set(ids)) == len(ids)
    assert not any("~" in id for id in ids)
    for end in range(len(transcript)):
        assert [one for one in model_messages(transcript[:end]) if one not in whole] == []
