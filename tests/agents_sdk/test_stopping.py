"""Sockets of agents that fail at their end, and of an app that stops while they come."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.asyncio.client import ClientConnection, connect

from agents_sdk import Agent, AgentsApp, Connection
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio


@dataclass
class World:
    """What outlives an agent, and lets a test hold it up."""

    log: list[str] = field(default_factory=list)
    errors: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)


class Gate(Agent[World, None]):
    async def on_start(self) -> None:
        self.env.reached.set()
        if self.name == "held":
            await self.env.go.wait()

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        self.broadcast(message, without=connection.id)
        connection.close(4000, f"that is all, {connection.id}")
        connection.send("after the end")

    async def on_close(self, connection: Connection, code: int, reason: str, was_clean: bool) -> None:
        self.env.log.append(f"left {connection.id}")
        raise RuntimeError(f"on_close of {connection.id}")

    async def ring(self) -> None:
        self.env.errors.put_nowait("rang")

    async def on_error(self, error: Exception) -> None:
        self.env.errors.put_nowait(str(error))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def app(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> AgentsApp:
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.2)
    return AgentsApp([Gate], data=tmp_path, env=world)


@pytest.fixture
async def url(app: AgentsApp) -> AsyncIterator[str]:
    """Mounted and started by the test's own hand, so that the server does not close the sockets first."""
    async with app, served(Starlette(routes=[Mount("/", app)])) as address:
        yield f"ws://{address}/agents/gate"


async def closed(socket: ClientConnection) -> tuple[int | None, str | None]:
    await asyncio.wait_for(socket.wait_closed(), 5)
    return socket.close_code, socket.close_reason


async def test_an_agent_closes_with_its_code_and_an_on_close_that_raises_is_reported(
    url: str, world: World
) -> None:
    async with connect(f"{url}/a?_pk=ann") as socket:
        await socket.send("bye")
        assert await closed(socket) == (4000, "that is all, ann")
    assert await asyncio.wait_for(world.errors.get(), 5) == "on_close of ann"


async def test_one_id_is_left_out_and_not_what_is_part_of_it(url: str) -> None:
    async with connect(f"{url}/a?_pk=a") as other, connect(f"{url}/a?_pk=ann") as ann:
        for socket in (other, ann):
            await socket.recv()
            await socket.recv()
        await ann.send("hello")
        assert await asyncio.wait_for(other.recv(), 5) == "hello"
        assert await closed(ann) == (4000, "that is all, ann")


async def test_two_sockets_with_one_id_are_two_connections(url: str, app: AgentsApp) -> None:
    agent = await app.get_agent(Gate, "a")
    async with connect(f"{url}/a?_pk=me") as first, connect(f"{url}/a?_pk=me") as second:
        await first.recv()
        await second.recv()
        old, new = agent.connections
        assert agent.connections.get("me") is new
        new.close()
        assert (await closed(second), old.is_open) == ((1000, ""), True)


@pytest.mark.parametrize("in_time", [True, False])
async def test_a_socket_whose_agent_starts_while_the_app_stops_is_closed(
    url: str, app: AgentsApp, world: World, in_time: bool
) -> None:
    async with connect(f"{url}/held") as socket:
        await world.reached.wait()
        stopping = asyncio.create_task(app.stop())
        await asyncio.sleep(0)
        if in_time:
            world.go.set()
        await stopping
        assert (await closed(socket))[0] == 1012


async def test_a_sub_agent_whose_parent_starts_while_the_app_stops_is_closed(
    url: str, app: AgentsApp, world: World
) -> None:
    below = "/held/sub/gate/kid"
    async with connect(url + below) as socket, httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(url.replace("ws:", "http:") + below))
        await world.reached.wait()
        await app.stop()
        assert await closed(socket) == (1012, "service restart")
        assert (await asking).status_code == 503


async def test_a_client_that_does_not_answer_a_close_is_given_up(
    url: str, app: AgentsApp, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_sdk.entrance.session._GOODBYE", 0.05)
    monkeypatch.setattr("agents_sdk.connection._TOO_MANY", 4 << 20)
    async with connect(f"{url}/a?_pk=deaf", max_queue=1) as deaf:
        await deaf.recv()
        deaf.transport.pause_reading()
        connection = next(iter((await app.get_agent(Gate, "a")).connections))
        while connection.is_open:
            connection.send(os.urandom(1 << 16))  # zeros would be compressed
            await asyncio.sleep(0)  # the writer writes what the network takes
        assert await asyncio.wait_for(world.errors.get(), 5) == "on_close of deaf"
        deaf.transport.abort()


async def test_a_client_that_was_closed_and_does_not_read_is_given_up(
    url: str, app: AgentsApp, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_sdk.entrance.session._GOODBYE", 0.05)
    monkeypatch.setattr("agents_sdk.connection._PATIENCE", 0.2)
    async with connect(f"{url}/a?_pk=deaf", max_queue=1) as deaf:
        await deaf.recv()
        deaf.transport.pause_reading()
        connection = next(iter((await app.get_agent(Gate, "a")).connections))
        while connection.queued < 1 << 20:
            connection.send(os.urandom(1 << 16))
            await asyncio.sleep(0)
        connection.close(4000, "enough")
        assert await asyncio.wait_for(world.errors.get(), 5) == "on_close of deaf"
        deaf.transport.abort()


@pytest.mark.parametrize("name", [7, None])
async def test_a_name_is_a_text(app: AgentsApp, name: Any) -> None:
    async with app:
        with pytest.raises(TypeError, match=f"the name of an agent is a str, not {name!r}"):
            await app.get_agent(Gate, name)


async def test_a_call_that_the_stop_cuts_off_in_the_start_is_no_failed_attempt(
    app: AgentsApp, world: World
) -> None:
    world.go.set()
    async with app:
        await (await app.get_agent(Gate, "held")).schedules.add(0.3, "ring", attempts=1)
    world.go.clear()
    world.reached.clear()
    async with app:
        await asyncio.wait_for(world.reached.wait(), 5)
    assert world.log == []
    world.go.set()
    async with app:
        assert await asyncio.wait_for(world.errors.get(), 5) == "rang"


async def test_a_start_that_the_stop_cuts_off_answers_503(url: str, app: AgentsApp, world: World) -> None:
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(url.replace("ws:", "http:") + "/held"))
        await world.reached.wait()
        await app.stop()
        answer = await asking
    assert (answer.status_code, answer.text) == (503, "Service Unavailable")
