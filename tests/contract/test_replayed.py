"""`engine.replay()` while others are at work: nobody sees more of it than that runs begin anew."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, history, workflow

pytestmark = pytest.mark.anyio

COMMANDS = ("result", "subscribe", "event", "create", "pause", "terminate", "restart")


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4, 8, 16])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("waits", [False, True])
async def test_what_comes_meanwhile_takes_effect(world: World, command: str, turns: int, waits: bool) -> None:
    async def run(event: Event, step: Step) -> Any:
        await step.do("s", world.clock.sleep, 3)
        await step.sleep("z", 10)
        return (await step.wait_for_event("w", "go", timeout=100)).payload

    async with world.started(run) as instance, asyncio.timeout(5):
        await world.later(5 if waits else 1)
        replay = asyncio.create_task(world.engine.replay())
        for _ in range(turns):
            await asyncio.sleep(0)
        match command:
            case "result":
                following = asyncio.create_task(instance.result())
                await replay
                await instance.send_event("go", 1)
                assert await following == 1
            case "subscribe":
                seen = asyncio.create_task(history(instance))
                await replay
                await instance.send_event("go", 1)
                assert (await seen)[-1] == "workflow_completed"
            case "event":
                await instance.send_event("go", 1)
                await replay
                assert (await ended(instance)).output == 1
            case "create":
                other = await world.engine.workflow("Flow").create(id="other")
                await replay
                await other.send_event("go", 1)
                assert (await ended(other)).output == 1
            case "pause":
                await instance.pause()
                await replay
                await world.later(20)
                assert (await instance.status()).status == "paused"
            case "terminate":
                await instance.terminate()
                await replay
                assert (await ended(instance)).status == "terminated"
            case "restart":
                await instance.restart()
                await replay
                await instance.send_event("go", 1)
                assert (await ended(instance)).output == 1


@pytest.mark.parametrize("turns", range(12))
async def test_an_instance_that_is_created_meanwhile_has_one_run(world: World, turns: int) -> None:
    inside: list[str] = []
    most = 0

    async def work(id: str) -> None:
        nonlocal most
        inside.append(id)
        most = max(most, inside.count("new"))
        try:
            await world.clock.sleep(3)
        finally:
            inside.remove(id)

    flow = workflow(lambda event, step: step.do("s", work, event.instance_id))
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="old")
        await world.later(1)
        creating = asyncio.create_task(engine.workflow(flow).create(id="new"))
        for _ in range(turns):
            await asyncio.sleep(0)
        await engine.replay()
        await ended(await creating)
        assert most == 1


async def test_a_slot_that_becomes_free_meanwhile_starts_nothing(world: World) -> None:
    runs: list[str] = []

    async def run(event: Event, step: Step) -> None:
        runs.append(event.instance_id)
        await step.sleep("z", 4 + int(event.instance_id))
        await step.do("s", world.clock.sleep, 10)

    flow = workflow(run)
    async with world.open(flow, concurrency=1) as engine:
        first, second = [await engine.workflow(flow).create(id=id) for id in ("1", "2")]
        await world.later(7)
        assert [(await one.status()).status for one in (first, second)] == ["running", "queued"]
        runs.clear()
        await engine.replay()
        await world.later(1)
        assert runs == ["1"]
        async with asyncio.timeout(5):
            await asyncio.gather(first.result(), second.result())
