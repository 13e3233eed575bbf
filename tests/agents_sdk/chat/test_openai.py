"""What OpenAI's client streams, in both of its ways, and what those stream that look like it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from agents_sdk import InvalidChunk
from agents_sdk.chat.builder import Builder
from agents_sdk.chat.outflow import chunks_of
from agents_sdk.chat.shapes import Chunk, Message

pytestmark = pytest.mark.anyio
EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
START, STEP, STEPPED = ({"type": type} for type in ("start", "start-step", "finish-step"))


async def chunks(pieces: Sequence[object]) -> list[Chunk]:
    return [chunk async for chunk in chunks_of(pieces, request_id="r1")]


async def message(pieces: Sequence[object]) -> Message:
    builder = Builder({"id": "m", "role": "assistant", "parts": []})
    for chunk in await chunks(pieces):
        assert builder.apply(chunk) == (chunk,)
    return builder.message


def piece(id: str = "cmpl-1", reason: str | None = None, **delta: Any) -> ChatCompletionChunk:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    whole = {"id": id, "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return ChatCompletionChunk.model_validate(whole)


def call(index: int | None = 0, arguments: str | None = None, **more: Any) -> dict[str, Any]:
    name = more.pop("name", None)
    return {"index": index, "function": {"name": name, "arguments": arguments}, "type": "function", **more}


def usage() -> ChatCompletionChunk:
    return ChatCompletionChunk(id="cmpl-1", object="chat.completion.chunk", created=1, model="m", choices=[])


def text(id: str, *deltas: str, kind: str = "text") -> list[Chunk]:
    said = [{"type": f"{kind}-delta", "id": id, "delta": delta} for delta in deltas]
    return [{"type": f"{kind}-start", "id": id}, *said, {"type": f"{kind}-end", "id": id}]


def finish(reason: str) -> Chunk:
    return {"type": "finish", "finishReason": reason}


async def test_a_completion() -> None:
    stream = [
        piece(role="assistant", content=""),
        piece(content="Hel"),
        piece(content="lo"),
        piece(reason="stop"),
        usage(),
    ]
    assert await chunks(stream) == [START, STEP, *text("r1", "Hel", "lo"), STEPPED, finish("stop")]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("length", "length"),
        ("tool_calls", "tool-calls"),
        ("function_call", "tool-calls"),
        ("content_filter", "content-filter"),
        ("stop", "stop"),
    ],
)
async def test_why_it_finished(told: str, reason: str) -> None:
    assert (await chunks([piece(content="x"), piece(reason=told)]))[-1] == finish(reason)


async def test_a_reason_that_nobody_knows() -> None:
    odd = {"id": "c", "choices": [{"delta": {"content": "x"}, "finish_reason": "bored"}]}
    assert (await chunks([odd]))[-1] == finish("other")


async def test_a_completion_that_was_cut() -> None:
    assert await chunks([piece(content="x")]) == [
        START,
        STEP,
        *text("r1", "x"),
        STEPPED,
        {"type": "finish"},
    ]


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning"])
async def test_thoughts_come_under_several_names(key: str) -> None:
    stream = [piece(**{key: "hm"}), piece(**{key: "m"}), piece(content="So"), piece(reason="stop")]
    assert await chunks(stream) == [
        START,
        STEP,
        *text("r1", "hm", "m", kind="reasoning"),
        *text("r1-2", "So"),
        STEPPED,
        finish("stop"),
    ]


async def test_a_refusal_is_what_it_says() -> None:
    assert (await message([piece(refusal="I cannot."), piece(reason="stop")]))["parts"][1][
        "text"
    ] == "I cannot."


async def test_calls_of_tools() -> None:
    stream = [
        piece(content="Looking."),
        piece(tool_calls=[call(0, "", id="c1", name="look")]),
        piece(tool_calls=[call(0, '{"at"')]),
        piece(tool_calls=[call(0, ": 1}"), call(1, "{}", id="c2", name="send")]),
        piece(reason="tool_calls"),
    ]
    assert await chunks(stream) == [
        START,
        STEP,
        *text("r1", "Looking."),
        {"type": "tool-input-start", "toolCallId": "c1", "toolName": "look"},
        {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": '{"at"'},
        {"type": "tool-input-delta", "toolCallId": "c1", "inputTextDelta": ": 1}"},
        {"type": "tool-input-start", "toolCallId": "c2", "toolName": "send"},
        {"type": "tool-input-delta", "toolCallId": "c2", "inputTextDelta": "{}"},
        {"type": "tool-input-available", "toolCallId": "c1", "toolName": "look", "input": {"at": 1}},
        {"type": "tool-input-available", "toolCallId": "c2", "toolName": "send", "input": {}},
        STEPPED,
        finish("tool-calls"),
    ]


async def test_calls_that_all_have_the_same_place() -> None:
    stream = [
        piece(tool_calls=[call(0, "{}", id="c1", name="look")]),
        piece(tool_calls=[call(0, "{}", id="c2", name="send")]),
        piece(reason="tool_calls"),
    ]
    parts = (await message(stream))["parts"][1:]
    assert [(part["toolCallId"], part["state"]) for part in parts] == [
        ("c1", "input-available"),
        ("c2", "input-available"),
    ]


async def test_calls_of_which_little_is_told() -> None:
    calls = [
        {"function": {"name": "look", "arguments": ""}},
        {"function": {"arguments": '{"at": 1}'}},
        {"index": 7, "function": {"arguments": "lost"}},
    ]
    stream = [{"choices": [{"delta": {"tool_calls": [one]}}]} for one in calls]
    parts = (await message(stream))["parts"][1:]
    assert [(part["type"], part["input"]) for part in parts] == [("tool-look", {"at": 1})]
    assert parts[0]["toolCallId"] == "call-r1"


async def test_an_input_that_cannot_be_read() -> None:
    stream = [piece(tool_calls=[call(0, '{"at', id="c1", name="look")]), piece(reason="length")]
    part = (await message(stream))["parts"][1]
    assert (part["state"], part["input"]) == ("output-error", '{"at')
    assert part["errorText"].startswith("The input of look is no JSON: ")


async def test_an_agent_that_calls_a_model_until_it_is_done() -> None:
    stream = [
        piece(tool_calls=[call(0, "{}", id="c1", name="look")]),
        piece(reason="tool_calls"),
        {"type": "tool-output-available", "toolCallId": "c1", "output": {"seen": 2}},
        piece("cmpl-2", content="Two."),
        piece("cmpl-2", reason="stop"),
        {"type": "data-cost", "data": 3},
    ]
    assert await message(stream) == {
        "id": "m",
        "role": "assistant",
        "metadata": {"finishReason": "stop"},
        "parts": [
            {"type": "step-start"},
            {
                "type": "tool-look",
                "toolCallId": "c1",
                "toolName": "look",
                "state": "output-available",
                "input": {},
                "output": {"seen": 2},
            },
            {"type": "step-start"},
            {"type": "text", "text": "Two.", "state": "done"},
            {"type": "data-cost", "data": 3},
        ],
    }
    types = [chunk["type"] for chunk in await chunks(stream)]
    assert [type for type in types if "start" in type or "finish" in type] == [
        *("start", "start-step", "tool-input-start", "finish-step"),
        *("start-step", "text-start", "finish-step", "finish"),
    ]


async def test_a_completion_that_was_cut_is_followed_by_another() -> None:
    stream = [
        piece(tool_calls=[call(0, "{}", name="look")]),
        piece("cmpl-2", tool_calls=[call(0, "{}", name="send")]),
        piece("cmpl-2", reason="tool_calls"),
        piece("cmpl-3", content="x"),
    ]
    assert await chunks(stream) == [
        START,
        STEP,
        {"type": "tool-input-start", "toolCallId": "call-r1", "toolName": "look"},
        {"type": "tool-input-delta", "toolCallId": "call-r1", "inputTextDelta": "{}"},
        {"type": "tool-input-available", "toolCallId": "call-r1", "toolName": "look", "input": {}},
        STEPPED,
        STEP,
        {"type": "tool-input-start", "toolCallId": "call-r1-2", "toolName": "send"},
        {"type": "tool-input-delta", "toolCallId": "call-r1-2", "inputTextDelta": "{}"},
        {"type": "tool-input-available", "toolCallId": "call-r1-2", "toolName": "send", "input": {}},
        STEPPED,
        STEP,
        *text("r1-3", "x"),
        STEPPED,
        {"type": "finish"},
    ]


async def test_a_call_is_whole_when_the_model_has_finished() -> None:
    stream = [
        piece(tool_calls=[call(0, "{}", id="c1", name="look")]),
        piece(reason="tool_calls"),
        "x",
    ]
    types = [chunk["type"] for chunk in await chunks(stream)]
    assert types.index("tool-input-available") < types.index("text-start")


async def test_a_result_may_come_before_the_reason() -> None:
    stream = [
        piece(tool_calls=[call(0, "{}", id="c1", name="look")]),
        {"type": "tool-output-available", "toolCallId": "c1", "output": 2},
        piece(reason="tool_calls"),
    ]
    assert (await message(stream))["parts"][1]["state"] == "output-available"


async def test_an_agent_may_frame_it_itself() -> None:
    stream = [
        {"type": "start", "messageMetadata": {"model": "m"}},
        STEP,
        piece(content="x"),
        piece(reason="stop"),
        STEPPED,
        {"type": "finish"},
    ]
    assert await chunks(stream) == [stream[0], STEP, *text("r1", "x"), STEPPED, {"type": "finish"}]


async def test_an_agent_may_begin_a_step_after_a_model() -> None:
    stream = [piece(content="x"), piece(reason="stop"), STEP, "y"]
    assert await chunks(stream) == [
        START,
        STEP,
        *text("r1", "x"),
        STEPPED,
        STEP,
        *text("r1-2", "y"),
        finish("stop"),
    ]


async def test_text_beside_a_model() -> None:
    stream = ["First. ", piece(content="x"), piece(reason="stop"), " Last."]
    assert await chunks(stream) == [
        START,
        *text("r1", "First. "),
        STEP,
        *text("r1-2", "x"),
        *text("r1-3", " Last."),
        STEPPED,
        finish("stop"),
    ]


async def test_whatever_has_the_shape_is_taken() -> None:
    delta = SimpleNamespace(content="x", tool_calls=None)
    stream = [SimpleNamespace(id="c", choices=[SimpleNamespace(delta=delta, finish_reason="stop")])]
    assert await chunks(stream) == [START, STEP, *text("r1", "x"), STEPPED, finish("stop")]


async def test_an_answer_that_is_no_stream_is_named() -> None:
    whole = SimpleNamespace(id="c", choices=[SimpleNamespace(message=SimpleNamespace(content="x"))])
    with pytest.raises(InvalidChunk, match="cannot hold SimpleNamespace"):
        await chunks([whole])


async def test_a_whole_completion_is_named_too() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    with pytest.raises(InvalidChunk, match="cannot hold ChatCompletion"):
        await anext(chunks_of(ChatCompletion.model_validate(whole), request_id="r1"))


def event(type: str, **more: Any) -> Any:
    placed = {"output_index": 0, "content_index": 0, "item_id": "i1", "logprobs": []} | more
    return EVENT.validate_python({"type": f"response.{type}", "sequence_number": 0, **placed})


def response(**more: Any) -> dict[str, Any]:
    return {
        "id": "resp-1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        **more,
    }


CREATED = event("created", response=response())
COMPLETED = event("completed", response=response())


async def test_a_response() -> None:
    stream = [
        CREATED,
        event("in_progress", response=response()),
        event("reasoning_summary_text.delta", delta="hm", item_id="i0", summary_index=0),
        event("reasoning_summary_text.done", text="hm", item_id="i0", summary_index=0),
        event("reasoning_summary_text.delta", delta="so", item_id="i0", summary_index=1),
        event("output_text.delta", delta="Hel"),
        event("output_text.delta", delta="lo"),
        event("output_text.done", text="Hello"),
        event("refusal.delta", delta="!", content_index=1),
        COMPLETED,
    ]
    assert await chunks(stream) == [
        START,
        STEP,
        *text("r1", "hm", kind="reasoning"),
        *text("r1-2", "so", kind="reasoning"),
        *text("r1-3", "Hel", "lo"),
        *text("r1-4", "!"),
        STEPPED,
        finish("stop"),
    ]


async def test_calls_in_a_response() -> None:
    function = {"type": "function_call", "id": "f1", "call_id": "c1", "name": "look", "arguments": ""}
    custom = {"type": "custom_tool_call", "id": "f2", "call_id": "c2", "name": "run", "input": ""}
    whole = {"type": "function_call", "id": "f3", "call_id": "c3", "name": "send", "arguments": '{"to":1}'}
    stream = [
        CREATED,
        event("output_item.added", item=function),
        event("output_item.added", item=custom),
        event("function_call_arguments.delta", item_id="f1", delta='{"at":1}'),
        event("custom_tool_call_input.delta", item_id="f2", delta="{ls}"),
        event("output_item.done", item=function | {"arguments": '{"at":1}'}),
        event("output_item.done", item=custom | {"input": "{ls}"}),
        event("output_item.done", item=whole),
        COMPLETED,
    ]
    parts = (await message(stream))["parts"][1:]
    assert [(part["toolCallId"], part["input"]) for part in parts] == [
        ("c1", {"at": 1}),
        ("c2", "{ls}"),
        ("c3", {"to": 1}),
    ]
    assert (await chunks(stream))[-1] == finish("tool-calls")


async def test_why_it_finished_is_of_the_last_response() -> None:
    function = {"type": "function_call", "id": "f1", "call_id": "c1", "name": "look", "arguments": ""}
    stream = [
        CREATED,
        event("output_item.added", item=function),
        event("created", response=response(id="resp-2")),
        COMPLETED,
    ]
    told = await chunks(stream)
    assert told[-1] == finish("stop")
    assert told[3] == {
        "type": "tool-input-available",
        "toolCallId": "c1",
        "toolName": "look",
        "input": {},
    }


async def test_tools_that_the_provider_runs() -> None:
    search = {"type": "web_search_call", "id": "w1", "status": "in_progress"}
    found = search | {"status": "completed", "action": {"type": "search", "query": "x"}}
    remote = {"type": "mcp_call", "id": "m1", "name": "ask", "server_label": "s", "arguments": '{"q":1}'}
    cited = {"type": "url_citation", "start_index": 0, "end_index": 1}
    annotation = cited | {"url": "https://example.org", "title": "Example"}
    stream = [
        CREATED,
        event("output_item.added", item=search | {"action": {"type": "search", "query": "x"}}),
        event("output_item.done", item=found),
        event("output_item.done", item=remote | {"output": "yes"}),
        event("output_text.annotation.added", annotation=annotation, annotation_index=0),
        COMPLETED,
    ]
    asked_for = [chunk["input"] for chunk in await chunks(stream) if chunk["type"] == "tool-input-available"]
    assert asked_for[1] == {"q": 1}
    searched, asked, source = (await message(stream))["parts"][1:]
    assert searched["type"] == "tool-web_search"
    assert (searched["input"]["query"], searched["providerExecuted"]) == ("x", True)
    assert searched["state"] == "output-available"
    assert (asked["type"], asked["input"], asked["output"]["output"]) == ("tool-ask", {"q": 1}, "yes")
    assert source == {
        "type": "source-url",
        "sourceId": "i1/0/0",
        "url": "https://example.org",
        "title": "Example",
    }


@pytest.mark.parametrize(
    ("last", "chunk"),
    [
        (
            event("incomplete", response=response(incomplete_details={"reason": "max_output_tokens"})),
            finish("length"),
        ),
        (
            event("incomplete", response=response(incomplete_details={"reason": "content_filter"})),
            finish("content-filter"),
        ),
        (event("incomplete", response=response()), finish("other")),
    ],
)
async def test_a_response_that_ends_early(last: object, chunk: Chunk) -> None:
    assert (await chunks([CREATED, event("output_text.delta", delta="x"), last]))[-1] == chunk


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (
            event("failed", response=response(error={"code": "server_error", "message": "no luck"})),
            "no luck",
        ),
        (event("failed", response=response()), "The model failed, and did not say why."),
        (
            EVENT.validate_python(
                {"type": "error", "sequence_number": 1, "message": "busy", "code": None, "param": None}
            ),
            "busy",
        ),
    ],
)
async def test_a_response_that_fails(last: object, said: str) -> None:
    assert {"type": "error", "errorText": said} in await chunks([CREATED, last])


async def test_an_error_of_the_agent_is_a_chunk() -> None:
    error = {"type": "error", "errorText": "no"}
    assert await chunks([error]) == [error]
