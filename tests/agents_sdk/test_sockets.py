"""Agents over WebSocket, on a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agents_sdk import Agent, AgentsApp, Connection, Source, callable  # noqa: A004
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio


class RoomAgent(Agent[None, dict[str, Any]]):
    initial_state = {"n": 0}

    async def on_connect(self, connection: Connection, request: HTTPConnection) -> None:
        await asyncio.sleep(0)
        connection.send("hello " + request.query_params.get("who", "you"))

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        if message == "boom":
            raise RuntimeError("secret")
        connection.send(message)

    async def on_error(self, error: Exception) -> None:
        self.broadcast(f"error: {error}")

    async def on_close(self, connection: Connection, code: int, reason: str, was_clean: bool) -> None:
        self.broadcast(f"left {connection.id} {code} {reason}")

    def validate_state_change(self, state: dict[str, Any], source: Source) -> None:
        if state.get("n") == -1:
            raise ValueError("secret")

    @callable()
    async def add(self, a: int, b: int) -> int:
        await self.set_state({"n": a + b})
        return a + b

    @callable()
    def fail(self) -> None:
        raise ValueError("kaput")

    async def hidden(self) -> None: ...


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    async with served(AgentsApp([RoomAgent], data=tmp_path)) as address:
        yield f"ws://{address}/agents/room-agent/lobby"


async def frames(socket: ClientConnection, count: int) -> list[Any]:
    """The next messages; JSON ones parsed."""
    texts = [await asyncio.wait_for(socket.recv(), 5) for _ in range(count)]
    return [json.loads(text) if str(text).startswith("{") else text for text in texts]


async def test_identity_state_and_servers_come_first(url: str) -> None:
    async with connect(url + "?who=ann") as socket:
        identity, state, servers, hello = await frames(socket, 4)
    assert identity == {
        "type": "cf_agent_identity", "name": "lobby", "agent": "room-agent", "stateFollows": True,
    }  # fmt: skip
    assert state == {"type": "cf_agent_state", "state": {"n": 0}}
    assert (servers["type"], hello) == ("cf_agent_mcp_servers", "hello ann")


async def test_a_change_of_one_client_reaches_the_others_only(url: str) -> None:
    async with connect(url + "?_pk=a") as one, connect(url + "?_pk=b") as other:
        await frames(one, 4)
        await frames(other, 4)
        await one.send('{"type":"cf_agent_state","state":{"n":5}}')
        assert await frames(other, 1) == [{"type": "cf_agent_state", "state": {"n": 5}}]
        await one.send("ping")
        assert await frames(one, 1) == ["ping"]


async def test_a_refused_state_is_answered_without_the_reason(url: str) -> None:
    async with connect(url) as socket:
        await frames(socket, 4)
        await socket.send('{"type":"cf_agent_state","state":{"n":-1}}')
        assert await frames(socket, 1) == [{"type": "cf_agent_state_error", "error": "State update rejected"}]


@pytest.mark.parametrize(
    ("method", "args", "answer"),
    [
        ("add", [2, 3], {"success": True, "done": True, "result": 5}),
        ("fail", [], {"success": False, "error": "kaput"}),
        ("nope", [], {"success": False, "error": "Method nope does not exist"}),
        ("hidden", [], {"success": False, "error": "Method hidden is not callable"}),
        ("set_state", [{}], {"success": False, "error": "Method set_state is not callable"}),
        ("__init__", [], {"success": False, "error": "Method __init__ does not exist"}),
    ],
)
async def test_calls_are_answered(url: str, method: str, args: list[Any], answer: dict[str, Any]) -> None:
    async with connect(url) as socket:
        await frames(socket, 4)
        await socket.send(json.dumps({"type": "rpc", "id": "1", "method": method, "args": args}))
        seen = await frames(socket, 2 if method == "add" else 1)
    assert seen[-1] == {"type": "rpc", "id": "1", **answer}
    assert len(seen) == 1 or seen[0] == {"type": "cf_agent_state", "state": {"n": 5}}


async def test_other_messages_go_to_the_agent_in_order(url: str) -> None:
    async with connect(url) as socket:
        sent: list[str | bytes] = ["a", b"\x00b", '{"type":"unknown"}', "boom", "after"]
        for message in sent:
            await socket.send(message)
        received = (await frames(socket, 9))[4:]
    assert received == ["a", b"\x00b", {"type": "unknown"}, "error: secret", "after"]


async def test_leaving_is_seen_by_the_others(url: str) -> None:
    async with connect(url + "?_pk=stays") as stays:
        await frames(stays, 4)
        async with connect(url + "?_pk=goes") as goes:
            await frames(goes, 4)
            await goes.close(3001, "no time")
        assert await frames(stays, 1) == ["left goes 3001 no time"]


async def test_unknown_agents_are_refused(url: str) -> None:
    with pytest.raises(InvalidStatus, match="400"):
        await connect(url.replace("room", "no"))


async def test_a_stopping_app_closes_with_1012(tmp_path: Path) -> None:
    app = AgentsApp([RoomAgent], data=tmp_path)
    async with served(app) as address, connect(f"ws://{address}/agents/room-agent/x") as socket:
        await frames(socket, 4)
        await app.stop()
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
