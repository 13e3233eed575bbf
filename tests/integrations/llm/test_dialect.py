"""What a server does not understand is found out once, and remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from integrations.llm import LLM, Request, RequestRejected
from integrations.llm.dialect import Dialects
from integrations.llm.testing import Asked, ErrorReply, Reply, ScriptedModel
from integrations.llm.testing.replies import Scripted
from tests.integrations.llm.asking import FINDING, Finding

pytestmark = pytest.mark.anyio

QUESTION = Request(
    model="m",
    messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where?"}),
    response_format=Finding,
    max_tokens=50,
)


@dataclass(frozen=True)
class Limited:
    """A server that refuses requests with certain parameters or forms of structured output."""

    refuses: tuple[str, ...]
    status: int = 400

    def __call__(self, asked: Asked) -> Scripted:
        form = (asked.body.get("response_format") or {}).get("type")
        for word in self.refuses:
            if word == form:
                return ErrorReply(self.status, message=f"response_format.type: {word} is not allowed")
            if word in asked.body:
                return ErrorReply(self.status, message=f"Unsupported parameter: '{word}'", param=word)
        return Reply(FINDING)


@asynccontextmanager
async def talking(server: Limited) -> AsyncIterator[tuple[ScriptedModel, LLM]]:
    async with ScriptedModel(server) as model, LLM("m", base_url=model.url) as llm:
        yield model, llm


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize(
    ("refuses", "forms"),
    [
        (("json_schema",), ["json_schema", "json_object"]),
        (("json_schema", "json_object"), ["json_schema", "json_object", None]),
    ],
)
async def test_structured_output_steps_down(
    refuses: tuple[str, ...], forms: list[str | None], status: int
) -> None:
    async with talking(Limited(refuses, status)) as (model, llm):
        first = await llm.attempt(QUESTION)
        second = await llm.attempt(QUESTION)
    assert first.parsed == second.parsed == Finding(path="a.py", line=3)
    asked = [(asked.body.get("response_format") or {}).get("type") for asked in model.asked]
    assert asked == [*forms, forms[-1]]
    assert (first.requests, second.requests) == (len(forms), 1)


async def test_below_json_schema_the_schema_is_said_in_words() -> None:
    async with talking(Limited(("json_schema",))) as (model, llm):
        await llm.attempt(QUESTION)
    first, second = (asked.body["messages"] for asked in model.asked)
    assert first == [dict(message) for message in QUESTION.messages]
    assert second[0]["content"].startswith("Be brief.\n\nAnswer with one JSON object")
    assert '"line"' in second[0]["content"]
    assert second[1:] == first[1:]


async def test_each_model_has_its_own_dialect() -> None:
    async with talking(Limited(("json_schema",))) as (_, llm):
        await llm.attempt(QUESTION)
        other = Request(model="other", messages=QUESTION.messages, response_format=Finding)
        assert (await llm.attempt(other)).requests == 2


async def test_the_name_of_the_token_limit() -> None:
    async with talking(Limited(("max_tokens",))) as (model, llm):
        await llm.attempt(QUESTION)
        await llm.attempt(QUESTION)
    assert [asked.body.get("max_completion_tokens") for asked in model.asked] == [None, 50, 50]


async def test_a_server_that_knows_neither_name_is_not_asked_for_ever() -> None:
    async with talking(Limited(("max_tokens", "max_completion_tokens"))) as (model, llm):
        with pytest.raises(RequestRejected, match="max_completion_tokens"):
            await llm.attempt(QUESTION)
    assert len(model.asked) == 2


async def test_a_limit_that_is_too_high_is_not_a_matter_of_names() -> None:
    reply = ErrorReply(400, message="max_tokens is too large: 50", param="max_tokens")
    async with ScriptedModel([reply]) as model, LLM("m", base_url=model.url) as llm:
        with pytest.raises(RequestRejected):
            await llm.attempt(QUESTION)
    assert len(model.asked) == 1


async def test_a_refused_schema_says_nothing_about_the_server() -> None:
    reply = ErrorReply(400, message="Invalid schema for response_format 'Finding'")
    async with ScriptedModel([reply, FINDING, FINDING]) as model, LLM("m", base_url=model.url) as llm:
        assert (await llm.attempt(QUESTION)).requests == 2
        await llm.attempt(QUESTION)
    assert model.asked[2].body["response_format"]["type"] == "json_schema"


def test_openai_itself_calls_the_limit_by_its_new_name() -> None:
    dialects = Dialects()
    assert dialects.of("https://api.openai.com/v1", "m").limit == "max_completion_tokens"
    assert dialects.of("http://127.0.0.1:1/v1", "m").limit == "max_tokens"
