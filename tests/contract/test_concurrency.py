"""A `concurrency` limit: who runs, who is queued, and that those who wait do not count."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, history, named, workflow
from workflows import WorkflowError, WorkflowInstance

pytestmark = pytest.mark.anyio


async def statuses(*instances: WorkflowInstance) -> list[str]:
    return [(await instance.status()).status for instance in instances]


async def nothing(event: Event, step: Step) -> None:
    """Ends at once."""


class Working:
    """A workflow whose step takes ten seconds; `order` is who began when."""

    def __init__(self, world: World) -> None:
        self.order: list[str] = []
        self.at_once = 0
        self.most = 0
        self._world = world

    async def __call__(self, event: Event, step: Step) -> None:
        await step.do("work", self._work, event.instance_id)

    async def _work(self, id: str) -> None:
        self.order.append(id)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await self._world.later(10)
        self.at_once -= 1


async def test_what_is_above_the_limit_is_queued_and_starts_in_the_order_of_creation(world: World) -> None:
    working = Working(world)
    flow = workflow(working, concurrency=2)
    async with world.open(flow) as engine:
        instances = [await engine.workflow(flow).create(id=f"i{n}") for n in range(5)]
        await world.later(5)
        assert await statuses(*instances) == ["running", "running", "queued", "queued", "queued"]
        await asyncio.gather(*map(ended, instances))
        assert (working.order, working.most) == ([f"i{n}" for n in range(5)], 2)


async def test_the_history_tells_when_a_queued_instance_started(world: World) -> None:
    flow = workflow(Working(world), concurrency=1)
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="first")
        second = await engine.workflow(flow).create(id="second")
        await ended(second)
        events = [event async for event in second.subscribe()]
        assert [event.type for event in events][:3] == [
            "workflow_queued",
            "workflow_started",
            "workflow_running",
        ]
        assert (events[1].timestamp - events[0].timestamp).total_seconds() == pytest.approx(10)


async def test_an_instance_that_waits_gives_its_slot_to_another(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("rest", 100)

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        instances = [await engine.workflow(flow).create(id=f"i{n}") for n in range(20)]
        await world.later(10)
        assert await statuses(*instances) == ["waiting"] * 20
        await asyncio.gather(*map(ended, instances))
        assert world.clock.now() - world.started_at < 110


async def test_after_its_wait_an_instance_stands_behind_those_that_asked_before(world: World) -> None:
    order: list[str] = []

    async def run(event: Event, step: Step) -> None:
        async def busy(seconds: float) -> None:
            order.append(event.instance_id)
            await world.later(seconds)

        if event.instance_id == "sleeper":
            await step.sleep("short", 5)
        await step.do("busy", busy, 10)

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        binding = engine.workflow(flow)
        sleeper = await binding.create(id="sleeper")
        await world.later(1)
        others = [await binding.create(id=f"other{n}") for n in range(3)]
        await world.later(8)
        assert await statuses(sleeper, *others) == ["queued", "running", "queued", "queued"]
        await asyncio.gather(ended(sleeper), *map(ended, others))
        assert order == ["other0", "other1", "other2", "sleeper"]


async def test_a_full_workflow_does_not_hold_up_the_others(world: World) -> None:
    narrow, wide = Working(world), Working(world)
    flows = named("Narrow", workflow(narrow, concurrency=1)), named("Wide", workflow(wide))
    async with world.open(*flows, concurrency=3) as engine:
        instances = [await engine.workflow(flows[0]).create(id=f"n{n}") for n in range(3)]
        instances += [await engine.workflow(flows[1]).create(id=f"w{n}") for n in range(4)]
        await world.later(5)
        assert (narrow.at_once, wide.at_once) == (1, 2)
        await asyncio.gather(*map(ended, instances))
        assert (narrow.most, wide.most) == (1, 2)


async def test_under_one_limit_workflows_take_turns_in_the_order_of_asking(world: World) -> None:
    working = Working(world)
    flows = named("One", workflow(working)), named("Two", workflow(working))
    async with world.open(*flows, concurrency=1) as engine:
        instances = [await engine.workflow(flows[n % 2]).create(id=f"i{n}") for n in range(6)]
        await asyncio.gather(*map(ended, instances))
    assert working.order == [f"i{n}" for n in range(6)]


async def test_an_id_that_is_taken_takes_no_slot(world: World) -> None:
    flow = workflow(Working(world), concurrency=1)
    async with world.open(flow) as engine:
        binding = engine.workflow(flow)
        await ended(await binding.create(id="taken"))
        for _ in range(3):
            await binding.create(id="taken", exist_ok=True)
        await binding.create_batch([{"id": "taken"}])
        other = await binding.create(id="other")
        await world.later(1)
        assert await statuses(other) == ["running"]


async def test_parallel_steps_of_one_instance_hold_one_slot(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(*(step.do(f"s{n}", world.clock.sleep, n) for n in range(5)), step.sleep("z", 2))

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        first = await engine.workflow(flow).create(id="first")
        second = await engine.workflow(flow).create(id="second")
        await world.later(3)
        assert await statuses(first, second) == ["running", "queued"]
        await asyncio.gather(ended(first), ended(second))


async def test_commands_on_a_queued_instance(world: World) -> None:
    working = Working(world)
    flow = workflow(working, concurrency=1)
    async with world.open(flow) as engine:
        binding = engine.workflow(flow)
        made = [await binding.create(id=id) for id in ("runs", "paused", "ended", "deleted", "restarted")]
        _, paused, terminated, deleted, restarted = made
        await world.later(1)
        await paused.pause()
        await terminated.terminate()
        await deleted.delete()
        await restarted.restart()
        assert await statuses(paused, terminated, restarted) == ["paused", "terminated", "queued"]
        await ended(restarted)
        assert working.order == ["runs", "restarted"]
        await paused.resume()
        await ended(paused)
        assert working.order == ["runs", "restarted", "paused"]
        assert await history(paused) == [
            "workflow_queued",
            "workflow_waiting_for_pause",
            "workflow_paused",
            "workflow_queued",
            "workflow_started",
            "workflow_running",
            "step_started",
            "attempt_started",
            "attempt_completed",
            "step_completed",
            "workflow_completed",
        ]


async def test_a_paused_instance_holds_no_slot_and_waits_for_one_when_resumed(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("one", world.clock.sleep, 10)
        await step.do("two", world.clock.sleep, 10)

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        first = await engine.workflow(flow).create(id="first")
        second = await engine.workflow(flow).create(id="second")
        await world.later(5)
        await first.pause()
        await world.later(10)
        assert await statuses(first, second) == ["paused", "running"]
        await first.resume()
        await world.later(1)
        assert await statuses(first, second) == ["queued", "running"]
        assert {(await ended(one)).status for one in (first, second)} == {"complete"}


async def test_a_sleeper_that_is_resumed_takes_no_slot(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("z", 100)

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        first = await engine.workflow(flow).create(id="first")
        await world.later(1)
        await first.pause()
        await first.resume()
        await world.later(1)
        second = await engine.workflow(flow).create(id="second")
        await world.later(1)
        assert await statuses(first, second) == ["waiting", "waiting"]


async def test_an_event_for_an_instance_without_a_slot_waits_with_it(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        if event.instance_id == "busy":
            return await step.do("busy", world.clock.sleep, 50)
        return (await step.wait_for_event("w", "go", timeout=1_000)).payload

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        waits = await engine.workflow(flow).create(id="waits")
        await world.later(1)
        await engine.workflow(flow).create(id="busy")
        await world.later(1)
        await waits.send_event("go", 7)
        await world.later(1)
        assert await statuses(waits) == ["queued"]
        assert (await ended(waits)).output == 7
        assert world.clock.now() - world.started_at == pytest.approx(51, abs=1)


async def test_after_a_restart_the_queue_goes_on_in_its_order(durable: World) -> None:
    working = Working(durable)
    flow = workflow(working, concurrency=1)
    async with durable.open(flow) as engine:
        for n in range(4):
            await engine.workflow(flow).create(id=f"i{n}")
        await durable.later(5)
    working.order.clear()
    async with durable.open(flow) as engine:
        instances = [engine.workflow(flow).get(f"i{n}") for n in range(4)]
        await asyncio.gather(*map(ended, instances))
    assert working.order == ["i0", "i1", "i2", "i3"]


@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "2"])
async def test_a_wrong_limit_is_refused_by_name(world: World, limit: Any) -> None:
    with pytest.raises(WorkflowError, match=r"concurrency of Flow is .*whole number, 1 or more"):
        world.open(workflow(nothing, concurrency=limit))
    with pytest.raises(WorkflowError, match="concurrency of the engine is"):
        world.open(workflow(nothing), concurrency=limit)


@pytest.mark.parametrize("neighbours", [0, 2])
async def test_a_cut_step_goes_on_after_a_replay_when_nothing_else_is_left(
    world: World, neighbours: int
) -> None:
    """It gives its slot back while it waits to be cut again, as whatever waits."""
    patient = iter([False, True])

    async def run(event: Event, step: Step) -> str:
        if event.instance_id != "i":
            await step.do("work", world.clock.sleep, 60)
            return "a neighbour"
        working = asyncio.ensure_future(step.do("w", world.clock.sleep, 50))
        await step.sleep("z", 3)
        if not next(patient):
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await step.sleep("more", 10)
        else:
            await working
        return "went on"

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        instance = await engine.workflow(flow).create(id="i")
        await world.later(5)
        others = [await engine.workflow(flow).create(id=f"n{n}") for n in range(neighbours)]
        await engine.replay()
        assert (await ended(instance)).output == "went on"
        assert [(await ended(other)).output for other in others] == ["a neighbour"] * neighbours


@pytest.mark.parametrize("ends", ["sleep", "event"])
async def test_what_is_woken_stands_in_the_queue_once(world: World, ends: str) -> None:
    """It keeps the slot that it has got for the end of its wait, also when its run had to begin anew."""
    order: list[str] = []

    async def run(event: Event, step: Step) -> None:
        who = event.payload
        if who == "waits" and ends == "sleep":
            await step.sleep("z", 5)
        elif who == "waits":
            await step.wait_for_event("w", "go")
        await step.do("work", work, who)

    async def work(who: str) -> None:
        order.append(who)
        await world.later(10)

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        create = engine.workflow(flow).create
        waits = await create(params="waits")
        await world.later(1)
        first = await create(params="first")
        await world.later(5)
        if ends == "event":
            await waits.send_event("go")
            await world.later(1)
        others = [first, *[await create(params=name) for name in ("second", "third")]]
        for other in others:
            await ended(other)
        await ended(waits)
    assert order == ["first", "waits", "second", "third"]


async def test_what_was_queued_starts_when_there_is_no_limit_any_more(durable: World, tmp_path: Path) -> None:
    working = Working(durable)
    async with durable.open(workflow(working, concurrency=1)) as engine:
        for number in range(3):
            await engine.workflow("Flow").create(id=f"i{number}")
        await durable.later(1)
        killed = durable.as_killed(tmp_path / "killed")
    flow = workflow(Working(killed))
    async with killed.open(flow) as engine:
        for number in range(3):
            assert (await ended(engine.workflow(flow).get(f"i{number}"))).status == "complete"


async def test_closing_starts_nothing_that_is_queued(durable: World) -> None:
    flow = workflow(Working(durable), concurrency=1)
    async with durable.open(flow) as engine:
        instances = [await engine.workflow(flow).create(id=f"i{number}") for number in range(2)]
        await durable.later(1)
    async with durable.open(flow) as engine:
        instances = [engine.workflow(flow).get(f"i{number}") for number in range(2)]
        assert await statuses(*instances) == ["running", "queued"]
