"""What is done to one instance reads its own rows only, however many there are."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.sqlite import parking, processes
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

_SCAN = re.compile(r"SCAN (instance|child|entry|event|moment|chunk)\b")


class Flow(WorkflowEntrypoint[None, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        await step.do("s", lambda: 1)
        await step.sleep("z", 10)
        return (await step.wait_for_event("w", "go", timeout=100)).payload


def scanned(connection: sqlite3.Connection, sql: str) -> list[str]:
    """The steps of the plan of a statement that go over a whole table."""
    plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    return [step[3] for step in plan if _SCAN.match(step[3])]


async def test_no_statement_of_a_life_scans_a_table(tmp_path: Path) -> None:
    said: set[str] = set()
    clock = VirtualClock()
    async with Engine(tmp_path / "a.db", [Flow], clock=clock, park="always") as engine:
        await engine.store.write(lambda connection: connection.set_trace_callback(said.add))
        instance = await engine.workflow(Flow).create(id="i")
        await clock.sleep(1)
        await instance.pause()
        await instance.resume()
        await clock.sleep(20)
        await instance.send_event("go", 1)
        assert await instance.result() == 1
        await instance.restart(from_step="s")
        await clock.sleep(1)
        await instance.delete()
        await engine.store.write(lambda connection: connection.set_trace_callback(None))
        statements = [sql for sql in said if sql.lstrip().startswith(("SELECT", "UPDATE", "DELETE"))]
        assert len(statements) > 15
        plans = await engine.store.write(
            lambda connection: {sql: found for sql in statements if (found := scanned(connection, sql))}
        )
        assert plans == {}


async def test_the_next_wakes_are_read_from_their_index_only(tmp_path: Path) -> None:
    async with Engine(tmp_path / "a.db", [Flow]) as engine:
        for query in (
            parking.awake(["Flow"]),
            parking.wakes(["Flow"], (0.0, 0), 10),
            processes.suspects(["Flow"], 3, 1),
        ):
            plan = await engine.store.read(f"EXPLAIN QUERY PLAN {query[0]}", query[1])
            assert any("instance_" in step for *_, step in plan)
            assert [step for *_, step in plan if _SCAN.match(step)] == []
        sql, params = parking.wakes(["Flow"], (0.0, 0), 10)
        [first, *_] = await engine.store.read(f"EXPLAIN QUERY PLAN {sql}", params)
        assert first[3] == "SEARCH instance USING COVERING INDEX instance_wake (wake>? AND wake<?)"
        assert "ORDER BY" not in str(await engine.store.read(f"EXPLAIN QUERY PLAN {sql}", params))
