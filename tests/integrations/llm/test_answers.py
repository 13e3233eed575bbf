"""What a completion records of an answer, whole and streamed."""

from __future__ import annotations

import pytest

from integrations.llm import Completion, ToolCall, Usage, WireName
from integrations.llm.completion import completion_type
from integrations.llm.testing import RawReply, Reply
from tests.integrations.llm.asking import FINDING, Finding, ask, way

pytestmark = pytest.mark.anyio

USAGE = Usage(input=100, cached=80, cache_write=5, output=30, reasoning=20)


@way
async def test_the_text_and_what_it_took(wire: WireName, stream: bool) -> None:
    reply = Reply("In line 3,\n I think.", usage=USAGE, model="m-2026", headers={"x-request-id": "req-1"})
    completion = (await ask([reply], wire=wire, stream=stream)).completion
    assert completion.text == "In line 3,\n I think."
    assert (completion.model_asked, completion.model_answered) == ("m", "m-2026")
    assert (completion.finish_reason, completion.request_id) == ("stop", "req-1")
    assert completion.usage == USAGE
    assert (completion.requests, completion.attempts, completion.refused) == (1, 1, False)
    assert completion.latency > 0


@way
async def test_tool_calls(wire: WireName, stream: bool) -> None:
    calls = (
        ToolCall(id="1", name="look", arguments='{"x": 1}'),
        ToolCall(id="2", name="find", arguments="{}"),
    )
    reply = Reply("", tool_calls=calls, finish_reason="tool_calls")
    completion = (await ask([reply], wire=wire, stream=stream, response_format=Finding)).completion
    assert completion.tool_calls == calls
    assert completion.parsed is None


@way
async def test_a_server_that_counts_nothing(wire: WireName, stream: bool) -> None:
    completion = (await ask([Reply("x", usage=None)], wire=wire, stream=stream)).completion
    assert completion.usage == Usage()


async def test_a_server_that_says_as_little_as_possible() -> None:
    body = b'{"choices": [{"message": {"content": null}, "finish_reason": "stop"}], "usage": null}'
    completion = (await ask([RawReply(body)])).completion
    assert (completion.text, completion.model_answered) == ("", "m")


async def test_plain_text_at_the_limit_is_an_answer() -> None:
    told = await ask([Reply("and then", finish_reason="length")], max_tokens=2)
    assert told.completion.finish_reason == "length"
    assert told.asked[0].body["max_tokens"] == 2


async def test_structured() -> None:
    told = await ask([FINDING], response_format=Finding)
    assert told.completion.parsed == Finding(path="a.py", line=3)
    schema = told.asked[0].body["response_format"]["json_schema"]
    assert (schema["name"], schema["strict"]) == ("Finding", True)
    assert schema["schema"]["required"] == ["path", "line"]
    assert schema["schema"]["additionalProperties"] is False


async def test_a_refusal_of_structured_output_is_not_corrected() -> None:
    told = await ask([Reply("", refusal="no")], response_format=Finding)
    assert (told.completion.refused, told.completion.parsed) == (True, None)
    assert len(told.asked) == 1


def test_usage_adds_up() -> None:
    assert sum([USAGE, USAGE], Usage()) == Usage(
        input=200, cached=160, cache_write=10, output=60, reasoning=40
    )
    assert (USAGE + Usage()).total == 130


def test_both_spellings_of_an_untyped_completion_are_one() -> None:
    """What is recorded under one annotation is read under the other."""
    kinds: list[object] = [Completion[None], completion_type(None)]
    assert kinds == [Completion, Completion]
