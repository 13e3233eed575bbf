"""Steps that are cancelled from outside: remembered as cut, and cut again on replay."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.world import Event, Step, World

pytestmark = pytest.mark.anyio


class Interrupted:
    """A step that is cancelled by the program after the first time it was called."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls = 0
        self.cancelled = 0

    async def callback(self) -> str:
        self.calls += 1
        try:
            await self.world.clock.sleep(100)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "finished"


async def limited(step: Step, cut: Interrupted) -> str:
    """A step under a time limit of asyncio, on the virtual clock."""
    working = asyncio.ensure_future(step.do("s", cut.callback))
    await cut.world.clock.sleep(3)
    working.cancel()
    try:
        return await working
    except asyncio.CancelledError:
        return "cut"


async def test_a_cancelled_step_stops_its_callback(world: World) -> None:
    cut = Interrupted(world)

    async def run(event: Event, step: Step) -> str:
        return await limited(step, cut)

    assert (await world.run(run)).output == "cut"
    assert (cut.calls, cut.cancelled) == (1, 1)


async def test_a_cut_step_is_cut_again_on_replay_without_a_call(world: World) -> None:
    cut = Interrupted(world)

    async def run(event: Event, step: Step) -> str:
        outcome = await limited(step, cut)
        await step.sleep("z", 100)
        return outcome

    assert ((await world.run_twice(run)).output, cut.calls) == ("cut", 1)


async def test_a_cut_step_runs_again_when_the_run_waits_for_nothing_else(world: World) -> None:
    cut = Interrupted(world)
    patient = iter([False, True])

    async def run(event: Event, step: Step) -> Any:
        outcome = await step.do("s", cut.callback) if next(patient) else await limited(step, cut)
        await step.sleep("z", 100)
        return outcome

    assert ((await world.run_twice(run)).output, cut.calls) == ("finished", 2)


async def test_asyncio_timeout_cuts_a_step(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        try:
            async with asyncio.timeout(0.05):
                await step.do("s", asyncio.Event().wait)
        except TimeoutError:
            return "timed out"
        return "impossible"

    assert (await world.run(run)).output == "timed out"


async def test_a_failing_task_group_cuts_the_other_steps(world: World) -> None:
    cut = Interrupted(world)

    async def run(event: Event, step: Step) -> str:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(step.do("slow", cut.callback))
                group.create_task(step.do("bad", lambda: 1 / 0, retries={"limit": 0, "delay": 0}))
        except* ZeroDivisionError:
            pass
        await step.sleep("z", 10)
        return "went on"

    assert ((await world.run_twice(run)).output, cut.calls) == ("went on", 1)


@pytest.mark.parametrize("wait", ["sleep", "event"])
async def test_a_cancelled_wait_is_cut_too(world: World, wait: str) -> None:
    async def run(event: Event, step: Step) -> str:
        waiting: asyncio.Future[Any] = asyncio.ensure_future(
            step.sleep("w", 1_000) if wait == "sleep" else step.wait_for_event("w", "never")
        )
        await step.sleep("z", 3)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await step.sleep("z", 10)
        return "went on"

    assert (await world.run_twice(run)).output == "went on"
    assert world.clock.now() < world.started_at + 500  # nobody slept 1,000 seconds
