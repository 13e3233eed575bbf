"""What a request is on the Responses wire."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.llm import LLM, Message, Request, RequestRejected
from integrations.llm.testing import Asked, ErrorReply, Reply, ScriptedModel
from integrations.llm.testing.replies import Scripted
from tests.integrations.llm.asking import FINDING, Finding, ask

pytestmark = pytest.mark.anyio

PNG = "data:image/png;base64,AAAA"
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}
PARAMETERS = {"type": "object", "properties": {"x": {"type": "integer"}}}

MESSAGES: list[tuple[Message, list[dict[str, Any]]]] = [
    ({"role": "system", "content": "Be brief."}, [{"role": "system", "content": "Be brief."}]),
    ({"role": "user", "content": "?", "name": "ann"}, [{"role": "user", "content": "?"}]),
    (
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PNG}},
                {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
                {"type": "file", "file": {"file_id": "file_1"}},
                {"type": "input_text", "text": "as it is"},
            ],
        },
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": PNG, "detail": "auto"},
                    {"type": "input_image", "image_url": PNG, "detail": "low"},
                    {"type": "input_file", "file_id": "file_1"},
                    {"type": "input_text", "text": "as it is"},
                ],
            }
        ],
    ),
    (
        {"role": "assistant", "content": [{"type": "text", "text": "Well."}]},
        [{"role": "assistant", "content": [{"type": "output_text", "text": "Well."}]}],
    ),
    (
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        [{"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"x": 1}'}],
    ),
    (
        {"role": "assistant", "content": "Let me look.", "tool_calls": [CALL]},
        [
            {"role": "assistant", "content": "Let me look."},
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"x": 1}'},
        ],
    ),
    (
        {"role": "tool", "tool_call_id": "call_1", "content": "a cat"},
        [{"type": "function_call_output", "call_id": "call_1", "output": "a cat"}],
    ),
    (
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "a cat"}]},
        [
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": [{"type": "input_text", "text": "a cat"}],
            }
        ],
    ),
    ({"type": "item_reference", "id": "msg_1"}, [{"type": "item_reference", "id": "msg_1"}]),
]


async def asked_of(request: Request) -> Asked:
    async with ScriptedModel(["x"]) as model, LLM("m", base_url=model.url, wire="responses") as llm:
        await llm.attempt(request)
    return model.asked[0]


@pytest.mark.parametrize(("message", "items"), MESSAGES)
async def test_messages_become_items(message: Message, items: list[dict[str, Any]]) -> None:
    asked = await asked_of(Request(model="m", messages=(message,)))
    assert asked.path == "/v1/responses"
    assert asked.body["input"] == items


async def test_tools_and_parameters_have_other_names() -> None:
    asked = await asked_of(
        Request(
            model="m",
            messages=({"role": "user", "content": "?"},),
            max_tokens=50,
            temperature=0.5,
            tools=(
                {"type": "function", "function": {"name": "look", "parameters": PARAMETERS}},
                {"type": "function", "function": {"name": "find", "parameters": PARAMETERS, "strict": True}},
                {"type": "web_search"},
            ),
            tool_choice={"type": "function", "function": {"name": "look"}},
        )
    )
    assert asked.body == {
        "model": "m",
        "input": [{"role": "user", "content": "?"}],
        "max_output_tokens": 50,
        "temperature": 0.5,
        "tools": [
            {"type": "function", "name": "look", "parameters": PARAMETERS, "strict": False},
            {"type": "function", "name": "find", "parameters": PARAMETERS, "strict": True},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "function", "name": "look"},
        "store": False,
    }


async def test_a_choice_in_one_word_stays() -> None:
    question = Request(model="m", messages=({"role": "user", "content": "?"},), tool_choice="required")
    assert (await asked_of(question)).body["tool_choice"] == "required"


async def test_what_it_has_no_words_for_is_refused_before_anybody_is_asked() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
    async with ScriptedModel() as model, LLM("m", base_url=model.url, wire="responses") as llm:
        with pytest.raises(RequestRejected, match='no part of type "input_audio": use wire="chat"'):
            await llm.attempt(Request(model="m", messages=({"role": "user", "content": [part]},)))
    assert model.asked == []


@pytest.mark.parametrize("stream", [False, True])
async def test_structured(stream: bool) -> None:
    told = await ask([FINDING], response_format=Finding, wire="responses", stream=stream)
    assert told.completion.parsed == Finding(path="a.py", line=3)
    form = told.asked[0].body["text"]["format"]
    assert (form["type"], form["name"], form["strict"]) == ("json_schema", "Finding", True)
    assert form["schema"]["required"] == ["path", "line"]


async def test_structured_output_steps_down() -> None:
    def server(asked: Asked) -> Scripted:
        if asked.body["text"]["format"]["type"] == "json_schema":
            return ErrorReply(400, message="not supported here", param="text.format")
        return Reply(FINDING)

    told = await ask(server, response_format=Finding, wire="responses")
    assert told.completion.requests == 2
    first = told.asked[1].body["input"][0]
    assert (first["role"], first["content"][:27]) == ("system", "Answer with one JSON object")


async def test_a_truncated_answer_gets_a_larger_limit() -> None:
    cut = Reply('{"path": "a.p', finish_reason="length")
    told = await ask([cut, FINDING], response_format=Finding, max_tokens=2_000, wire="responses")
    assert [asked.body["max_output_tokens"] for asked in told.asked] == [2_000, 8_000]


async def test_a_misfit_is_corrected_in_the_words_of_the_wire() -> None:
    told = await ask(["no idea", FINDING], response_format=Finding, wire="responses")
    assert [item["role"] for item in told.asked[1].body["input"]] == ["user", "assistant", "user"]
    assert told.asked[1].said.startswith("That answer cannot be used")
