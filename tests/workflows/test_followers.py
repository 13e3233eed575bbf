"""A crash between the end of a parent and that of the children that follow it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.test_children import Parent, child, forever, statuses
from tests.contract.world import World, workflow
from tests.workflows import left_behind
from workflows.entry import Kind, State

pytestmark = pytest.mark.anyio

LEFT: dict[str, Callable[[str], None]] = {
    "parent ended": lambda path: left_behind.changed(
        path, "UPDATE instance SET status = 'terminated', finished = 1, became = NULL WHERE workflow = 'Flow'"
    ),
    "parent gone": lambda path: left_behind.changed(path, "DELETE FROM instance WHERE workflow = 'Flow'"),
    "parent began anew": lambda path: left_behind.changed(path, "DELETE FROM entry"),
    "wait cut": lambda path: left_behind.step(path, Kind.CHILD, State.CUT),
    "nothing": lambda path: None,
}
"""What a process that was killed there has left in the file."""


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize("follows", ["terminate", "leave"])
async def test_what_was_missed_is_made_up_for_when_the_engine_opens(
    tmp_path: Path, left: str, follows: str
) -> None:
    world = World(str(tmp_path / "engine.db"))
    flow = child(forever)
    parent = workflow(Parent(flow, on_parent_end=follows))
    async with world.open(parent, flow) as engine:
        await engine.workflow(parent).create(id="p")
        await world.later(5)
    LEFT[left](world.path)
    async with world.open(parent, flow) as engine:
        await world.later(1)
        first = (await statuses(engine, flow))[0]
        assert first == ("terminated" if follows == "terminate" and left != "nothing" else "waiting")
