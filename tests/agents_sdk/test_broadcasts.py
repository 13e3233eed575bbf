"""Broadcasts on a real server: one that takes frames, and uvicorn's own."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from agents_sdk import Agent, AgentsApp, Connection
from tests.agents_sdk.served import FRAMES, MESSAGES, served

pytestmark = pytest.mark.anyio

WAYS = [pytest.param(FRAMES, id="frames"), pytest.param(MESSAGES, id="messages")]


class Square(Agent[None, dict[str, int]]):
    initial_state = {"n": 0}

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        """Is told how many to send, and how long; the sender has a word of its own after each."""
        told = json.loads(message)
        for number in range(told["count"]):
            self.broadcast(f"{number} {filling(number, told['filling'])}")
            connection.send(f"own {number}")
            if number % 7 == 0:
                await self.set_state({"n": number})
            elif number % 3 == 0:
                await asyncio.sleep(0)
        if told["count"] == 0:
            connection.close(4000, "enough")


def filling(number: int, length: int) -> str:
    """Not ASCII, and nothing that shrinks much."""
    return Random(number).randbytes(length).decode("latin-1")


@pytest.fixture
def app(tmp_path: Path) -> AgentsApp:
    return AgentsApp([Square], data=tmp_path)


@pytest.fixture(params=WAYS)
async def url(request: pytest.FixtureRequest, app: AgentsApp) -> AsyncIterator[str]:
    async with served(app, ws=request.param) as address:
        yield f"ws://{address}/agents/square/x"


async def greeted(socket: ClientConnection) -> ClientConnection:
    for _ in range(3):
        await asyncio.wait_for(socket.recv(), 5)
    return socket


async def heard(socket: ClientConnection, count: int) -> list[str]:
    """The next messages that are no JSON."""
    found: list[str] = []
    while len(found) < count:
        message = await asyncio.wait_for(socket.recv(), 10)
        assert isinstance(message, str)
        if not message.startswith("{"):
            found.append(message)
    return found


async def test_all_hear_all_once_in_order(url: str) -> None:
    count = 300
    told = [f"{number} {filling(number, 3)}" for number in range(count)]
    sockets = [await greeted(await connect(url)) for _ in range(5)]
    try:
        await sockets[0].send(json.dumps({"count": count, "filling": 3}))
        others = await asyncio.gather(*(heard(one, count) for one in sockets[1:]))
        own = await heard(sockets[0], 2 * count)
    finally:
        await asyncio.gather(*(one.close() for one in sockets))
    assert others == [told] * 4
    assert own == [line for number in range(count) for line in (told[number], f"own {number}")]


async def test_a_state_comes_where_it_changed(url: str) -> None:
    async with connect(url) as one, connect(url) as other:
        await greeted(one)
        await greeted(other)
        await one.send(json.dumps({"count": 50, "filling": 0}))
        assert len(await heard(one, 100)) == 100
        seen: list[Any] = [await asyncio.wait_for(other.recv(), 10) for _ in range(58)]
    for number in range(0, 50, 7):
        at = seen.index(f'{{"type":"cf_agent_state","state":{{"n":{number}}}}}')
        assert seen[at - 1] == f"{number} "


async def test_who_does_not_read_holds_up_nobody_and_gets_all_later(url: str, app: AgentsApp) -> None:
    count, length = 801, 10_000  # 8 MB: more than the system takes, which is 4 MB and what little is received
    async with connect(url + "?_pk=slow", max_queue=1) as slow, connect(url + "?_pk=fast") as fast:
        await greeted(slow)
        await greeted(fast)
        slow.transport.pause_reading()
        await fast.send(json.dumps({"count": count, "filling": length}))
        assert len(await heard(fast, 2 * count)) == 2 * count
        room = await app.get_agent(Square, "x")
        queued = {one.id: one.queued for one in room.connections}
        assert queued["slow"] > 1 << 20
        assert queued["fast"] == 0
        slow.transport.resume_reading()
        told = await heard(slow, count)
        assert told == [f"{number} {filling(number, length)}" for number in range(count)]
        assert [one.queued for one in room.connections] == [0, 0]


@pytest.mark.parametrize("compression", ["deflate", None])
async def test_frames_are_read_whatever_was_negotiated(url: str, compression: str | None) -> None:
    async with connect(url, compression=compression) as socket:
        await greeted(socket)
        assert len(socket.protocol.extensions) == (compression is not None)
        await socket.send(json.dumps({"count": 2, "filling": 100_000}))
        assert [len(one) for one in await heard(socket, 4)] == [100_002, 5, 100_002, 5]


async def test_frames_are_no_matter_for_who_does_not_know_them(app: AgentsApp) -> None:
    async def forward(socket: WebSocket) -> None:
        await app.forward(Square, "x", socket.scope, socket.receive, socket.send)

    outer = Starlette(routes=[WebSocketRoute("/x", forward)], lifespan=app.lifespan)
    async with served(outer, ws=FRAMES) as address, connect(f"ws://{address}/x") as socket:
        await greeted(socket)
        await socket.send(json.dumps({"count": 2, "filling": 0}))
        assert await heard(socket, 4) == ["0 ", "own 0", "1 ", "own 1"]


async def test_a_close_comes_after_what_was_sent(url: str) -> None:
    async with connect(url) as socket:
        await greeted(socket)
        await socket.send(json.dumps({"count": 100, "filling": 1_000}))
        await socket.send(json.dumps({"count": 0}))
        assert len(await heard(socket, 200)) == 200
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, "enough")


async def test_who_leaves_amid_a_broadcast_is_no_error(url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with connect(url) as stays:
        await greeted(stays)
        leaving = [await greeted(await connect(url)) for _ in range(5)]
        await stays.send(json.dumps({"count": 300, "filling": 1_000}))
        for one in leaving:
            one.transport.abort()
        assert len(await heard(stays, 600)) == 600
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
