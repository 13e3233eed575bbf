"""What is written together with an instance: `create(also=…)`, and how instances are found by many ids."""

from __future__ import annotations

import sqlite3
from typing import Any, Generic, TypeVar

import pytest

from tests.contract.world import Event, Flow, Step, World, ended, named, workflow
from workflows import (
    Engine,
    InstanceExists,
    InvalidParams,
    Statement,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
)

pytestmark = pytest.mark.anyio

Given = TypeVar("Given")
Extra = TypeVar("Extra")

NOTES = ["CREATE TABLE note(text TEXT UNIQUE) STRICT"]


async def waits(event: Event, step: Step) -> Any:
    return (await step.wait_for_event("w", "go")).payload


FLOW = workflow(waits)


def note(text: str) -> Statement:
    return Statement("INSERT INTO note(text) VALUES(?)", (text,))


async def notes(engine: Engine) -> list[str]:
    return [text for (text,) in await engine.store.read("SELECT text FROM note ORDER BY text")]


async def ids(engine: Engine, flow: Flow = FLOW) -> list[str]:
    return [one.id for one in (await engine.workflow(flow).list()).instances]


async def test_it_is_written_where_the_instance_is_new(world: World) -> None:
    async with world.open(FLOW) as engine:
        await engine.store.migrate("notes", NOTES)
        flow = engine.workflow(FLOW)
        instance = await flow.create(id="a", also=note("a"))
        await flow.create(id="a", exist_ok=True, also=note("a again"))
        with pytest.raises(InstanceExists):
            await flow.create(id="a", also=note("a once more"))
        assert (await notes(engine), await ids(engine)) == (["a"], ["a"])
        await instance.send_event("go", 1)
        assert (await ended(instance)).output == 1


async def test_what_it_raises_is_raised_and_nothing_is_there(world: World) -> None:
    def fails(connection: sqlite3.Connection) -> None:
        note("half")(connection)
        raise LookupError("no")

    async with world.open(FLOW, concurrency=1) as engine:
        await engine.store.migrate("notes", NOTES)
        flow = engine.workflow(FLOW)
        with pytest.raises(LookupError, match="no"):
            await flow.create(id="a", also=fails)
        await flow.create(id="b", also=note("b"))
        with pytest.raises(sqlite3.IntegrityError):
            await flow.create(id="c", also=note("b"))
        assert (await notes(engine), await ids(engine)) == (["b"], ["b"])
        await flow.get("b").terminate()
        again = await flow.create(id="a")  # the id is free, and so is the only slot
        await again.send_event("go", 2)
        assert (await ended(again)).output == 2


async def test_both_outlive_a_crash(durable: World, tmp_path: Any) -> None:
    async with durable.open(FLOW) as engine:
        await engine.store.migrate("notes", NOTES)
        await engine.workflow(FLOW).create(id="a", also=note("a"))
        killed = durable.as_killed(tmp_path / "killed")
    async with killed.open(FLOW) as engine:
        assert (await notes(engine), await ids(engine)) == (["a"], ["a"])


async def test_instances_of_several_workflows_are_found_at_once(world: World) -> None:
    other = named("Other", FLOW)
    async with world.open(FLOW, other) as engine:
        a = await engine.workflow(FLOW).create(id="a")
        for flow, id in ((FLOW, "b"), (other, "a")):
            await engine.workflow(flow).create(id=id)
        await a.send_event("go", "x" * 1_000)
        await ended(a)
        await engine.workflow(FLOW).get("b").pause()
        await world.later(1)
        wanted = [("Flow", "a"), ("Flow", "b"), ("Other", "a"), ("Other", "b"), ("Nobody", "a")]
        found = await engine.listed(wanted)
        assert {key: one.status for key, one in found.items()} == {
            ("Flow", "a"): "complete",
            ("Flow", "b"): "paused",
            ("Other", "a"): "waiting",
        }
        assert found["Flow", "a"].finished_at is not None
        assert await engine.listed([]) == {}


async def test_those_of_workflows_that_are_not_here_any_more_are_found(durable: World) -> None:
    async with durable.open(FLOW) as engine:
        await engine.workflow(FLOW).create(id="a")
    async with durable.open(named("Other", FLOW)) as engine:
        assert [one.status for one in (await engine.listed([("Flow", "a")])).values()] == ["running"]


async def test_a_workflow_waits_for_who_serves_a_place(world: World) -> None:
    class Asks(FLOW):  # type: ignore[misc,valid-type]  # made at run time
        async def run(self, event: Event, step: Step) -> Any:
            return await step.do("ask", self.ask)

        async def ask(self) -> str:
            return str(await self.reach("desk"))

    async with world.open(Asks) as engine:
        instance = await engine.workflow(Asks).create(id="a")
        await world.later(5)
        assert (await instance.status()).status == "running"
        engine.places.serve("desk", "bell")
        with pytest.raises(WorkflowError, match='"desk" of this engine is served already'):
            engine.places.serve("desk", "horn")
        assert (await ended(instance)).output == "bell"
        engine.places.rest("desk")
        second = await engine.workflow(Asks).create(id="b")
        await world.later(5)
        assert (await second.status()).status == "running"
        engine.places.serve("desk", "horn")
        assert (await ended(second)).output == "horn"


async def test_params_are_those_that_a_class_in_between_hands_on(world: World) -> None:
    class Between(WorkflowEntrypoint[None, Given, Step], Generic[Given, Extra]):
        async def __call__(self, event: WorkflowEvent[Given], step: Step) -> Any:
            return ["around", await super().__call__(event, step)]

    class Outer(Between[dict[str, int], str]):
        async def run(self, event: WorkflowEvent[dict[str, int]], step: Step) -> Any:
            return event.payload

    async with world.open(Outer) as engine:
        with pytest.raises(InvalidParams):
            await engine.workflow(Outer).create(params={"a": "b"})
        instance = await engine.workflow(Outer).create(params={"a": 1})
        assert (await ended(instance)).output == ["around", {"a": 1}]
