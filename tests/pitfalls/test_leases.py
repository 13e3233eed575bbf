"""A lease has no time limit: whoever holds it need not say again and again that it is alive."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.contract.liveness import alive
from tests.contract.world import Event, Step, World, workflow

pytestmark = pytest.mark.anyio

HOUR = 3_600.0
LOOPS = 0.3
"""Real seconds for which a callback holds up the loop."""

_THIEF = """
import asyncio, sys
from workflows import Engine, StoreInUse, WorkflowEntrypoint

class Flow(WorkflowEntrypoint):
    async def run(self, event, step): print("stolen")

async def main():
    try:
        async with Engine(sys.argv[1], workflows=[Flow]): await asyncio.sleep(1)
    except StoreInUse as error:
        print(error)

asyncio.run(main())
"""


async def test_a_callback_that_blocks_the_loop_keeps_its_instance(world: World) -> None:
    """Pitfall 6: the lease is renewed on the user's loop; who blocks it is swept, and its work repeated."""
    calls: list[int] = []

    async def block() -> str:
        calls.append(1)
        time.sleep(LOOPS)  # noqa: ASYNC251  # this is what is tested
        world.clock.shift(HOUR)  # which is longer than any grace or limit but that of the step
        await world.clock.sleep(1)  # whoever has waited for that hour comes now
        return "done"

    async def run(event: Event, step: Step) -> Any:
        blocked = asyncio.ensure_future(step.do("block", block, timeout="3 hours"))
        return [await step.do("before", lambda: "a"), await blocked, await step.do("after", lambda: "b")]

    async with world.started(run) as instance:
        neighbour = await world.engine.workflow("Flow").create()
        assert await instance.result() == await neighbour.result() == ["a", "done", "b"]
        seen = [event.type async for event in instance.subscribe()]
        assert (seen.count("attempt_started"), seen.count("attempt_completed")) == (3, 3)
        assert (await instance.status()).usage.attempts == 3
    assert len(calls) == 2  # one for each of the two instances


async def test_nobody_takes_an_instance_whose_callback_blocks_the_loop(durable: World) -> None:
    """Pitfall 6: the lease is renewed on the user's loop; who blocks it is swept, and its work repeated."""
    told: list[str] = []

    async def block() -> None:
        command = [sys.executable, "-c", _THIEF, durable.path]
        thief = subprocess.run(command, check=False, capture_output=True, text=True, timeout=50)  # noqa: ASYNC221
        told.append(thief.stdout)

    async def run(event: Event, step: Step) -> str:
        await step.do("block", block)
        return "done"

    async with durable.started(run) as instance:
        assert await instance.result() == "done"
    [said] = told
    assert "stolen" not in said
    assert "is in use by process" in said


@pytest.mark.parametrize("hours", [1, 48, 24 * 30])
async def test_a_step_may_take_longer_than_any_lease(world: World, hours: int) -> None:
    """Pitfall 7: a local mode renews nothing, so that everything is run again after a minute."""
    inside, calls = 0, 0

    async def work() -> None:
        nonlocal inside, calls
        inside, calls = inside + 1, calls + 1
        assert inside == 1
        await world.clock.sleep(hours * HOUR)
        inside -= 1

    async def run(event: Event, step: Step) -> str:
        if event.payload:
            await step.do("work", work, timeout=hours * HOUR + 1)
        await step.sleep("z", 30)
        return "done"

    flow = workflow(run)
    async with world.open(flow) as engine:
        binding = engine.workflow(flow)
        instance = await binding.create(id="i", params=True)
        for _ in range(10):  # meanwhile others come and go, and events come in
            await world.later(hours * HOUR / 12)
            await instance.send_event("nudge")
            assert await (await binding.create(params=False)).result() == "done"
            assert (await instance.status()).status == "running"
        await alive(engine)
        assert await instance.result() == "done"
        assert (await instance.status()).usage.attempts == 1
    assert calls == 1
