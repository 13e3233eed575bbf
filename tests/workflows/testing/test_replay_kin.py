"""Histories with races and children replay, too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.test_children import Writer, child, doubled
from tests.contract.test_race import Slow
from tests.contract.world import Event, Step, World, ended, workflow
from workflows import WorkflowFailed
from workflows.testing import replay

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("after", [None, 5, 15])
@pytest.mark.parametrize("losers", ["cancel", "leave"])
async def test_a_history_with_a_race_and_children_replays(losers: Any, after: float | None) -> None:
    world = World(":memory:")
    flow = child(doubled)

    async def branch(step: Step) -> None:
        await step.do("in a function", lambda: 1)
        await step.sleep("long", 40)

    async def run(event: Event, step: Step) -> Any:
        first = await step.run_workflow("first", Writer, {"pages": 1})
        branches: dict[str, Any] = {
            "step": step.do("slow", Slow(world, 50)),
            "child": step.run_workflow("child", flow, first.pages),
            "function": branch(step),
            "event": step.wait_for_event("w", "never", timeout=60),
        }
        raced = await step.race("r", branches, losers=losers)
        try:
            await step.run_workflow("bad", flow, "?")
        except WorkflowFailed:
            await step.sleep("after", 100)
        return [raced.winner, raced.value]

    parent = workflow(run)
    async with world.open(parent, flow, Writer) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await (ended(instance) if after is None else world.later(after))
        history = await instance.export()
    outcome = await replay(parent, history)
    assert [one.message for one in outcome.differences] == []
