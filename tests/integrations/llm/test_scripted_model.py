"""The test double is a real server."""

from __future__ import annotations

import asyncio

import pytest

from integrations.llm import LLM, Request, RequestRejected
from integrations.llm.testing import Asked, Reply, ScriptedModel

pytestmark = pytest.mark.anyio


def question(text: str) -> Request:
    return Request(model="m", messages=({"role": "user", "content": text},))


async def test_answers_come_in_order_and_requests_are_kept() -> None:
    async with ScriptedModel(["one", Reply("two")]) as model, LLM("m", base_url=model.url) as llm:
        texts = [(await llm.attempt(question(text))).text for text in ("a", "b")]
    assert texts == ["one", "two"]
    assert [asked.said for asked in model.asked] == ["a", "b"]


async def test_a_function_answers_when_the_order_is_not_known() -> None:
    def echo(asked: Asked) -> str:
        return asked.said.upper()

    async with ScriptedModel(echo) as model, LLM("m", base_url=model.url) as llm:
        answers = await asyncio.gather(*(llm.attempt(question(text)) for text in "abc"))
    assert [answer.text for answer in answers] == ["A", "B", "C"]


async def test_a_script_that_is_too_short_says_so() -> None:
    async with ScriptedModel(["one"]) as model, LLM("m", base_url=model.url) as llm:
        await llm.attempt(question("a"))
        with pytest.raises(RequestRejected, match="the script has no answer number 2"):
            await llm.attempt(question("b"))


async def test_a_request_can_be_held() -> None:
    hold = asyncio.Event()
    async with ScriptedModel([Reply("now", hold=hold)]) as model, LLM("m", base_url=model.url) as llm:
        answer = asyncio.create_task(llm.attempt(question("a")))
        await model.was_asked(1)
        assert not answer.done()
        hold.set()
        assert (await answer).text == "now"


async def test_closing_it_ends_what_it_holds() -> None:
    async with ScriptedModel([Reply("never", hold=asyncio.Event())]) as model:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(model.url.split(":")[2].split("/")[0])
        )
        body = b'{"messages": []}'
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
        )
        await model.was_asked(1)
    assert await reader.read() == b""
    writer.close()


def test_it_has_no_url_before_it_runs() -> None:
    with pytest.raises(RuntimeError, match="use `async with ScriptedModel"):
        _ = ScriptedModel().url
