"""F7, row by row: what is damaged is never served, it is told by name, and the rest goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, ChatAgent, StateUnreadable, StreamError
from tests.fault.rows import flip, kept, swap
from workflows import (
    Engine,
    Every,
    StoreError,
    Timer,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

BORN = "workflow name params created success_retention error_retention cron scheduled parent follows"
BECAME = "status output error finished paused reason unasked begun undoing rollback used"
ASKED = "owner method payload kind spec tz catchup overlap jitter attempts base_delay max_delay realm"

QUEUED = "method payload created attempts base_delay max_delay place"


class Flow(WorkflowEntrypoint[None, Any]):
    """Receives what was sent while it slept."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """What it was given, and what it received."""
        await step.sleep("z", 1_000)
        return [event.payload, (await step.wait_for_event("w", "go")).payload]


class Told(WorkflowEntrypoint[None, Any]):
    """Ends at once, and has told a few things."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """What it was given."""

        def tell(ctx: Any) -> None:
            for number in range(3):
                ctx.stream(number)

        await step.do("tell", tell)
        return event.payload


async def written(path: Path, clock: VirtualClock) -> None:
    """Two that sleep, 1 and 2, each with an event, and two that have ended, 3 and 4."""
    async with Engine(path, [Flow, Told], clock=clock) as engine:
        for id in "ab":
            await engine.workflow(Flow).create(id=id, params=f"for {id}")
        for id in "pr":
            await (await engine.workflow(Told).create(id=id, params=f"for {id}")).result()
        await clock.sleep(10)
        for id in "ab":
            await engine.workflow(Flow).get(id).send_event("go", f"to {id}")


async def results(engine: Engine) -> dict[str, Any]:
    """What all that can be read came to, by what they were given."""
    found: dict[str, Any] = {}
    for flow in (Flow, Told):
        for listed in (await engine.workflow(flow).list()).instances:
            status = await engine.workflow(flow).get(listed.id).status()
            if status.status == "paused":
                assert status.output is None
                assert status.reason is not None
                found[listed.id] = status.reason
            else:
                found[listed.id] = await engine.workflow(flow).get(listed.id).result()
    return found


RIGHT = {"a": ["for a", "to a"], "b": ["for b", "to b"], "p": "for p", "r": "for r"}


@pytest.mark.parametrize("row", [1, 3])
@pytest.mark.parametrize("column", [*BORN.split(), *BECAME.split()])
async def test_a_flipped_instance(tmp_path: Path, column: str, row: int, caplog: Any) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    await written(path, clock)
    flip(path, "instance", column, row)
    before = kept(path, "instance")[row - 1][5:7]
    async with Engine(path, [Flow, Told], clock=clock) as engine:
        await clock.sleep(2_000)
        assert kept(path, "instance")[row - 1][5:7] == before
        found = await results(engine)
        others = {id: value for id, value in found.items() if value == RIGHT.get(id)}
        assert len(others) == 3
        told = [value for id, value in found.items() if id not in others]
        said = "what it was created with" if column in BORN.split() else "what has become of it"
        if column != "workflow":
            assert len(told) == 1
            assert f"the record of {said} is damaged: restore the file from a backup" in told[0]
            [id] = found.keys() - others.keys()
            instance = engine.workflow(Flow if row == 1 else Told).get(id)
            for refused in (instance.result, instance.resume, instance.export):
                with pytest.raises(StoreError, match=f"the record of {said}"):
                    await refused()
            assert row == 3 or column == "finished" or f'Flow "{id}" is left alone' in caplog.text
            await instance.delete()
            assert id not in await results(engine)


@pytest.mark.parametrize("column", ["type", "payload", "at", "id"])
async def test_a_flipped_event(tmp_path: Path, column: str) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    await written(path, clock)
    if column == "id":
        swap(path, "event", "payload, type, at, crc", (1, 2))
    else:
        flip(path, "event", column, 1)
    async with Engine(path, [Flow, Told], clock=clock) as engine:
        await clock.sleep(2_000)
        found = await results(engine)
        assert "the record of event 1" in found["a"]
        assert ("the record of event 2" in found["b"]) if column == "id" else (found["b"] == RIGHT["b"])
        await engine.workflow(Flow).get("a").restart()
        await engine.workflow(Flow).get("a").send_event("go", "again")
        assert await engine.workflow(Flow).get("a").result() == ["for a", "again"]


async def test_what_has_become_of_one_is_begun_anew(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    await written(path, clock)
    flip(path, "instance", "output", 3)
    async with Engine(path, [Flow, Told], clock=clock) as engine:
        instance = engine.workflow(Told).get("p")
        await instance.restart()
        assert await instance.result() == "for p"
    flip(path, "instance", "params", 3)
    async with Engine(path, [Flow, Told], clock=clock) as engine:
        for command in ("restart", "terminate"):
            with pytest.raises(StoreError, match="what it was created with is damaged"):
                await getattr(engine.workflow(Told).get("p"), command)()


@pytest.mark.parametrize("columns", ["params, crc", "output, became", "params, output, crc, became"])
async def test_instances_that_have_changed_places(tmp_path: Path, columns: str) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    await written(path, clock)
    swap(path, "instance", columns, (3, 4))
    async with Engine(path, [Flow, Told], clock=clock) as engine:
        for id in "pr":
            with pytest.raises(StoreError, match="is damaged"):
                await engine.workflow(Told).get(id).result()
        await clock.sleep(2_000)
        assert await engine.workflow(Flow).get("a").result() == RIGHT["a"]


@pytest.mark.parametrize("column", ["data", "attempt", "place"])
async def test_a_flipped_part_of_a_stream(tmp_path: Path, column: str) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    await written(path, clock)
    if column == "place":
        swap(path, "chunk", "data, attempt, crc", (2, 5))
    else:
        flip(path, "chunk", column, 2)
    async with Engine(path, [Flow, Told], clock=clock) as engine:
        with pytest.raises(StoreError, match="part 2 of this stream is damaged"):
            [part async for part in engine.workflow(Told).get("p").stream("tell")]
        if column != "place":
            parts = [part async for part in engine.workflow(Told).get("r").stream("tell")]
            assert [part.offset for part in parts] == [1, 2, 3]


@pytest.mark.parametrize("column", [*ASKED.split(), "swapped"])
async def test_a_flipped_timer(tmp_path: Path, column: str) -> None:
    path, clock, called = tmp_path / "a.db", VirtualClock(), list[tuple[str, bytes | None]]()

    async def fire(timer: Timer) -> None:
        called.append((timer.method, timer.payload))

    async with Engine(path, [], clock=clock) as engine:
        await engine.timers("r").add("o", "first", 100, b"1")
        await engine.timers("r").add("o", "second", 100, b"2")
        await engine.timers("r").add("o", "third", Every(3_000), b"3")
    if column == "swapped":
        swap(path, "timer", "method, payload, crc", (1, 2))
    else:
        flip(path, "timer", column, 1)
    async with Engine(path, [], clock=clock) as engine:
        timers = engine.timers("s" if column == "realm" else "r")
        await timers.serve(fire)
        await clock.sleep(4_000)
        if column != "realm":
            assert called == (
                [("third", b"3")] if column == "swapped" else [("second", b"2"), ("third", b"3")]
            )
        damaged = await timers.get(1)
        assert damaged is not None
        assert (damaged.payload, damaged.state, damaged.damaged) == (None, "dead", True)
        assert "the record of timer 1" in str(damaged.last_error)
        assert "cancel it and make it anew" in str(damaged.last_error)
        assert await timers.redrive(1)
        await clock.sleep(10)
        assert (await timers.get(1)).state == "dead"  # type: ignore[union-attr]
        assert await timers.cancel(1)


class Env:
    """What agents tell the test."""

    def __init__(self) -> None:
        self.called = asyncio.Queue[str]()
        self.errors = asyncio.Queue[Exception]()
        self.go = asyncio.Event()


class Desk(Agent[Env, dict[str, int]]):
    """Has a bit of everything."""

    async def on_error(self, error: Exception) -> None:
        """Tells it."""
        self.env.errors.put_nowait(error)

    async def held(self, payload: str) -> None:
        """Fails until it may not; those behind it wait."""
        if not self.env.go.is_set():
            raise RuntimeError("later")
        self.env.called.put_nowait(payload)

    async def note(self, payload: str) -> None:
        """Says that it was called."""
        self.env.called.put_nowait(payload)


class Talk(ChatAgent[Env, Any]):
    """Says nothing."""

    async def on_chat_message(self, turn: Any) -> Any:
        """The same each time."""
        return "yes"


async def desks(path: Path) -> None:
    """Two agents with a state and a stream."""
    async with AgentsApp([Desk, Talk], data=path, env=Env()) as app:
        for number, name in enumerate("ab", 1):
            agent = await app.get_agent(Desk, name)
            await agent.set_state({"n": number})
            for chunk in range(3):
                await agent.streams.append("s", [number, chunk])


@pytest.mark.parametrize("column", ["state", "agent"])
async def test_a_flipped_state(tmp_path: Path, column: str) -> None:
    await desks(tmp_path)
    path = tmp_path / "agents.db"
    if column == "agent":
        swap(path, "agent_state", "state, crc", (1, 2))
    else:
        flip(path, "agent_state", "state", 1)
    before = kept(path, "agent_state")
    async with AgentsApp([Desk, Talk], data=tmp_path, env=Env()) as app:
        for name in "a" if column == "state" else "ab":
            with pytest.raises(StateUnreadable, match=rf"the stored state of Desk.*{name}.* is damaged"):
                await app.get_agent(Desk, name)
        if column == "state":
            assert (await app.get_agent(Desk, "b")).state == {"n": 2}
    assert kept(path, "agent_state") == before


@pytest.mark.parametrize("column", ["value", "place"])
async def test_a_flipped_chunk(tmp_path: Path, column: str) -> None:
    await desks(tmp_path)
    path = tmp_path / "agents.db"
    if column == "place":
        swap(path, "agent_chunk", "value, crc", (2, 5))
    else:
        flip(path, "agent_chunk", "value", 2)
    async with AgentsApp([Desk, Talk], data=tmp_path, env=Env()) as app:
        agent = await app.get_agent(Desk, "a")
        with pytest.raises(StreamError, match="chunk 2 of this stream is damaged"):
            [chunk async for chunk in agent.streams.read("s", live=False)]
        rest = [chunk.value async for chunk in agent.streams.read("s", offset=2, live=False)]
        assert rest == [[1, 2]]


@pytest.mark.parametrize(
    "column", [*["method", "payload", "created", "attempts", "base_delay", "max_delay"], "place"]
)
async def test_a_flipped_item(tmp_path: Path, column: str) -> None:
    path, env = tmp_path / "agents.db", Env()
    async with AgentsApp([Desk], data=tmp_path, env=env) as app:
        agent = await app.get_agent(Desk, "a")
        await agent.queue("held", "now", base_delay=60, max_delay=60)
        for item in ("first", "second", "third"):
            await agent.queue("note", item, id=item)
    if column == "place":
        swap(path, "agent_item", "method, payload, created, crc", (2, 3))
    else:
        flip(path, "agent_item", column, 2)
    env.go.set()
    async with AgentsApp([Desk], data=tmp_path, env=env, clock=VirtualClock()) as app:
        agent = await app.get_agent(Desk, "a")
        assert await asyncio.wait_for(env.called.get(), 5) == "now"
        if column != "place":
            assert await asyncio.wait_for(env.called.get(), 5) == "second"
        assert await asyncio.wait_for(env.called.get(), 5) == "third"
        dead = await agent.queued.list(dead=True)
        assert [one.id for one in dead] == ["first", "second"][: 1 + (column == "place")]
        assert 'the record of item "first" is damaged' in str(dead[0].last_error)
        assert "dequeue it and queue it anew" in str(dead[0].last_error)
        assert dead[0].payload is None
        assert env.errors.get_nowait().args[0] == dead[0].last_error


@pytest.mark.parametrize("column", ["body", "id"])
async def test_a_flipped_message(tmp_path: Path, column: str) -> None:
    path, env = tmp_path / "agents.db", Env()
    async with AgentsApp([Talk], data=tmp_path, env=env) as app:
        for name in "ab":
            agent = await app.get_agent(Talk, name)
            said = {"id": f"m-{name}", "role": "user", "parts": [{"type": "text", "text": name}]}
            await agent.save_messages([said])
    if column == "id":
        swap(path, "chat_message", "body, crc", (1, 3))
    else:
        flip(path, "chat_message", "body", 1)
    before = kept(path, "chat_message")
    async with AgentsApp([Talk], data=tmp_path, env=env) as app:
        with pytest.raises(StoreError, match='the record of message "m-a" of this chat is damaged'):
            await app.get_agent(Talk, "a")
        if column == "body":
            assert len((await app.get_agent(Talk, "b")).messages) == 2
    assert kept(path, "chat_message") == before
