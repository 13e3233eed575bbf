"""Crashes in the middle of the end of a race."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_children import child, forever, statuses
from tests.contract.world import Event, Step, World, ended, workflow
from tests.workflows import left_behind
from workflows.entry import Kind, State

pytestmark = pytest.mark.anyio


async def test_an_event_that_was_received_wins_over_a_limit_that_ended_too(tmp_path: Path) -> None:
    """Both are recorded and the winner is not: the event must not be lost."""

    async def run(event: Event, step: Step) -> Any:
        branches: dict[str, Any] = {"limit": step.sleep("limit", 10), "go": step.wait_for_event("w", "go")}
        raced = await step.race("r", branches)
        await step.wait_for_event("last", "end")
        return raced.winner

    world = World(str(tmp_path / "engine.db"))
    async with world.started(run) as instance:
        await world.later(1)
        await instance.send_event("go")
        await world.later(1)
    left_behind.changed(world.path, "DELETE FROM entry WHERE name = 'last'")
    left_behind.step(world.path, Kind.RACE, State.RUNNING, keep=False)
    left_behind.step(world.path, Kind.SLEEP, State.DONE)
    async with world.reopened(run) as instance:
        await instance.send_event("end")
        assert await instance.result() == "go"


@pytest.mark.parametrize("nested", [False, True])
async def test_a_losing_child_is_ended_after_a_crash_right_after_the_decision(
    tmp_path: Path, nested: bool
) -> None:
    flow = child(forever)

    async def run(event: Event, step: Step) -> Any:
        async def branch() -> Any:
            return await step.run_workflow("c", flow, on_parent_end="terminate")

        loser = branch() if nested else step.run_workflow("c", flow, on_parent_end="terminate")
        raced = await step.race("r", {"child": loser, "limit": step.sleep("limit", 2)})
        await step.wait_for_event("w", "end", timeout=100)
        return raced.winner

    world = World(str(tmp_path / "engine.db"))
    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        await engine.workflow(parent).create(id="p")
        await world.later(5)
    left_behind.step(world.path, Kind.CHILD, State.WAITING)
    left_behind.changed(
        world.path,
        "UPDATE instance SET status = 'running', finished = NULL, became = NULL WHERE workflow = 'Child'",
        "DELETE FROM event",
    )
    async with world.open(parent, flow) as engine:
        await world.later(1)
        assert await statuses(engine, flow) == ["terminated"]
        instance = engine.workflow(parent).get("p")
        await instance.send_event("end")
        status = await ended(instance)
        assert (status.output, status.unasked) == ("limit", ())
