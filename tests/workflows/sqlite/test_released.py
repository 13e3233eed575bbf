"""Files of earlier releases are opened, migrated and go on; a copy of them as they were is kept.

`schemas/` has one dump for each version of the tables, made by the code of its time. A new migration needs a
dump of the version before it.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from workflows import (
    Cron,
    Engine,
    Every,
    StoreError,
    SystemClock,
    TimerPolicy,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowStep,
)
from workflows.sqlite.schema import APPLICATION_ID, CREATE, Step, migration
from workflows.sqlite.store import Store
from workflows.sqlite.tables import MIGRATIONS
from workflows.timers.table import STEPS

pytestmark = pytest.mark.anyio

SCHEMAS = Path(__file__).parent / "schemas"
COMPONENTS: dict[str, tuple[Step, ...]] = {"workflows": MIGRATIONS, "timers": STEPS}
DUMPS = sorted(dump.stem for dump in SCHEMAS.glob("*.sql"))


class Flow(WorkflowEntrypoint[None, Any]):
    """As it was when the dumps were made."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """What a step returned, and an event."""
        first: Any = await step.do("first", lambda: 1 / 0)  # it is recorded
        received = await step.wait_for_event("gate", "go", timeout="300 days")
        return [first, received.payload]


class Done(WorkflowEntrypoint[None, Any]):
    """As it was when the dumps were made."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """What its step returned."""
        return await step.do("only", lambda: {"a": 1.5})


def restored(dump: str, path: Path) -> Path:
    """The file that was dumped."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((SCHEMAS / f"{dump}.sql").read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute("PRAGMA journal_mode=WAL")
    return path


def copies(folder: Path) -> list[Path]:
    """What was kept before a migration."""
    return sorted(folder.glob("*.before-*"))


def tables(connection: sqlite3.Connection, component: str) -> set[str]:
    """What is made by it, without the spaces."""
    begins = {
        "workflows": ("instance", "entry", "event", "moment", "chunk", "process", "spent"),
        "timers": ("timer",),
    }[component]
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {re.sub(r"\s+|\"", "", sql) for name, sql in found if name.startswith(begins)}


def test_there_is_a_dump_of_every_earlier_version() -> None:
    earlier = {f"{name}-{version}" for name, steps in COMPONENTS.items() for version in range(1, len(steps))}
    assert earlier <= set(DUMPS)


@pytest.mark.parametrize("dump", DUMPS)
def test_a_released_migration_never_changes(dump: str, tmp_path: Path) -> None:
    component, version = dump.split("-")
    with (
        closing(sqlite3.connect(restored(dump, tmp_path / "a.db"))) as then,
        closing(sqlite3.connect(":memory:", isolation_level=None)) as now,
    ):
        now.execute(CREATE[-1])
        migration(component, COMPONENTS[component][: int(version)])(now)
        assert tables(now, component) == tables(then, component)


@pytest.mark.parametrize("dump", [dump for dump in DUMPS if dump.startswith("workflows")])
async def test_an_instance_of_an_earlier_release_goes_on(dump: str, tmp_path: Path) -> None:
    path = restored(dump, tmp_path / "a.db")
    version = int(dump.split("-")[1])
    async with Engine(path, [Flow, Done]) as engine:
        assert (await engine.workflow(Done).get("done").status()).output == {"a": 1.5}
        instance = engine.workflow(Flow).get("open")
        await instance.send_event("go", "now")
        assert await instance.result() == [[1, "eins"], "now"]
    kept = tmp_path / f"a.db.before-workflows-{version + 1}"
    assert kept.exists() is (version < len(MIGRATIONS))
    if kept.exists():
        with closing(sqlite3.connect(kept)) as connection:
            sql = "SELECT version FROM schema WHERE component = 'workflows'"
            assert connection.execute(sql).fetchone() == (version,)
            assert connection.execute("SELECT name, status FROM instance").fetchall() == [
                ("open", "running"),
                ("done", "complete"),
            ]
            assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
async def test_a_timer_of_an_earlier_release_is_still_due(version: int, tmp_path: Path) -> None:
    path = restored(f"timers-{version}", tmp_path / "a.db")
    async with Engine(path, [Flow]) as engine:
        timer = await engine.timers("agents").get(1)
        assert timer is not None
        assert (timer.method, timer.payload, timer.key) == ("greet", b"{}", "greeting")
        assert (timer.nominal.year, timer.policy) == (2100, TimerPolicy(attempts=3))
    assert {one.name for one in copies(tmp_path)} >= {f"a.db.before-timers-{version + 1}"}


@pytest.mark.parametrize("version", [2, 3, 4, 5])
async def test_rules_of_an_earlier_release_are_as_they_were(version: int, tmp_path: Path) -> None:
    async with Engine(restored(f"timers-{version}", tmp_path / "a.db"), [Flow]) as engine:
        cron, interval = [await engine.timers("agents").get(timer) for timer in (2, 3)]
    assert cron is not None
    assert interval is not None
    assert (cron.when, cron.policy) == (Cron.parse("0 9 * * 1", "Europe/Berlin"), TimerPolicy(catchup="all"))
    assert (interval.when, interval.policy) == (Every(600), TimerPolicy())


async def test_a_file_is_migrated_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = restored("workflows-1", tmp_path / "a.db")
    steps = [*MIGRATIONS, "CREATE TABLE one_more(x)", "CREATE TABLE instance(again)"]
    for _ in range(2):  # the copy of the first time is not written over
        async with await Store.open(path, clock=SystemClock()) as store:
            with pytest.raises(sqlite3.OperationalError, match="already exists"):
                await store.migrate("workflows", steps)
            assert await store.read("SELECT version FROM schema WHERE component = 'workflows'") == [(1,)]
            assert await store.read("SELECT 1 FROM sqlite_master WHERE name = 'one_more'") == []
    assert [one.name for one in copies(tmp_path)] == ["a.db.before-workflows-2"]


async def test_a_file_that_cannot_be_copied_is_not_migrated(tmp_path: Path) -> None:
    path = restored("workflows-1", tmp_path / "a.db")
    (tmp_path / "a.db.before-workflows-2.unfinished").mkdir()  # nobody can write there
    async with await Store.open(path, clock=SystemClock()) as store:
        with pytest.raises(StoreError, match=r"could not be copied to .*before-workflows-2"):
            await store.migrate("workflows", MIGRATIONS)
        assert await store.read("SELECT version FROM schema WHERE component = 'workflows'") == [(1,)]


async def test_a_file_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    path = restored("workflows-1", tmp_path / "a.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE schema SET version = 99 WHERE component = 'workflows'")
        connection.commit()
    with pytest.raises(
        StoreError, match=r'holds version 99 of "workflows", .* open it with the newer release'
    ):
        await Engine(path, [Flow]).open()
    assert copies(tmp_path) == []
