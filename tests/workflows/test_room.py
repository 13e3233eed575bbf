"""Who creates instances faster than the disk takes them has to wait: the queue has a bound."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from tests.contract.world import Event, Step, World, workflow

pytestmark = pytest.mark.anyio

MANY = 14_000
BOUND = 12_500


async def run(event: Event, step: Step) -> None:
    await step.sleep("z", 10)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_instances_beyond_the_bound_wait_until_the_disk_has_taken_some(tmp_path: Path) -> None:
    world, held = World(str(tmp_path / "engine.db")), threading.Event()
    async with world.open(workflow(run), concurrency=1) as engine:  # the rest is queued, and costs nothing
        blocked = engine.store.write(lambda _: held.wait(60))
        await turns(5)
        binding = engine.workflow("Flow")
        made = asyncio.gather(*(binding.create(id=f"i{number}") for number in range(MANY)))
        await turns(20)
        queued = sum(len(group.operations) for group in engine.store._writer._queue)
        held.set()
        await asyncio.gather(blocked, made)
        [[kept]] = await engine.store.read("SELECT count(*) FROM instance")
    assert 4_000 < queued < BOUND
    assert kept == MANY
