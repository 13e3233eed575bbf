"""SEC-13 and SEC-14: nothing that is stored or sent becomes code, and no attribute is looked up by it."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apscheduler.jobstores.memory import MemoryJobStore

from agents_sdk import Agent, AgentsApp, UnknownMethod
from tests import layers
from workflows.testing import VirtualClock
from workflows.timers.scheduler import ClockScheduler, WindowJobStore

ROOT = Path(__file__).parents[3]
FILES = layers.modules(ROOT)
REVIVING = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle", "yaml"}
STORES = {"apscheduler.jobstores.base"}
"""Those of APScheduler's that keep anything, keep it pickled."""


def test_sec_13_nothing_imports_what_revives_code() -> None:
    found = layers.imports(FILES)
    assert [str(one) for one in found if one.top in REVIVING] == []
    stores = {one.module for one in found if one.module.startswith("apscheduler.jobstores")}
    assert stores <= STORES


def test_sec_13_nothing_calls_eval() -> None:
    calls = {
        f"{module}:{node.lineno}"
        for module, file in FILES.items()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("eval", "exec", "__import__")
    }
    assert calls == set()


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("import pickle\npickle.loads(b'')", "S301"),
        ("import marshal\nmarshal.loads(b'')", "S302"),
        ("eval('1')", "S307"),
        ("import yaml\nyaml.load('')", "S506"),
    ],
)
def test_sec_13_the_linter_refuses_it(code: str, rule: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--stdin-filename", "agents_sdk/new.py", "-"]
    checked = subprocess.run(command, input=code, cwd=ROOT, capture_output=True, text=True, check=False)
    assert rule in checked.stdout


class Elsewhere(MemoryJobStore):  # type: ignore[misc]  # APScheduler has no types
    """A store that somebody brings."""


@pytest.mark.anyio
@pytest.mark.parametrize(
    "store", ["sqlalchemy", MemoryJobStore(), Elsewhere()], ids=lambda store: type(store).__name__
)
async def test_sec_13_the_scheduler_takes_no_other_store(store: Any) -> None:
    scheduler = ClockScheduler(VirtualClock())
    scheduler.start()
    assert {type(one) for one in scheduler._jobstores.values()} == {WindowJobStore}
    with pytest.raises(TypeError, match="no job store for this scheduler"):
        scheduler.add_jobstore(store, "other")
    with pytest.raises(TypeError, match="no job store for this scheduler"):
        ClockScheduler(VirtualClock()).add_jobstore(Elsewhere())
    scheduler.shutdown()
    await asyncio.sleep(0)


class Desk(Agent[Any, None]):
    async def on_error(self, error: Exception) -> None:
        self.env.put_nowait(error)

    async def known(self) -> None: ...


@pytest.mark.anyio
@pytest.mark.parametrize("stored", ["destroy", "on_stop", "ctx", "__class__", "_secret", "gone", ""])
async def test_sec_14_a_stored_name_is_looked_up_among_the_methods_only(tmp_path: Path, stored: str) -> None:
    errors: asyncio.Queue[Exception] = asyncio.Queue()
    async with AgentsApp([Desk], data=tmp_path, env=errors) as app:
        await (await app.get_agent(Desk, "a")).schedules.add(10**6, "known", attempts=1)
    with contextlib.closing(sqlite3.connect(tmp_path / "agents.db")) as file, file:
        assert file.execute("UPDATE timer SET method = ?, due = 0, crc = NULL", (stored,)).rowcount == 1
    async with AgentsApp([Desk], data=tmp_path, env=errors, clock=VirtualClock()) as app:
        error = await asyncio.wait_for(errors.get(), 5)
        assert isinstance(error, UnknownMethod)
        assert [one.name for one in await app.list_agents(Desk)] == ["a"]


@pytest.mark.anyio
@pytest.mark.parametrize("stored", ["destroy", "on_stop", "__class__", "_secret", "gone"])
async def test_sec_14_a_stored_item_of_the_queue_calls_methods_only(tmp_path: Path, stored: str) -> None:
    errors: asyncio.Queue[Exception] = asyncio.Queue()
    async with AgentsApp([Held], data=tmp_path, env=errors) as app:
        held = await app.get_agent(Held, "a")
        await held.queue("known", attempts=1)
        await held.queue("known", attempts=1)
    with contextlib.closing(sqlite3.connect(tmp_path / "agents.db")) as file, file:
        assert file.execute("UPDATE agent_item SET method = ?, crc = NULL", (stored,)).rowcount >= 1
    async with AgentsApp([Held], data=tmp_path, env=errors) as app:
        error = await asyncio.wait_for(errors.get(), 5)
        assert isinstance(error, UnknownMethod)
        assert [one.name for one in await app.list_agents(Held)] == ["a"]


class Held(Desk):
    async def known(self) -> None:
        await asyncio.Event().wait()
