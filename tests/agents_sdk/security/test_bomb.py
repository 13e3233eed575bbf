"""SEC-13: a pickle bomb in any column of the files is never run."""

from __future__ import annotations

import contextlib
import os
import pickle
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.hooks import Webhook, new_secret

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


class Child(WorkflowEntrypoint[None, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        return event.payload


class Long(WorkflowEntrypoint[None, Any]):
    on_complete = [Webhook("https://10.0.0.1/", secret=new_secret())]

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        await step.do("once", lambda: {"n": 1})
        await step.run_workflow("child", Child, params=[1])
        if event.payload:
            await step.wait_for_event("go", "go")
        return event.payload


class Keeper(Agent[Any, dict[str, int]]):
    initial_state = {"n": 0}

    async def fill(self) -> None:
        await self.set_state({"n": 1})
        await self.schedule(3600, "later", {"x": 1})
        await self.schedule("* * * * *", "later", {"x": 1}, key="k")
        await self.sql("CREATE TABLE IF NOT EXISTS note(body BLOB)")
        await self.sql("INSERT INTO note VALUES (?)", b"x")

    async def later(self, payload: Any) -> None: ...


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


async def live(folder: Path) -> None:
    """Everything that reads what is stored, as far as it gets."""
    engine = Engine(folder / "e.db", [Long, Child])
    async with contextlib.AsyncExitStack() as open_ones:
        await open_ones.enter_async_context(engine)
        app = await open_ones.enter_async_context(AgentsApp([Keeper], engine=engine))
        keeper = await app.get_agent(Keeper, "a")
        await keeper.fill()
        binding = engine.workflow(Long)
        for id in ("done", "waits"):
            with contextlib.suppress(Exception):
                instance = await binding.create(id=id, params=id == "waits", exist_ok=True)
                await instance.send_event(type="other", payload=[1])
                if id == "done":
                    await instance.result()
            with contextlib.suppress(Exception):
                await binding.get(id).status()
                await binding.get(id).export()
        await engine.deliveries.list()


def columns(file: Path) -> list[tuple[str, str]]:
    """Those that hold a BLOB somewhere."""
    with contextlib.closing(sqlite3.connect(file)) as base:
        tables = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        listed = [(one, row[1]) for one in tables for row in base.execute(f'PRAGMA table_info("{one}")')]
        query = 'SELECT 1 FROM "{}" WHERE typeof("{}") = \'blob\' LIMIT 1'
        return [
            (table, column)
            for table, column in listed
            if base.execute(query.format(table, column)).fetchall()
        ]


def plant(file: Path, table: str, column: str, bomb: bytes) -> None:
    with contextlib.closing(sqlite3.connect(file)) as base, base:
        base.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE typeof("{column}") = \'blob\'', (bomb,))


async def test_sec_13_no_bomb_in_any_column_goes_off(tmp_path: Path) -> None:
    mark, sane = tmp_path / "mark", tmp_path / "sane"
    bomb = pickle.dumps(Bomb(mark))
    pickle.loads(bomb)
    assert mark.is_dir(), "the bomb is one"
    mark.rmdir()
    sane.mkdir()
    await live(sane)
    places = columns(sane / "e.db")
    assert len(places) >= 8, places
    for number, (table, column) in enumerate(places):
        folder = tmp_path / str(number)
        shutil.copytree(sane, folder)
        plant(folder / "e.db", table, column, bomb)
        with contextlib.suppress(Exception):
            await live(folder)
        assert not mark.exists(), f"{table}.{column}"
