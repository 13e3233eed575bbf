"""Each component has its own version in the file, and only goes up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.workflows.sqlite.pairs import PAIR, insert, opened
from workflows.clock import SystemClock
from workflows.errors import StoreError
from workflows.sqlite.schema import Step
from workflows.sqlite.store import Store

pytestmark = pytest.mark.anyio

WITH_TRIGGER = """
CREATE TABLE log(text TEXT);  -- a comment; with a semicolon
CREATE TRIGGER logged AFTER INSERT ON pair BEGIN
  INSERT INTO log(text) VALUES('a; b');
  INSERT INTO log(text) VALUES('c');
END;
"""


async def version(store: Store, component: str) -> list[tuple[object, ...]]:
    """What the file says of a component."""
    return await store.read("SELECT version FROM schema WHERE component = ?", (component,))


async def test_only_new_steps_are_run(path: Path) -> None:
    steps: list[Step] = [
        PAIR,
        "ALTER TABLE pair ADD COLUMN note TEXT",
        lambda c: c.execute("INSERT INTO pair(key) VALUES(9)"),
    ]
    for known in (1, 2, 3, 3):
        async with await Store.open(path, clock=SystemClock()) as store:
            await store.migrate("pairs", steps[:known])
            assert await version(store, "pairs") == [(known,)]
            assert await store.read("SELECT count(*) FROM pair") == [(int(known == 3),)]


async def test_components_do_not_meet(path: Path) -> None:
    async with opened(path) as store:
        await store.migrate("others", ["CREATE TABLE other(x)", "CREATE TABLE another(x)"])
        assert (await version(store, "pairs"), await version(store, "others")) == ([(1,)], [(2,)])


async def test_a_newer_file_is_refused(path: Path) -> None:
    async with opened(path) as store:
        await store.migrate("pairs", [PAIR, "ALTER TABLE pair ADD COLUMN note TEXT"])
        with pytest.raises(
            StoreError, match='version 2 of "pairs", this release knows 1: open it with the newer'
        ):
            await store.migrate("pairs", [PAIR])
        with pytest.raises(StoreError, match="this release knows 0"):
            await store.migrate("pairs", [])


async def test_a_failed_step_leaves_the_version_before_it(path: Path) -> None:
    async with opened(path) as store:
        with pytest.raises(sqlite3.OperationalError):
            await store.migrate("pairs", [PAIR, "CREATE TABLE new(x); CREATE TABLE pair(x)"])
        assert await version(store, "pairs") == [(1,)]
        assert await store.read("SELECT name FROM sqlite_master WHERE name = 'new'") == []


async def test_a_script_may_hold_a_trigger(path: Path) -> None:
    async with opened(path) as store:
        await store.migrate("pairs", [PAIR, WITH_TRIGGER])
        await store.write(insert(1))
        assert await store.read("SELECT text FROM log") == [("a; b",), ("c",)]


async def test_a_script_must_be_whole(path: Path) -> None:
    async with opened(path) as store:
        with pytest.raises(StoreError, match="ends in the middle of a statement: INSERT"):
            await store.migrate("others", ["INSERT INTO pair(value) VALUES('open"])
