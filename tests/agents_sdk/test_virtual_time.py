"""Agents on the virtual clock: it stands still while they work, and goes on while they wait."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, Connection
from tests.agents_sdk.served import served
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

HOUR = 3_600.0


@dataclass
class World:
    """Lets a test hold up what an agent does, where no clock sees it: in a thread."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    where: str = ""
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: threading.Event = field(default_factory=threading.Event)

    async def work(self, where: str) -> None:
        if where == self.where:
            self.reached.set()
            await asyncio.to_thread(self.go.wait, 20)


class Worker(Agent[World, None]):
    async def on_start(self) -> None:
        await self.env.work("start")

    async def on_stop(self) -> None:
        await self.env.work("stop")

    async def call(self) -> None:
        await self.env.work("call")
        self.spawn(self.env.work("task"))

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        await self.env.clock.sleep(HOUR)
        connection.send(message)


@pytest.mark.parametrize("where", ["start", "call", "task", "stop"])
async def test_time_stands_still_while_an_agent_works(tmp_path: Path, where: str) -> None:
    world = World(where=where)
    async with AgentsApp([Worker], data=tmp_path, env=world, clock=world.clock, idle_after=60) as app:

        async def use() -> None:
            await (await app.get_agent(Worker, "a")).call()

        using = asyncio.create_task(use())
        hour = asyncio.create_task(world.clock.sleep(HOUR))
        await world.reached.wait()
        assert (await asyncio.wait([hour], timeout=0.05))[0] == set()
        world.go.set()
        await asyncio.gather(using, hour)


async def test_time_goes_on_for_those_that_wait_for_their_turn(tmp_path: Path) -> None:
    world = World()
    app = AgentsApp([Worker], data=tmp_path, env=world, clock=world.clock)
    async with served(app) as address, connect(f"ws://{address}/agents/worker/a") as socket:
        await socket.recv()
        await socket.recv()
        began = world.clock.now()
        for message in "abc":
            await socket.send(message)
        assert [await asyncio.wait_for(socket.recv(), 5) for _ in range(3)] == ["a", "b", "c"]
        assert world.clock.now() >= began + 3 * HOUR
