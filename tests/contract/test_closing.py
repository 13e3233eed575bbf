"""`engine.close()`, whoever calls it and whatever is under way: nothing hangs, is lost or is left behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, workflow
from workflows import Engine, EngineClosed, StoreError, WorkflowInstance
from workflows.run import Run

pytestmark = pytest.mark.anyio


def others() -> set[Any]:
    """Tasks of the loop, without the one that asks."""
    return asyncio.all_tasks() - {asyncio.current_task()}


@pytest.mark.parametrize("inside", [True, False])
async def test_a_workflow_may_close_its_engine(durable: World, inside: bool) -> None:
    calls: list[int] = []
    called = asyncio.Event()

    async def stop() -> int:
        calls.append(len(calls))
        called.set()
        if len(calls) == 1:
            await durable.engine.close()
        return len(calls)

    async def run(event: Event, step: Step) -> int:
        return await step.do("stop", stop) if inside else await stop()

    before, flow = others(), workflow(run)
    engine = await durable.open(flow).open()
    await engine.workflow(flow).create(id="i")
    await called.wait()
    for _ in range(200):
        if others() == before:
            break
        await asyncio.sleep(0.01)
    assert others() == before
    async with durable.reopened(run) as instance:
        assert (await ended(instance)).output == 2


async def test_a_caller_that_is_cancelled_does_not_stop_it(durable: World) -> None:
    begun = asyncio.Event()

    async def slow() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)

    before, flow = others(), workflow(lambda event, step: step.do("s", slow))
    engine = await durable.open(flow).open()
    await engine.workflow(flow).create(id="i")
    await begun.wait()
    closing = asyncio.create_task(engine.close())
    await asyncio.sleep(0.01)
    closing.cancel()
    await asyncio.wait([closing])
    await engine.close()
    assert others() == before
    async with Engine(durable.path, []):
        pass  # the file is free


async def attempted(call: Awaitable[Any]) -> bool:
    """False when the engine was closed before the call began."""
    try:
        await call
    except (EngineClosed, StoreError):
        return False
    return True


@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_what_is_acknowledged_while_it_closes_is_there(durable: World, turns: int) -> None:
    async def run(event: Event, step: Step) -> list[int]:
        await step.do("s", durable.clock.sleep, 10)
        return [(await step.wait_for_event(f"w {number}", "go")).payload for number in range(4)]

    flow = workflow(run)
    engine = await durable.open(flow).open()
    binding = engine.workflow(flow)
    paused, sent = [await binding.create(id=id) for id in ("paused", "sent")]
    await durable.later(1)
    async with asyncio.timeout(10):
        closing = asyncio.create_task(engine.close())
        done: dict[str, list[bool]] = {"create": [], "event": [], "pause": []}
        for number in range(4):
            for _ in range(turns // 2):
                await asyncio.sleep(0)
            calls = binding.create(id=f"new {number}".replace(" ", "-")), sent.send_event("go", number)
            created, received, stopped = await asyncio.gather(*map(attempted, (*calls, paused.pause())))
            done["create"].append(created)
            done["event"].append(received)
            done["pause"].append(stopped)
        await closing
    async with durable.open(flow) as engine:
        binding = engine.workflow(flow)
        for number, created in enumerate(done["create"]):
            known = [one.id for one in (await binding.list()).instances]
            assert (f"new-{number}" in known) is created
        await durable.later(30)
        assert ((await binding.get("paused").status()).status == "paused") is any(done["pause"])
        late: WorkflowInstance = binding.get("sent")
        for number, received in enumerate(done["event"]):
            if not received:
                await late.send_event("go", number)
        assert sorted((await ended(late)).output) == [0, 1, 2, 3]


async def test_fifty_engines_in_a_row_leave_nothing_on_the_loop(world: World) -> None:
    left: list[asyncio.Task[Any]] = []

    async def run(event: Event, step: Step) -> None:
        left.append(asyncio.create_task(step.do("left", world.clock.sleep, 100)))
        await step.do("s", lambda: 1)
        if event.payload:
            await step.wait_for_event("w", "go")

    flow, before, loop = workflow(run), others(), asyncio.get_running_loop()

    async def one_more(number: int) -> None:
        async with world.open(flow) as engine:
            binding = engine.workflow(flow)
            await ended(await binding.create(params=False))
            await binding.create(id=f"waits-{number}", params=True)
            await world.later(number % 2)

    for number in range(50):
        await one_more(number)
        assert (others(), loop.get_task_factory()) == (before, None)
    world.engine = world.open()
    left.clear()
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is Run]


async def test_engines_of_one_loop_do_not_disturb_each_other(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        await step.sleep("z", 10)
        return event.instance_id

    flow, other = workflow(run), World(":memory:", park=world.park)
    async with world.open(flow) as engine:
        one = await engine.workflow(flow).create(id="one")
        async with other.open(flow) as inner:
            two = await inner.workflow(flow).create(id="two")
            assert (await ended(two)).output == "two"
            three = await inner.workflow(flow).create(id="three")
        with pytest.raises(EngineClosed):
            await three.result()
        assert (await ended(one)).output == "one"
    assert asyncio.get_running_loop().get_task_factory() is None


@pytest.mark.parametrize("turns", range(12))
async def test_a_replay_whose_caller_is_cancelled_is_carried_out(world: World, turns: int) -> None:
    async def run(event: Event, step: Step) -> str:
        await step.do("work", world.clock.sleep, 5)
        return (await step.wait_for_event("w", "go")).type

    async with world.started(run) as instance:
        await world.later(2)
        replaying = asyncio.ensure_future(world.engine.replay())
        for _ in range(turns):
            await asyncio.sleep(0)
        replaying.cancel()
        await asyncio.gather(replaying, return_exceptions=True)
        await instance.send_event("go")
        assert (await ended(instance)).output == "go"
