"""Instances are created without a task, and are under way all the same."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from tests.contract.world import Event, Step, World, workflow

pytestmark = pytest.mark.anyio


async def run(event: Event, step: Step) -> str:
    return "done"


async def test_an_engine_that_renews_its_runs_waits_for_instances_that_are_being_created(
    tmp_path: Path,
) -> None:
    world, held = World(str(tmp_path / "engine.db")), threading.Event()
    async with world.open(flow := workflow(run)) as engine:
        blocked = engine.store.write(lambda _: held.wait(60))
        creating = asyncio.create_task(engine.workflow(flow).create(id="i"))
        await asyncio.sleep(0)
        assert engine._backend is not None
        settled = asyncio.create_task(engine._backend._commands.settled())
        await asyncio.sleep(0.01)
        waits = not settled.done()
        held.set()
        await asyncio.gather(blocked, settled)
        assert waits
        assert await (await creating).result() == "done"
