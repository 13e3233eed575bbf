"""What becomes of children when their parent ends, or begins anew, before them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.test_children import Parent, child, doubled, forever, of, statuses
from tests.contract.world import Event, Step, World, ended, named, workflow
from workflows import UnknownWorkflow, WorkflowFailed

pytestmark = pytest.mark.anyio

ENDS = ("terminate", "delete", "error", "complete")


class Brief:
    """A parent that starts a child and ends in one of several ways after 5 seconds."""

    def __init__(self, end: str, **options: Any) -> None:
        self.flow = child(forever)
        self.end = end
        self.options = options

    async def __call__(self, event: Event, step: Step) -> None:
        waiting = asyncio.ensure_future(step.run_workflow("c", self.flow, **self.options))
        await step.sleep("z", 5)
        if self.end == "error":
            raise ValueError("as wished")
        if self.end != "complete":
            await waiting


async def after(world: World, end: str, **options: Any) -> list[str]:
    """The statuses of the children after their parent has ended."""
    brief = Brief(end, **options)
    parent = workflow(brief)
    async with world.open(parent, brief.flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(10)
        if end in ("terminate", "delete"):
            await getattr(instance, end)()
        await world.later(1)
        return await statuses(engine, brief.flow)


@pytest.mark.parametrize("end", ENDS)
async def test_a_child_goes_on_without_its_parent(world: World, end: str) -> None:
    assert await after(world, end) == ["waiting"]


@pytest.mark.parametrize("end", ENDS)
async def test_a_child_that_follows_is_terminated_with_its_parent(world: World, end: str) -> None:
    assert await after(world, end, on_parent_end="terminate") == ["terminated"]


async def test_a_command_returns_once_the_children_have_ended_too(world: World) -> None:
    brief = Brief("terminate", on_parent_end="terminate")
    parent = workflow(brief)
    async with world.open(parent, brief.flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(10)
        await instance.terminate()
        assert await statuses(engine, brief.flow) == ["terminated"]


async def test_grandchildren_follow_too(world: World) -> None:
    leaf = child(forever)
    middle = named("Middle", workflow(Parent(leaf, on_parent_end="terminate")))
    parent = workflow(Parent(middle, on_parent_end="terminate"))
    async with world.open(parent, middle, leaf) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        assert await statuses(engine, leaf) == ["waiting"]
        await instance.terminate()
        assert await statuses(engine, middle) == ["terminated"]
        assert await statuses(engine, leaf) == ["terminated"]


async def test_a_restarted_parent_has_a_new_child_and_the_old_one_follows_the_old_life(world: World) -> None:
    flow = child(doubled)
    parent = workflow(Parent(flow, on_parent_end="terminate"))
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await instance.restart()
        assert (await statuses(engine, flow))[0] == "terminated"
        assert await instance.result() == 8
        assert await statuses(engine, flow) == ["terminated", "complete"]
        assert world.clock.now() == pytest.approx(world.started_at + 15)


async def test_a_restarted_parent_leaves_an_old_child_that_does_not_follow(world: World) -> None:
    flow = child(doubled)
    parent = workflow(Parent(flow))
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await instance.restart()
        await world.later(6)
        assert await statuses(engine, flow) == ["complete", "waiting"]
        assert await instance.result() == 8
        assert world.clock.now() == pytest.approx(world.started_at + 15)


@pytest.mark.parametrize("follows", ["leave", "terminate"])
async def test_a_child_with_an_id_of_its_own_is_taken_up_after_a_restart(world: World, follows: Any) -> None:
    """One that follows was terminated with the first life, so it begins anew."""
    flow = child(doubled)
    parent = workflow(Parent(flow, id="x", on_parent_end=follows))
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await instance.restart()
        assert await instance.result() == 8
        assert await statuses(engine, flow) == ["complete"]
        assert world.clock.now() == pytest.approx(world.started_at + (15 if follows == "terminate" else 10))
        await instance.restart()
        assert await instance.result() == 8  # it has an output, which counts
        assert world.clock.now() == pytest.approx(world.started_at + (15 if follows == "terminate" else 10))


async def test_restart_from_a_step_keeps_the_children_of_earlier_steps(world: World) -> None:
    flow = child(doubled)

    async def run(event: Event, step: Step) -> Any:
        early = asyncio.ensure_future(step.run_workflow("early", flow, 1, on_parent_end="terminate"))
        await step.sleep("z", 3)
        late = await step.run_workflow("late", flow, 2, on_parent_end="terminate")
        return [await early, late]

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await instance.restart(from_step="late", kind="run_workflow")
        assert await instance.result() == [2, 4]
        assert await statuses(engine, flow) == ["complete", "terminated", "complete"]


async def test_a_wait_that_is_cut_ends_a_child_that_follows(world: World) -> None:
    flow = child(forever)

    async def run(event: Event, step: Step) -> str:
        waiting = asyncio.ensure_future(step.run_workflow("c", flow, on_parent_end="terminate"))
        await step.sleep("a little", 3)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await step.sleep("z", 100)
        return "went on"

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        assert await statuses(engine, flow) == ["terminated"]
        await engine.replay()
        assert await instance.result() == "went on"


@pytest.mark.parametrize("turns", range(10))
async def test_a_cut_in_the_middle_of_the_creation_leaves_no_child_behind(world: World, turns: int) -> None:
    flow = child(forever)
    waiting: list[asyncio.Future[Any]] = []

    async def run(event: Event, step: Step) -> None:
        waiting.append(asyncio.ensure_future(step.run_workflow("c", flow, on_parent_end="terminate")))
        await asyncio.gather(*waiting, return_exceptions=True)
        await step.sleep("z", 100)

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        async for _ in instance.subscribe(filter=["child_started"]):
            break
        for _ in range(turns):
            await asyncio.sleep(0)
        was_cut = waiting[0].cancel()  # False when the run is parked already: then it waits for its child
        await world.later(50)
        assert set(await statuses(engine, flow)) <= {"terminated" if was_cut else "waiting"}


async def test_an_engine_that_stops_ends_no_child(durable: World) -> None:
    flow = child(doubled)
    parent = workflow(Parent(flow, on_parent_end="terminate"))
    async with durable.open(parent, flow) as engine:
        await engine.workflow(parent).create(id="p")
        await durable.later(5)
    async with durable.open(parent, flow) as engine:
        assert await engine.workflow(parent).get("p").result() == 8
        assert len(await of(engine, flow)) == 1


async def test_a_parent_that_ended_while_its_child_was_not_served_ends_it(durable: World) -> None:
    flow = child(doubled)
    parent = workflow(Parent(flow, on_parent_end="terminate"))
    async with durable.open(parent, flow) as engine:
        await engine.workflow(parent).create(id="p")
        await durable.later(5)
    async with durable.open(parent) as engine:
        instance = engine.workflow(parent).get("p")
        await instance.pause()
        await instance.resume()  # a parked one is a row, which nobody runs before its wait is over
        status = await ended(instance)
        assert status.error is not None
        assert status.error.name == UnknownWorkflow.__name__
    async with durable.open(parent, flow) as engine:
        assert await statuses(engine, flow) == ["terminated"]


async def test_a_parent_that_fails_with_its_child_ends_the_other_children(world: World) -> None:
    flow = child(forever)

    async def run(event: Event, step: Step) -> None:
        together = (step.run_workflow(name, flow, id=name, on_parent_end="terminate") for name in "abc")
        await asyncio.gather(*together)

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await engine.workflow(flow).get("b").terminate()
        status = await ended(instance)
        assert status.error is not None
        assert status.error.name == WorkflowFailed.__name__
        await world.later(1)
        assert await statuses(engine, flow) == ["terminated"] * 3


@pytest.mark.parametrize("turns", range(12))
async def test_a_child_that_ends_while_others_are_terminated_is_heard_of(world: World, turns: int) -> None:
    flow = child(forever)
    middle = named("Middle", workflow(Parent(flow, on_parent_end="terminate")))

    async def run(event: Event, step: Step) -> str:
        kept = asyncio.ensure_future(step.run_workflow("kept", flow, id="kept"))
        await step.sleep("z", 3)
        late = asyncio.ensure_future(step.run_workflow("late", middle, on_parent_end="terminate"))
        try:
            await kept
        except WorkflowFailed as error:
            return error.status
        return str(late)

    parent = workflow(run)
    async with world.open(parent, middle, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        restarting = asyncio.ensure_future(instance.restart(from_step="late", kind="run_workflow"))
        for _ in range(turns):
            await asyncio.sleep(0)
        await engine.workflow(flow).get("kept").terminate()
        await restarting
        assert (await ended(instance)).output == "terminated"


async def test_the_new_life_of_a_parent_does_not_hear_of_the_end_of_the_old_childs(world: World) -> None:
    """A child with an id of its own is waited for under the same name in both lives."""
    flow = child(doubled)

    async def run(event: Event, step: Step) -> Any:
        await step.do("s", lambda: 1)
        return await step.run_workflow("c", flow, 4, id="x", on_parent_end="terminate")

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await instance.restart(from_step="c", kind="run_workflow")
        await world.later(1)
        await engine.replay()  # what its inbox holds in the file is what it goes on from
        assert await instance.result() == 8
        assert await statuses(engine, flow) == ["complete"]
