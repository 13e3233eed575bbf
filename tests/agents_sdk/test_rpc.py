"""Calls of clients: every answer they can get."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, InvalidAgent, StreamingResponse, callable  # noqa: A004
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client, client

pytestmark = pytest.mark.anyio

NOISE = os.urandom(100_000).hex()
"""Anything plainer would be compressed away."""


class Base(Agent[dict[str, Any], None]):
    @callable()
    def inherited(self) -> str:
        return "from the base"


class Counter(Base):
    @callable()
    def add(self, a: float, b: float = float("nan")) -> float:
        return a + b

    @callable()
    def echo(self, value: Any) -> Any:
        return value

    @callable()
    async def nothing(self) -> None: ...

    @callable()
    def anything(self, *values: Any) -> int:
        return len(values)

    @callable(name="otherName", description="has another name")
    def python_name(self) -> str:
        return "renamed"

    @callable()
    def fail(self, message: str) -> None:
        raise ValueError(message)

    @callable()
    def fail_at(self) -> None:
        raise FileNotFoundError(f"{os.fsdecode(bytes([255]))} is not there")

    @callable()
    def odd(self) -> object:
        return object()

    @callable(streaming=True)
    async def countdown(self, stream: StreamingResponse, start: int) -> str:
        for number in range(start, 0, -1):
            assert stream.send(number)
            await asyncio.sleep(0)
        assert stream.end("liftoff")
        assert not stream.send("too late")
        assert stream.is_closed
        assert not stream.error("too late")
        return "not a result"

    @callable(streaming=True)
    def without_end(self, stream: StreamingResponse) -> None:
        stream.send({"i": 0})

    @callable(streaming=True)
    def raises(self, stream: StreamingResponse) -> None:
        stream.send("one")
        raise RuntimeError("stream broke")

    @callable(streaming=True)
    def explicit(self, stream: StreamingResponse) -> None:
        stream.send("one")
        stream.error("explicit stream error")

    @callable(streaming=True)
    def odd_chunk(self, stream: StreamingResponse) -> None:
        stream.send(object())

    @callable()
    async def words(self, text: str) -> AsyncIterator[str]:
        for word in text.split():
            yield word
            if word == "broken":
                raise RuntimeError("no more words")

    @callable()
    async def gives_up(self) -> None:
        await cancelled()

    @callable()
    async def gives_up_midway(self) -> AsyncIterator[str]:
        yield "first"
        await cancelled()

    @callable()
    async def endless(self) -> AsyncIterator[str]:
        try:
            yield "first"
            await asyncio.Event().wait()
        finally:
            self.env["ended"].set()

    @callable()
    async def flood(self) -> AsyncIterator[str]:
        try:
            for number in range(1_000):
                yield NOISE
                self.env["sent"] = number
                self.env["news"].set()
        finally:
            self.env["ended"].set()

    def hidden(self) -> None: ...


@pytest.fixture
def env() -> dict[str, Any]:
    return {"ended": asyncio.Event(), "news": asyncio.Event(), "sent": 0}


@pytest.fixture
async def url(tmp_path: Path, env: dict[str, Any]) -> AsyncIterator[str]:
    async with served(AgentsApp([Counter], data=tmp_path, env=env)) as address:
        yield f"ws://{address}/agents/counter/a"


@pytest.fixture
async def one(url: str) -> AsyncIterator[Client]:
    async with client(url, greeting=2) as one:
        yield one


async def cancelled() -> None:
    """What somebody else has cancelled."""
    task = asyncio.create_task(asyncio.Event().wait())
    task.cancel()
    await task


def ok(*result: Any) -> dict[str, Any]:
    return {"success": True, "done": True, **({"result": result[0]} if result else {})}


def chunk(result: Any) -> dict[str, Any]:
    return {"success": True, "done": False, "result": result}


def failed(error: str) -> dict[str, Any]:
    return {"success": False, "error": error}


@pytest.mark.parametrize(
    ("method", "args", "frames"),
    [
        ("add", [2, 3], [ok(5)]),
        ("add", [2, 3, 4], [ok(5)]),
        ("add", [1], [ok(None)]),
        ("add", [], [failed("Counter.add() missing 1 required positional argument: 'a'")]),
        ("echo", [None], [ok(None)]),
        ("nothing", ["more"], [ok()]),
        ("anything", [1, 2, 3], [ok(3)]),
        ("inherited", [], [ok("from the base")]),
        ("otherName", [], [ok("renamed")]),
        ("python_name", [], [failed("Method python_name is not callable")]),
        ("fail", ["kaput"], [failed("kaput")]),
        ("fail", [""], [failed("Unknown error occurred")]),
        (
            "odd",
            [],
            [failed("the result of odd is not JSON: Unable to serialize unknown type: <class 'object'>")],
        ),
        ("hidden", [], [failed("Method hidden is not callable")]),
        ("nope", [], [failed("Method nope does not exist")]),
        ("env", [], [failed("Method env does not exist")]),
        ("__proto__", [], [failed("Method __proto__ does not exist")]),
        ("initialState", [], [failed("Method initialState does not exist")]),
        *[
            (name, [], [failed(f"Method {name} is not callable")])
            for name in ("setState", "set_state", "destroy", "constructor", "onStart", "saveMessages")
        ],
        ("countdown", [2], [chunk(2), chunk(1), ok("liftoff")]),
        ("without_end", [], [chunk({"i": 0}), ok()]),
        ("raises", [], [chunk("one"), failed("stream broke")]),
        ("explicit", [], [chunk("one"), failed("explicit stream error")]),
        (
            "odd_chunk",
            [],
            [
                failed(
                    "the result of odd_chunk is not JSON: Unable to serialize unknown type: <class 'object'>"
                )
            ],
        ),
        ("words", ["a b", "more"], [chunk("a"), chunk("b"), ok()]),
        ("words", [""], [ok()]),
        ("words", ["a broken c"], [chunk("a"), chunk("broken"), failed("no more words")]),
        ("gives_up", [], [failed("what it awaited was cancelled")]),
        ("gives_up_midway", [], [chunk("first"), failed("what it awaited was cancelled")]),
    ],
)
async def test_sec_5_each_call_is_answered(
    one: Client, method: str, args: list[Any], frames: list[Any]
) -> None:
    id = await one.ask(method, *args)
    after = await one.ask("echo", "that was all")
    seen = await one.next(len(frames) + 1)
    own = [frame for frame in seen if frame["id"] == id]
    assert own == [{"type": "rpc", "id": id, **frame} for frame in frames]
    assert [frame["id"] for frame in seen if frame not in own] == [after]


async def test_what_goes_wrong_in_a_call_is_in_the_log(one: Client, caplog: pytest.LogCaptureFixture) -> None:
    await one.call("fail", "kaput")
    assert "ValueError: kaput" in caplog.text
    caplog.clear()
    await one.ask("countdown", 0)
    await one.next()
    assert "a call sends after its end, which does not arrive" in caplog.text


async def test_an_error_that_is_no_utf_8_is_answered(one: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "agents_sdk")  # pytest-xdist cannot send a log that is no UTF-8
    assert await one.call("fail_at") == failed("\\udcff is not there")


async def test_a_generator_ends_when_its_client_leaves(url: str, env: dict[str, Any]) -> None:
    async with client(url, greeting=2) as one:
        await one.ask("endless")
        await one.next()
    await asyncio.wait_for(env["ended"].wait(), 5)


async def test_a_generator_waits_for_a_client_that_reads_slowly(url: str, env: dict[str, Any]) -> None:
    async with client(url, greeting=2) as one, client(url, greeting=2) as other:
        one.socket.transport.pause_reading()
        await one.ask("flood")
        await env["news"].wait()
        for _ in range(300):  # each an exchange with the server, in which the flood could go on
            assert (await other.call("echo", 1))["result"] == 1
        assert env["sent"] < 900
        one.socket.transport.abort()
        await asyncio.wait_for(env["ended"].wait(), 5)


async def test_an_agent_knows_what_clients_may_call(tmp_path: Path) -> None:
    async with AgentsApp([Counter], data=tmp_path, env={}) as app:
        known = (await app.get_agent(Counter, "a")).get_callable_methods()
    assert {"add", "inherited", "otherName", "countdown"} < known.keys()
    assert not {"hidden", "python_name", "broadcast"} & known.keys()
    assert (known["otherName"].description, known["add"].description) == ("has another name", "")
    assert (known["countdown"].streaming, known["add"].streaming) == (True, False)


def test_a_stream_has_one_result() -> None:
    with pytest.raises(TypeError, match="one result, not 2"):
        StreamingResponse(None, "1").end(1, 2)  # type: ignore[arg-type]  # it is not looked at


def test_two_methods_of_one_name_are_refused() -> None:
    class Twice(Agent[None, None]):
        @callable(name="same")
        def one(self) -> None: ...

        @callable(name="same")
        def other(self) -> None: ...

    with pytest.raises(InvalidAgent, match='callable as "same", one and other'):
        AgentsApp([Twice])
