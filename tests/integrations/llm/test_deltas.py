"""What `tell` hears while an answer arrives."""

from __future__ import annotations

import orjson
import pytest

from integrations.llm import LLM, Completion, RetryLater, ToolCall, WireName
from integrations.llm.delta import Delta, ReasoningDelta, Restarted, TextDelta, ToolCallDelta
from integrations.llm.request import Parsed, Request, messages_of
from integrations.llm.testing import ErrorReply, RawReply, Reply, Script, ScriptedModel
from tests.integrations.llm.asking import FINDING, Finding

pytestmark = pytest.mark.anyio


WIRES = pytest.mark.parametrize("wire", ["chat", "responses"])


async def told(
    script: Script,
    *,
    into: list[Delta] | None = None,
    response_format: type[Parsed] | None = None,
    wire: WireName = "chat",
) -> tuple[Completion[Parsed], list[Delta]]:
    """The answer, and all that was heard of it."""
    heard: list[Delta] = [] if into is None else into

    async def tell(delta: Delta) -> None:
        heard.append(delta)

    async with ScriptedModel(script) as model, LLM("m", base_url=model.url, wire=wire, timeout=5.0) as llm:
        request = Request(model="m", messages=messages_of("Why?"), response_format=response_format)
        completion = await llm.attempt(request, tell=tell)
        assert all(asked.streamed for asked in model.asked)
    return completion, heard


def text_of(heard: list[Delta]) -> str:
    """What a listener shows in the end."""
    text = ""
    for delta in heard:
        match delta:
            case TextDelta(text=more):
                text += more
            case Restarted():
                text = ""
            case _:
                pass
    return text


def events(*deltas: dict[str, object]) -> RawReply:
    """A stream of just these deltas."""
    choices: list[dict[str, object]] = [
        {"index": 0, "delta": delta, "finish_reason": None} for delta in deltas
    ]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    lines = [b"data: " + orjson.dumps({"id": "1", "choices": [choice]}) + b"\n\n" for choice in choices]
    return RawReply(b"".join([*lines, b"data: [DONE]\n\n"]), content_type="text/event-stream")


@WIRES
async def test_pieces_of_text_make_up_the_answer(wire: WireName) -> None:
    completion, heard = await told(["Because it rains."], wire=wire)
    assert heard == [TextDelta("Because "), TextDelta("it "), TextDelta("rains.")]
    assert text_of(heard) == completion.text


async def test_calls_of_responses_arrive_in_pieces_too() -> None:
    calls = (ToolCall(id="1", name="look", arguments='{"x":1}'), ToolCall(id="2", name="find", arguments=""))
    completion, heard = await told([Reply("", tool_calls=calls)], wire="responses")
    assert completion.tool_calls == calls
    assert heard == [
        ToolCallDelta(0, "1", "look"),
        ToolCallDelta(0, arguments='{"x'),
        ToolCallDelta(0, arguments='":1}'),
        ToolCallDelta(1, "2", "find"),
        ToolCallDelta(1),
        ToolCallDelta(1),
    ]


async def test_a_refusal_and_thoughts_of_responses_are_told() -> None:
    _, heard = await told([Reply("", refusal="No.")], wire="responses")
    assert heard == [TextDelta("No.")]
    kinds = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
    thoughts = [b"data: " + orjson.dumps({"type": kind, "delta": "Hm"}) + b"\n\n" for kind in kinds]
    heard = []
    with pytest.raises(RetryLater, match="without its last event"):
        await told(
            [RawReply(b"".join(thoughts), content_type="text/event-stream")], into=heard, wire="responses"
        )
    assert heard == [ReasoningDelta("Hm")] * 2


async def test_calls_arrive_in_pieces_too() -> None:
    calls = (ToolCall(id="1", name="look", arguments='{"x":1}'), ToolCall(id="2", name="find", arguments=""))
    completion, heard = await told([Reply("", tool_calls=calls, finish_reason="tool_calls")])
    assert completion.tool_calls == calls
    assert heard == [
        ToolCallDelta(0, "1", "look", '{"x'),
        ToolCallDelta(0, arguments='":1}'),
        ToolCallDelta(1, "2", "find", ""),
        ToolCallDelta(1),
    ]


@WIRES
async def test_a_second_request_makes_the_first_void(wire: WireName) -> None:
    completion, heard = await told(["no idea", FINDING], response_format=Finding, wire=wire)
    assert completion.requests == 2
    assert heard.count(Restarted()) == 1
    assert text_of(heard) == completion.text == FINDING


async def test_what_was_heard_before_a_cut_is_no_answer() -> None:
    heard: list[Delta] = []
    with pytest.raises(RetryLater):
        await told([Reply("one two three", finish_reason=None)], into=heard)
    assert text_of(heard) == "one two three"


async def test_thoughts_are_heard_and_are_no_part_of_the_answer() -> None:
    thoughts: dict[str, object] = {"reasoning_content": "Hm. "}
    completion, heard = await told([events(thoughts, {"reasoning": "So."}, {"content": "Rain."})])
    assert heard == [ReasoningDelta("Hm. "), ReasoningDelta("So."), TextDelta("Rain.")]
    assert completion.text == "Rain."


async def test_a_refusal_is_heard() -> None:
    completion, heard = await told([Reply("", refusal="I may not.")])
    assert completion.refused
    assert text_of(heard) == completion.text == "I may not."


async def test_an_error_is_not_heard() -> None:
    heard: list[Delta] = []
    with pytest.raises(RetryLater):
        await told([ErrorReply(503)], into=heard)
    assert heard == []


async def test_calls_that_share_an_index_are_told_apart() -> None:
    first = {"index": 0, "id": "a", "function": {"name": "look", "arguments": '{"x":1}'}}
    second = {"index": 0, "id": "b", "function": {"name": "find", "arguments": '{"y":'}}
    rest = {"index": 0, "id": "b", "function": {"arguments": "2}"}}
    completion, heard = await told([events({"tool_calls": [first, second]}, {"tool_calls": [rest]})])
    assert completion.tool_calls == (
        ToolCall(id="a", name="look", arguments='{"x":1}'),
        ToolCall(id="b", name="find", arguments='{"y":2}'),
    )
    assert [delta.index for delta in heard if isinstance(delta, ToolCallDelta)] == [0, 1, 1]
