"""A WebSocket when things do not go smoothly: early, slow, refused, failing, stopped."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from agents_sdk import Agent, AgentsApp, Connection, callable  # noqa: A004  # the original's name
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio

FIRST = ["cf_agent_identity", "cf_agent_state", "cf_agent_mcp_servers"]


class Hall(Agent[dict[str, Any], dict[str, int]]):
    """What its clients want to happen stands in the query of their URLs."""

    initial_state = {"n": 0}

    async def on_start(self) -> None:
        if self.name == "broken":
            raise RuntimeError("secret")
        if self.name == "slow":
            await self.env["go"].wait()

    async def on_connect(self, connection: Connection, request: HTTPConnection) -> None:
        match request.query_params.get("want"):
            case "fail":
                raise RuntimeError("secret")
            case "cancelled":
                raise asyncio.CancelledError("secret")
            case "refuse":
                connection.close(4401, "who are you?")
        connection.state = request.query_params.get("want")

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        self.env["heard"].append(message)
        match message:
            case "wait":
                await self.env["go"].wait()
            case "cancelled":
                raise asyncio.CancelledError("secret")
            case "flood":
                for number in range(20_000):
                    connection.send(str(number))
                return
            case "pour":
                noise = os.urandom(1 << 20)
                for _ in range(70):
                    self.broadcast(noise, without=["reads"])
                return
        connection.send(f"heard {message!r}, {connection.state}")

    async def on_close(self, connection: Connection, code: int, reason: str, was_clean: bool) -> None:
        self.env["closed"].put_nowait((connection.id, code))

    @callable()
    def odd(self) -> object:
        return object()

    @callable()
    async def mute(self) -> None:
        raise LookupError

    @callable()
    async def release(self) -> None:
        self.env["go"].set()


@pytest.fixture
def env() -> dict[str, Any]:
    return {"heard": [], "closed": asyncio.Queue(), "go": asyncio.Event()}


@pytest.fixture
async def url(tmp_path: Path, env: dict[str, Any]) -> AsyncIterator[str]:
    async with served(AgentsApp([Hall], data=tmp_path, env=env)) as address:
        yield f"ws://{address}/agents/hall"


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    """Waits until the server closes; the code and the reason."""
    await asyncio.wait_for(socket.wait_closed(), 5)
    return socket.close_code, socket.close_reason


async def types(socket: ClientConnection, count: int) -> list[str]:
    return [json.loads(await asyncio.wait_for(socket.recv(), 5))["type"] for _ in range(count)]


async def test_messages_that_come_while_the_agent_starts_are_taken_in_order(
    url: str, env: dict[str, Any]
) -> None:
    async with connect(f"{url}/slow") as socket:  # the upgrade does not wait for the start
        for number in range(5):
            await socket.send(str(number))
        await socket.send('{"type":"cf_agent_state","state":{"n":7}}')
        assert env["heard"] == []
        env["go"].set()
        assert await types(socket, 3) == FIRST
        assert [await socket.recv() for _ in range(5)] == [f"heard '{number}', None" for number in range(5)]


async def test_a_slow_message_holds_up_messages_but_no_calls(url: str, env: dict[str, Any]) -> None:
    async with connect(f"{url}/a?want=x") as socket:
        await types(socket, 3)
        for message in ("wait", "next", '{"type":"rpc","id":"1","method":"release","args":[]}'):
            await socket.send(message)
        assert json.loads(await socket.recv())["id"] == "1"
        assert [await socket.recv() for _ in range(2)] == ["heard 'wait', x", "heard 'next', x"]
    assert env["heard"] == ["wait", "next"]


@pytest.mark.parametrize(
    ("method", "args", "error"),
    [
        ("odd", [], "the result of odd is not JSON: Unable to serialize unknown type: <class 'object'>"),
        ("mute", [], "Unknown error occurred"),
        ("on_start", [], "Method on_start is not callable"),
        ("initial_state", [], "Method initial_state does not exist"),
        ("__class__", [], "Method __class__ does not exist"),
    ],
)
async def test_a_call_that_fails_is_answered_with_one_line(
    url: str, method: str, args: list[Any], error: str
) -> None:
    async with connect(f"{url}/a") as socket:
        await types(socket, 3)
        await socket.send(json.dumps({"type": "rpc", "id": "1", "method": method, "args": args}))
        assert json.loads(await socket.recv())["error"] == error


async def test_who_is_refused_is_not_listened_to(url: str, env: dict[str, Any]) -> None:
    async with connect(f"{url}/a?want=refuse&_pk=me") as socket:
        await socket.send("let me in")
        await socket.send('{"type":"cf_agent_state","state":{"n":9}}')
        assert await closed(socket) == (4401, "who are you?")
        assert await env["closed"].get() == ("me", 4401)
    async with connect(f"{url}/a") as socket:
        await socket.recv()
        assert json.loads(await socket.recv())["state"] == {"n": 0}
    assert env["heard"] == []


@pytest.mark.parametrize("path", ["broken?", "a?want=fail&", "a?want=cancelled&"])
async def test_a_hook_that_fails_closes_with_1011_and_says_nothing(
    url: str, env: dict[str, Any], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(f"{url}/{path}_pk=failed") as socket:
        assert await closed(socket) == (1011, "Uncaught exception during session setup")
    assert "Error: secret" in caplog.text
    async with connect(f"{url}/a?_pk=fine") as socket:
        await types(socket, 3)
    assert await asyncio.wait_for(env["closed"].get(), 5) == ("fine", 1000)  # the other was never connected


async def test_a_message_that_fails_is_told_to_the_server_only(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(f"{url}/a") as socket:
        await types(socket, 3)
        await socket.send("cancelled")
        await socket.send("next")
        assert await socket.recv() == "heard 'next', None"
    assert "what it awaited was cancelled: secret" in caplog.text


async def test_a_burst_to_a_client_that_reads_arrives_whole(url: str) -> None:
    async with connect(f"{url}/a") as socket:
        await types(socket, 3)
        await socket.send("flood")
        assert [int(await socket.recv()) for _ in range(20_000)] == list(range(20_000))


async def test_a_client_that_does_not_read_is_let_go_and_holds_up_nobody(
    url: str, env: dict[str, Any]
) -> None:
    async with connect(f"{url}/a?_pk=sleeps"), connect(f"{url}/a?_pk=reads") as reads:
        await types(reads, 3)
        await reads.send("pour")
        await reads.send("still there?")
        assert await asyncio.wait_for(reads.recv(), 5) == "heard 'still there?', None"
        assert await asyncio.wait_for(env["closed"].get(), 10) == ("sleeps", 1013)


async def test_the_end_of_a_client_comes_after_its_messages(url: str, env: dict[str, Any]) -> None:
    async with connect(f"{url}/a?_pk=me") as socket:
        await types(socket, 3)
        await socket.send("wait")
        await socket.send("last")
    async with connect(f"{url}/a") as other:
        await other.send('{"type":"rpc","id":"1","method":"release","args":[]}')
        assert await asyncio.wait_for(env["closed"].get(), 5) == ("me", 1000)
    assert env["heard"] == ["wait", "last"]


async def test_an_app_that_was_not_started_refuses_sockets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(AgentsApp([Hall], data=tmp_path), lifespan="off") as address:
        with caplog.at_level(logging.ERROR), pytest.raises(InvalidStatus, match="503"):
            await connect(f"ws://{address}/agents/hall/a")
        with pytest.raises(InvalidStatus, match="404"):
            await connect(f"ws://{address}/elsewhere")
    assert "AgentsApp is not started" in caplog.text


async def test_a_server_that_stops_says_1012_and_the_agent_hears_it(
    tmp_path: Path, env: dict[str, Any]
) -> None:
    async with served(AgentsApp([Hall], data=tmp_path, env=env)) as address:
        socket = await connect(f"ws://{address}/agents/hall/a?_pk=me")
        await types(socket, 3)
    assert (await closed(socket))[0] == 1012
    assert env["closed"].get_nowait() == ("me", 1012)
