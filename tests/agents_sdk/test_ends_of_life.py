"""What crosses the end of a life, or its beginning: one life after the other, and none too many."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, NotRunning
from tests.agents_sdk.remains import kept
from tests.agents_sdk.served import served
from workflows import Engine, Store
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

HOUR = 3_600.0
NOTHING = {"agent": 0, "agent_state": 0, "timer": 0, "files": 0}


@dataclass
class World:
    """What outlives an agent, and lets a test hold it up."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    log: list[str] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    first: bool = True


class Mortal(Agent[World, list[str]]):
    """Its name says what is peculiar about its life."""

    initial_state: list[str] = []

    async def on_start(self) -> None:
        self.env.log.append("start")
        match self.name:
            case "busy" if self.env.first:
                await self.queue("note", "queued")
                await self.hold()
            case "fails" if self.env.first:
                self.env.first = False
                self.spawn(self.hang())
                await asyncio.sleep(0)
                raise RuntimeError("not today")
            case "stuck" if self.env.first:
                self.env.first = False
                await self.hold()
            case "over":
                await self.destroy()
                raise RuntimeError("it is over")
            case "broken":
                raise RuntimeError("it is broken")

    async def on_stop(self) -> None:
        self.env.log.append("stops")
        if self.name == "slow":
            await self.keep_alive_while(asyncio.sleep(0))
            await self.env.clock.sleep(HOUR)
        elif self.name == "held":
            await self.hold()
        elif self.name == "lets go":  # those that stop with it have been told to
            self.env.go.set()
        self.env.log.append("stopped")

    async def on_error(self, error: Exception) -> None:
        self.env.log.append(f"error: {error}")

    async def hold(self) -> None:
        self.env.reached.set()
        await self.env.go.wait()

    async def hang(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.env.log.append("cut off")

    async def note(self, text: str) -> list[str]:
        self.env.log.append(text)
        await self.set_state([*self.state, text])
        return self.state


class Parent(Agent[World, None]):
    async def child(self, name: str) -> Mortal:
        return await self.sub_agent(Mortal, name)

    async def abort(self, name: str) -> bool:
        return await self.children.abort(Mortal, name)

    async def delete(self, name: str) -> bool:
        return await self.children.delete(Mortal, name)

    async def abort_when_it_stops(self, name: str) -> None:
        await self.env.reached.wait()
        self.env.log.append(f"aborted: {await self.abort(name)}")
        self.env.go.set()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def app(tmp_path: Path, world: World) -> AgentsApp:
    return AgentsApp([Parent, Mortal], data=tmp_path, env=world, clock=world.clock, idle_after=60)


@contextmanager
def writer_held(store: Store) -> Iterator[threading.Event]:
    """Nothing is committed inside, until the event is set."""
    go = threading.Event()
    store.write(lambda connection: go.wait(20))
    try:
        yield go
    finally:
        go.set()


class Condemning:
    """The write that destroys an agent is held up before its commit."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.begun = asyncio.Event()
        self.go = threading.Event()

    async def hold_up(self, store: Store) -> None:
        """From now on, in the connection that writes."""

        def prepare(connection: sqlite3.Connection) -> None:
            connection.create_function("held", 0, self._held)
            connection.execute(
                "CREATE TEMP TRIGGER held AFTER UPDATE OF condemned ON main.agent BEGIN SELECT held(); END"
            )

        await store.write(prepare)

    def _held(self) -> None:
        self._loop.call_soon_threadsafe(self.begun.set)
        self.go.wait(20)


def wait_until_condemned(file: Path) -> None:
    """As others see the file; the loop stands still, and has not heard of the commit."""
    with sqlite3.connect(file) as connection:
        while not connection.execute("SELECT id FROM agent WHERE condemned = 1").fetchall():
            time.sleep(0.001)
    connection.close()


async def test_a_stop_that_takes_longer_than_the_idle_time_is_one_stop(app: AgentsApp, world: World) -> None:
    async with app:
        await app.get_agent(Mortal, "slow")
        await world.clock.sleep(2 * HOUR)
        assert world.log == ["start", "stops", "stopped"]


async def test_a_start_that_fails_leaves_nothing_running(app: AgentsApp, world: World) -> None:
    async with app:
        with pytest.raises(RuntimeError, match="not today"):
            await app.get_agent(Mortal, "fails")
        assert world.log == ["start", "error: not today", "cut off"]
        await (await app.get_agent(Mortal, "fails")).note("again")
        assert world.log == ["start", "error: not today", "cut off", "start", "again"]


async def test_what_ends_anyway_is_not_aborted(app: AgentsApp, world: World) -> None:
    async with app:
        parent = await app.get_agent(Parent, "p")
        await parent.child("held")
        hour = asyncio.create_task(world.clock.sleep(HOUR))
        await world.reached.wait()  # it is idle, and in `on_stop`
        assert await parent.abort("held") is False
        world.go.set()
        await hour
        assert world.log == ["start", "stops", "stopped"]


async def test_one_life_is_aborted_once(app: AgentsApp, world: World) -> None:
    async with app:
        parent = await app.get_agent(Parent, "p")
        child = await parent.child("a")
        hanging = asyncio.create_task(child.hang())
        await asyncio.sleep(0)
        assert [*await asyncio.gather(parent.abort("a"), parent.abort("a"))] == [True, False]
        with pytest.raises(NotRunning, match="was aborted"):
            await hanging


async def test_what_stops_with_its_app_is_not_aborted(app: AgentsApp, world: World) -> None:
    async with app:
        parent = await app.get_agent(Parent, "p")
        await parent.child("held")
        waiting = asyncio.create_task(parent.abort_when_it_stops("held"))
        await asyncio.sleep(0)
    await waiting
    assert world.log == ["start", "stops", "aborted: False", "stopped"]


async def test_who_comes_while_the_last_one_is_deleted_is_no_second_life_of_the_next(
    tmp_path: Path, world: World
) -> None:
    async with (
        Engine(tmp_path / "engine.db", [], clock=world.clock) as engine,
        AgentsApp([Parent, Mortal], engine=engine, env=world, idle_after=60) as app,
    ):
        parent = await app.get_agent(Parent, "p")
        await (await parent.child("a")).note("old")
        await world.clock.sleep(HOUR)
        assert world.log == ["start", "old", "stops", "stopped"]
        condemning = Condemning()
        await condemning.hold_up(engine.store)
        deleting = asyncio.create_task(parent.delete("a"))
        await condemning.begun.wait()
        coming = asyncio.create_task(parent.child("a"))
        condemning.go.set()
        wait_until_condemned(tmp_path / "engine.db")
        with pytest.raises(NotRunning, match="or destroyed"):
            await coming
        assert await deleting
        assert await (await parent.child("a")).note("new") == ["new"]
        assert world.log[4:] == ["start", "new"]


async def test_the_next_life_begins_with_what_the_last_one_has_changed(tmp_path: Path, world: World) -> None:
    async with (
        Engine(tmp_path / "engine.db", [], clock=world.clock) as engine,
        AgentsApp([Parent, Mortal], engine=engine, env=world) as app,
    ):
        parent = await app.get_agent(Parent, "p")
        child = await parent.child("a")
        with writer_held(engine.store):
            changing = asyncio.create_task(child.note("one"))
            await asyncio.sleep(0)
            assert await parent.abort("a")
            with pytest.raises(NotRunning, match="was aborted"):
                await changing
            next_life = asyncio.create_task(child.note("two"))
            assert (await asyncio.wait([next_life], timeout=0.05))[0] == set()
        assert await next_life == ["one", "two"]


async def test_work_that_is_left_is_not_begun_in_a_life_that_ends(app: AgentsApp, world: World) -> None:
    async with app:
        await app.get_agent(Mortal, "lets go")
        starting = asyncio.create_task(app.get_agent(Mortal, "busy"))
        await world.reached.wait()
    await starting
    assert sorted(world.log) == ["start", "start", "stopped", "stopped", "stops", "stops"]
    world.first = False
    async with app:
        await world.clock.sleep(1)  # nobody asks for the agent
        assert world.log[6:] == ["start", "queued"]


async def test_nothing_waits_until_the_agents_of_a_stopped_app_are_idle(tmp_path: Path, world: World) -> None:
    async with AgentsApp([Mortal], data=tmp_path, env=world) as app:  # by the clock of this machine
        life = weakref.ref((await app.get_agent(Mortal, "a")).ctx.tasks)
    gc.collect()
    assert life() is None


async def test_nothing_is_held_of_an_agent_that_was_let_go(app: AgentsApp, world: World) -> None:
    async with app:
        parent = await app.get_agent(Parent, "p")
        lives = []
        for name, is_aborted in (("a", False), ("b", True)):
            child = await parent.child(name)
            lives.append(weakref.ref(child.ctx.tasks))
            if is_aborted:
                assert await parent.abort(name)
                await world.clock.sleep(1)  # it has ended, and there is still somebody who holds it
                assert not await parent.abort(name)
            del child
        held = await parent.child("c")
        lives.append(weakref.ref(held.ctx.tasks))
        await world.clock.sleep(HOUR)
        gc.collect()
        assert [life() is None for life in lives] == [True, True, False]
        del held
        await world.clock.sleep(HOUR)
        gc.collect()
        assert [life() is None for life in lives] == [True, True, True]


async def test_what_follows_the_last_call_at_a_stop_comes_to_its_end(app: AgentsApp, world: World) -> None:
    async def two_calls(agent: Mortal) -> list[str]:
        await agent.hold()
        return await agent.note("and then")

    async with app:
        agent = await app.get_agent(Mortal, "a")
        await app.get_agent(Mortal, "lets go")
        calling = asyncio.create_task(two_calls(agent))
        await world.reached.wait()
    assert await calling == ["and then"]


async def test_a_start_that_is_stuck_can_be_aborted(app: AgentsApp, world: World) -> None:
    async with app:
        parent = await app.get_agent(Parent, "p")
        asking = asyncio.create_task(parent.child("stuck"))
        await world.reached.wait()
        assert await parent.abort("stuck")
        with pytest.raises(NotRunning, match="was aborted"):
            await asking
        assert await (await parent.child("stuck")).note("anew") == ["anew"]
        world.go.set()
        await world.clock.sleep(1)
        assert world.log == ["start", "start", "anew"]


@pytest.mark.parametrize(("name", "starts"), [("over", 1), ("broken", 2)])
async def test_a_start_that_fails_is_reported_once_and_who_destroyed_itself_is_not_entered_again(
    tmp_path: Path, world: World, caplog: pytest.LogCaptureFixture, name: str, starts: int
) -> None:
    app = AgentsApp([Mortal], data=tmp_path, env=world)
    async with served(app) as address:
        async with connect(f"ws://{address}/agents/mortal/{name}") as socket:
            await socket.send("are you there?")  # comes when the start has failed
            await asyncio.wait_for(socket.wait_closed(), 5)
        assert [one.name for one in await app.list_agents(Mortal)] == ([] if name == "over" else [name])
    assert world.log == ["start", f"error: it is {name}"] * starts
    assert not [record for record in caplog.records if record.name.startswith("agents_sdk")]
    assert kept(tmp_path) == {**NOTHING, "agent": starts - 1}
