"""A record that the disk has changed is never served."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from workflows import Engine, StoreError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


class Flow(WorkflowEntrypoint[None, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> None:
        await step.do("s", lambda: 12345)
        await step.sleep("z", 1_000)


async def test_a_damaged_entry_refuses_the_file_and_names_the_step(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    async with Engine(path, [Flow], clock=clock) as engine:
        await engine.workflow(Flow).create(id="a")
        await clock.sleep(10)
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("UPDATE entry SET result = x'31323334' WHERE name = 's'").rowcount == 1
        file.commit()
    with pytest.raises(StoreError, match="the record of step s-1 is damaged: restore the file from a backup"):
        await Engine(path, [Flow], clock=clock).open()
