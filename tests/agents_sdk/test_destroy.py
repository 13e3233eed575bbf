"""Other agents, and the end of one for good."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, ListedAgent, NotRunning, UnknownAgent, callable  # noqa: A004
from tests.agents_sdk.killed_destroy import Doomed, app
from tests.agents_sdk.remains import kept, kill_when_destroyed
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import client

pytestmark = pytest.mark.anyio


class Keeper(Agent[dict[str, Any], dict[str, int]]):
    initial_state = {"n": 0}

    async def on_start(self) -> None:
        if self.name == "self":
            await self.get_agent(Keeper, "self")

    async def on_stop(self) -> None:
        self.env["stopped"].set()

    @callable()
    async def keep(self) -> int:
        await self.set_state({"n": self.state["n"] + 1})
        await self.sql("CREATE TABLE IF NOT EXISTS t(x)")
        await self.schedule(3_600, "keep")
        return self.ctx.id

    @callable()
    async def end(self) -> None:
        await asyncio.gather(self.destroy(), self.destroy())
        await self.set_state({"n": 99})

    async def ask(self, name: str) -> dict[str, int]:
        return (await self.get_agent(Keeper, name)).state

    async def others(self, **page: Any) -> list[str]:
        return [one.name for one in await self.list_agents(Keeper, **page)]

    async def strange(self) -> None:
        await self.get_agent(Doomed, "x")


@pytest.fixture
def env() -> dict[str, Any]:
    return {"stopped": asyncio.Event()}


@pytest.fixture
async def keepers(tmp_path: Path, env: dict[str, Any]) -> AsyncIterator[AgentsApp]:
    async with AgentsApp([Keeper], data=tmp_path, env=env) as keepers:
        yield keepers


NOTHING = {"agent": 0, "agent_state": 0, "timer": 0, "files": 0}


async def test_an_agent_reaches_another(keepers: AgentsApp) -> None:
    one, other = await keepers.get_agent(Keeper, "a"), await keepers.get_agent(Keeper, "b")
    await other.keep()
    assert await one.ask("b") == {"n": 1}
    with pytest.raises(UnknownAgent, match="this app was not given Doomed, it has Keeper"):
        await one.strange()
    with pytest.raises(TypeError, match="is a str, not 7"):
        await one.ask(7)  # type: ignore[arg-type]  # that is the point


async def test_an_agent_that_waits_for_itself_is_told(keepers: AgentsApp) -> None:
    with pytest.raises(NotRunning, match="would wait for itself"):
        await keepers.get_agent(Keeper, "self")


async def test_agents_are_listed_by_pages(keepers: AgentsApp) -> None:
    one = await keepers.get_agent(Keeper, "b")
    for name in ("c", "a"):
        await keepers.get_agent(Keeper, name)
    assert await one.others() == ["a", "b", "c"]
    assert await one.others(limit=2) == ["a", "b"]
    assert await one.others(after="b", limit=2) == ["c"]
    assert [one.name for one in await keepers.list_agents(Keeper, after="a")] == ["b", "c"]
    [first] = await one.list_agents(Keeper, limit=1)
    assert isinstance(first, ListedAgent)
    assert first.created.tzinfo is not None


async def test_nothing_stays_and_the_name_is_that_of_a_new_agent(tmp_path: Path, env: dict[str, Any]) -> None:
    keepers = AgentsApp([Keeper], data=tmp_path, env=env)
    async with served(keepers) as address:
        url = f"ws://{address}/agents/keeper/a"
        async with client(url) as one:
            first = (await one.call("keep"))["result"]
            await one.ask("end")
            assert await one.closed() == (1001, "Durable Object destroyed")
        async with client(url) as one:
            second = (await one.call("keep"))["result"]
            agent = await keepers.get_agent(Keeper, "a")
            assert (second > first, agent.state, len(await agent.get_schedules())) == (True, {"n": 1}, 1)
            await asyncio.wait_for(env["stopped"].wait(), 5)
            await agent.end()
            assert await one.closed() == (1001, "Durable Object destroyed")
    assert kept(tmp_path) == NOTHING


async def test_a_held_agent_is_over(keepers: AgentsApp, env: dict[str, Any]) -> None:
    agent = await keepers.get_agent(Keeper, "a")
    await agent.destroy()
    await asyncio.wait_for(env["stopped"].wait(), 5)
    with pytest.raises(NotRunning, match="or destroyed"):
        await agent.keep()
    assert (await keepers.get_agent(Keeper, "a")).state == {"n": 0}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_what_a_kill_interrupts_is_done_at_the_next_start(tmp_path: Path) -> None:
    kill_when_destroyed("tests.agents_sdk.killed_destroy", tmp_path)
    before = kept(tmp_path)
    assert before == {"agent": 1, "agent_state": 1, "timer": 1, "files": before["files"]}
    assert before["files"] > 0
    async with app(tmp_path):
        pass
    assert kept(tmp_path) == NOTHING
