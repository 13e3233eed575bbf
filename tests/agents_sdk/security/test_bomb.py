"""SEC-13: a pickle bomb in any column of the files is never run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import AgentsApp, ChatAgent
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


class Keeper(ChatAgent[Any, dict[str, int]]):
    initial_state = {"n": 0}

    async def on_chat_message(self, turn: object) -> str:
        return "hi"

    async def fill(self) -> None:
        await self.set_state({"n": 1})
        await self.schedule(3600, "later", {"x": 1})
        await self.schedule("* * * * *", "later", {"x": 1}, key="k")
        await self.sql("CREATE TABLE IF NOT EXISTS note(body BLOB)")
        await self.sql("INSERT INTO note VALUES (?)", b"x")

    async def look(self) -> None:
        """At all that it has kept, as far as that can be read."""
        for each in (
            self.get_schedules, self.queued.list, self.fibers.list, self.streams.list,
            self.children.list,
        ):  # fmt: skip
            with contextlib.suppress(Exception):
                await each()
        with contextlib.suppress(Exception):
            await self.sql("SELECT * FROM note")
        with contextlib.suppress(Exception):
            async with asyncio.timeout(0.1):  # one that is open has no end
                [_ async for _ in self.streams.read("a")]
        with contextlib.suppress(Exception):
            await self.save_messages([*self.messages, {"id": "m", "role": "user", "parts": []}])

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
        with contextlib.suppress(Exception):
            keeper = await app.get_agent(Keeper, "a")
            await keeper.fill()
            await keeper.look()
        binding = engine.workflow(Long)
        for id in ("done", "waits"):
            with contextlib.suppress(Exception):
                instance = await binding.create(id=id, params=id == "waits", exist_ok=True)
                await instance.send_event(type="other", payload=[1])
                if id == "done":
                    await asyncio.wait_for(instance.result(), 1)  # a damaged one is paused
            with contextlib.suppress(Exception):
                await binding.get(id).status()
                await binding.get(id).export()
        await engine.deliveries.list()


def columns(file: Path) -> list[tuple[str, str]]:
    """All that may hold a BLOB."""
    with contextlib.closing(sqlite3.connect(file)) as base:
        tables = [row[0] for row in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (table, row[1])
            for table in tables
            for row in base.execute(f'PRAGMA table_info("{table}")')
            if row[2] == "BLOB"
        ]


_MADE_UP = {"INTEGER": 1, "REAL": 1.0, "TEXT": "a", "BLOB": b"x"}


def plant(file: Path, table: str, column: str, bomb: bytes) -> None:
    """In each row; where there is none, in one of the first agent, that is owed to it."""
    with contextlib.closing(sqlite3.connect(file)) as base, base:
        if not base.execute(f'UPDATE "{table}" SET "{column}" = ?', (bomb,)).rowcount:
            kinds = {row[1]: row[2] for row in base.execute(f'PRAGMA table_info("{table}")')}
            row = {name: _MADE_UP[kind] for name, kind in kinds.items()} | {column: bomb}
            named, places = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
            base.execute(f'INSERT INTO "{table}"({named}) VALUES({places})', list(row.values()))
        with contextlib.suppress(sqlite3.Error):
            base.execute(f'UPDATE "{table}" SET crc = NULL')  # one that was written before there were any


async def test_sec_13_no_bomb_in_any_column_goes_off(tmp_path: Path) -> None:
    mark, sane = tmp_path / "mark", tmp_path / "sane"
    bomb = pickle.dumps(Bomb(mark))
    pickle.loads(bomb)
    assert mark.is_dir(), "the bomb is one"
    mark.rmdir()
    sane.mkdir()
    await live(sane)
    [own] = (sane / "e-sql").glob("*.db")
    places = [("e.db", *one) for one in columns(sane / "e.db")]
    places.append((f"e-sql/{own.name}", "note", "body"))
    assert len(places) > 25, places
    for number, (file, table, column) in enumerate(places):
        folder = tmp_path / str(number)
        shutil.copytree(sane, folder)
        plant(folder / file, table, column, bomb)
        with contextlib.suppress(Exception):
            await live(folder)
        assert not mark.exists(), f"{table}.{column}"
        shutil.rmtree(folder)
