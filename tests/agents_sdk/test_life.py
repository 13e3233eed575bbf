"""The life of an agent: begun once before anything else, let go when nobody needs it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk import Agent, AgentsApp, NotRunning
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

HOUR = 3_600


@dataclass
class World:
    """What outlives an agent, and lets a test hold it up."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    log: list[str] = field(default_factory=list)
    fails: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a held hook has begun."""
    go: asyncio.Event = field(default_factory=asyncio.Event)


class Diary(Agent[World, dict[str, int]]):
    initial_state = {"n": 0}

    async def on_start(self) -> None:
        self.env.reached.set()
        await self.env.go.wait()
        self.env.log.append("start")
        if self.env.fails:
            raise RuntimeError("not today")

    async def on_stop(self) -> None:
        await self.set_state({"n": self.state["n"] + 100})
        self.env.log.append("stop")
        self.env.reached.set()
        await self.env.go.wait()

    async def on_request(self, request: Request) -> Response:
        self.env.log.append("request")
        return PlainTextResponse("ok")

    async def work(self, seconds: float) -> None:
        await self.env.clock.sleep(seconds)
        self.env.log.append("worked")

    async def work_beside(self, seconds: float) -> None:
        self.spawn(self.work(seconds))

    async def block(self) -> None:
        self.spawn(asyncio.Event().wait())

    async def nothing(self) -> None:
        """Only wakes it."""


@pytest.fixture
def world() -> World:
    world = World()
    world.go.set()
    return world


@pytest.fixture
def app(tmp_path: Path, world: World) -> AgentsApp:
    return AgentsApp([Diary], data=tmp_path, env=world, clock=world.clock)


def client(app: AgentsApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def test_events_that_come_together_wait_for_one_start(app: AgentsApp, world: World) -> None:
    world.go.clear()
    async with app, client(app) as http:
        requests = [asyncio.create_task(http.get("/agents/diary/a")) for _ in range(3)]
        await world.reached.wait()
        assert world.log == []
        world.go.set()
        await asyncio.gather(*requests)
    assert world.log == ["start", "request", "request", "request", "stop"]


async def test_a_start_that_failed_is_tried_again(app: AgentsApp, world: World) -> None:
    world.fails = True
    async with app:
        with pytest.raises(RuntimeError, match="not today"):
            await app.get_agent(Diary, "a")
        world.fails = False
        await (await app.get_agent(Diary, "a")).nothing()
        assert world.log == ["start", "start"]


async def test_an_idle_agent_is_let_go_and_comes_back(app: AgentsApp, world: World) -> None:
    async with app, client(app) as http:
        await http.get("/agents/diary/a")
        await world.clock.sleep(599)
        assert world.log == ["start", "request"]
        await world.clock.sleep(2)
        assert world.log == ["start", "request", "stop"]
        agent = await app.get_agent(Diary, "a")
        assert (world.log[3:], agent.state) == (["start"], {"n": 100})


async def test_every_event_begins_the_idle_time_anew(app: AgentsApp, world: World) -> None:
    async with app, client(app) as http:
        for _ in range(3):
            await http.get("/agents/diary/a")
            await world.clock.sleep(500)
    assert world.log == ["start", "request", "request", "request", "stop"]


async def test_who_holds_an_agent_keeps_it(app: AgentsApp, world: World) -> None:
    async with app:
        agent = await app.get_agent(Diary, "a")
        await world.clock.sleep(HOUR)
        assert (world.log, agent.name, await app.get_agent(Diary, "a") is agent) == (["start"], "a", True)
        del agent
        gc.collect()
        await world.clock.sleep(HOUR)
        assert world.log == ["start", "stop"]


@pytest.mark.parametrize("method", ["work", "work_beside"])
async def test_what_is_under_way_keeps_an_agent(app: AgentsApp, world: World, method: str) -> None:
    async with app:
        await getattr(await app.get_agent(Diary, "a"), method)(2 * HOUR)
        gc.collect()
        await world.clock.sleep(4 * HOUR)
        assert world.log == ["start", "worked", "stop"]


async def test_an_event_during_the_stop_begins_a_new_life(app: AgentsApp, world: World) -> None:
    async with app, client(app) as http:
        await http.get("/agents/diary/a")
        world.go.clear()
        world.reached.clear()
        hour = asyncio.create_task(world.clock.sleep(HOUR))
        await world.reached.wait()  # it is idle, and in `on_stop`
        late = asyncio.create_task(http.get("/agents/diary/a"))
        await asyncio.sleep(0)
        world.go.set()
        assert (await late).text == "ok"
        await http.get("/agents/diary/a")
        assert world.log == ["start", "request", "stop", "start", "request", "request"]
        await hour


async def test_two_names_are_two_agents_and_one_name_is_one(app: AgentsApp) -> None:
    async with app:
        a, b = [await app.get_agent(Diary, name) for name in "ab"]
        await a.set_state({"n": 1})
        assert (a.state, b.state, (await app.get_agent(Diary, "a")).state) == ({"n": 1}, {"n": 0}, {"n": 1})


async def test_work_that_does_not_end_is_cut_off_when_the_app_stops(
    app: AgentsApp, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.05)
    async with app:
        await (await app.get_agent(Diary, "a")).block()
    assert world.log == ["start", "stop"]
    assert 'Diary "a" was still at work' in caplog.text


async def test_a_stopped_agent_says_so_and_can_still_be_looked_at(app: AgentsApp) -> None:
    async with app:
        agent = await app.get_agent(Diary, "a")
    assert agent.state == {"n": 100}
    with pytest.raises(NotRunning, match='Diary "a" was stopped with its app'):
        await agent.nothing()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda agent: agent._secret,
        lambda agent: agent.nope,
        lambda agent: setattr(agent, "state", {}),
    ],
)
async def test_the_face_of_an_agent_shows_what_is_public(app: AgentsApp, wrong: Callable[[Any], Any]) -> None:
    async with app:
        agent = await app.get_agent(Diary, "a")
        assert repr(agent) == '<Diary "a">'
        with pytest.raises(AttributeError):
            wrong(agent)


async def test_an_app_can_be_started_again(app: AgentsApp, world: World) -> None:
    for _ in range(2):
        async with app:
            await (await app.get_agent(Diary, "a")).nothing()
    assert world.log == ["start", "stop", "start", "stop"]
