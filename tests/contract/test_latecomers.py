"""Who begins to listen while something is on its way to the disk hears of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from workflows import (
    Engine,
    StepContext,
    StreamPart,
    StreamReset,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowInstance,
    WorkflowStep,
)

pytestmark = pytest.mark.anyio

TIMES = 60


class Waits(WorkflowEntrypoint[Any, Any]):
    """One step that streams, and then a wait that nobody ends."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> None:
        """See above."""

        async def tell(ctx: StepContext) -> None:
            await ctx.stream("part")

        await step.do("tell", tell)
        await step.wait_for_event("for ever", "never")


async def told(instance: WorkflowInstance) -> list[StreamPart | StreamReset]:
    return [item async for item in instance.stream("tell")]


async def test_readers_that_come_at_any_moment_come_to_the_end_of_a_step(tmp_path: Path) -> None:
    async with Engine(tmp_path / "a.db", workflows=[Waits]) as engine:
        for turns in range(TIMES):
            instance = await engine.workflow(Waits).create()
            for _ in range(turns):
                await asyncio.sleep(0)
            async with asyncio.timeout(10):
                both = await asyncio.gather(*(told(instance) for _ in "ab"))
            assert both == [[StreamPart(1, 1, "part")]] * 2


async def test_subscribers_that_come_at_any_moment_hear_of_it(tmp_path: Path) -> None:
    async with Engine(tmp_path / "a.db", workflows=[Waits]) as engine:
        for turns in range(TIMES):
            instance = await engine.workflow(Waits).create()
            for _ in range(turns):
                await asyncio.sleep(0)
            async with asyncio.timeout(10):
                async for event in instance.subscribe():
                    if event.type == "step_completed":
                        break
