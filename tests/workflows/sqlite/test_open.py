"""Whose file it is, what is in it, and what is left when it is closed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.sqlite.pairs import PAIR, insert, keys, opened
from workflows.clock import SystemClock
from workflows.errors import StoreError, StoreInUse
from workflows.sqlite.store import Store

pytestmark = pytest.mark.anyio

OWNER = """
import asyncio, sys
from workflows.clock import SystemClock
from workflows.sqlite.store import Store
async def main():
    await Store.open(sys.argv[1], clock=SystemClock())
    print("open", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
UNCLOSED = """
import asyncio, sys
from workflows.clock import SystemClock
from workflows.sqlite.store import Statement, Store
async def main():
    global store
    store = await Store.open(sys.argv[1], clock=SystemClock())
    store.write(Statement("CREATE TABLE t(x)"))
    {then}
asyncio.run(main())
"""


def contents(path: Path) -> bytes:
    return path.read_bytes()


async def test_a_second_store_in_this_process_is_refused(path: Path) -> None:
    async with opened(path):
        with pytest.raises(StoreInUse, match=rf"already open in this process \({os.getpid()}\)"):
            await Store.open(path.parent / "x" / ".." / path.name, clock=SystemClock())
    async with opened(path) as again:
        assert await keys(again) == []


async def test_a_second_process_is_refused_until_the_owner_is_killed(path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, path, stdout=subprocess.PIPE)
    try:
        assert owner.stdout is not None
        assert await owner.stdout.readline() == b"open\n"
        with pytest.raises(
            StoreInUse, match=f"in use by process {owner.pid}, and one process owns .*run one worker"
        ):
            async with asyncio.timeout(1):
                await Store.open(path, clock=SystemClock())
    finally:
        owner.kill()
        await owner.wait()
    async with asyncio.timeout(1), opened(path) as store:
        await store.write(insert(1))


@pytest.mark.parametrize("then", ["return", "raise SystemExit(0)", "sys.exit()", "await asyncio.sleep(0.01)"])
def test_an_unclosed_store_does_not_hang_the_interpreter(path: Path, then: str) -> None:
    program = UNCLOSED.format(then=then)
    command = [sys.executable, "-c", program, str(path)]
    ended = subprocess.run(command, check=False, timeout=20, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "Traceback" not in ended.stderr


async def test_closing_writes_what_is_queued_and_leaves_one_file(path: Path) -> None:
    async with opened(path) as store:
        futures = [store.write(insert(key)) for key in range(100)]
    assert [future.result() for future in futures] == [1] * 100
    assert sorted(file.name for file in path.parent.iterdir()) == ["pairs.db", "pairs.db.lock"]
    with pytest.raises(StoreError, match="is closed"):
        store.write(insert(200))
    with pytest.raises(StoreError, match="is closed"):
        await store.read("SELECT 1")
    await store.close()


async def test_closing_empties_the_log_also_when_another_program_looks_on(path: Path) -> None:
    async with opened(path) as store:
        await store.write(insert(1))
        onlooker = sqlite3.connect(path)
        assert onlooker.execute("SELECT count(*) FROM pair").fetchall() == [(1,)]
    assert contents(path.with_name("pairs.db-wal")) == b""
    onlooker.close()


async def test_a_body_that_raises_closes_too(path: Path) -> None:
    with contextlib.suppress(LookupError):
        async with opened(path) as store:
            store.write(insert(1))
            raise LookupError
    async with opened(path) as again:
        assert await keys(again) == [1]


async def test_a_stopped_loop_settles_every_waiter(path: Path) -> None:
    async def write_on() -> None:
        store = await Store.open(path, clock=SystemClock())
        await store.migrate("pairs", [PAIR])
        futures.extend(store.write(insert(key, bytes(1000))) for key in range(20_000))
        await futures[0]

    futures: list[asyncio.Future[int]] = []
    await asyncio.to_thread(asyncio.run, write_on())
    written = sum(not future.cancelled() and future.result() == 1 for future in futures)
    assert all(future.done() for future in futures)
    async with opened(path) as again:
        assert len(await keys(again)) == written < 20_000


async def test_a_file_of_somebody_else_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE theirs(x)")
    other.close()
    before = contents(path)
    with pytest.raises(StoreError, match="belongs to another program"):
        await Store.open(path, clock=SystemClock())
    assert contents(path) == before


@pytest.mark.parametrize(
    ("name", "says"),
    [("text.db", "file is not a database"), ("folder", "it is a folder"), ("no/where.db", "make the folder")],
)
async def test_what_cannot_be_opened_is_said(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "text.db").write_text("not a database, and long enough to be looked at\n" * 100)
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError, match=f"cannot open .*{name}: .*{says}"):
        await Store.open(tmp_path / name, clock=SystemClock())
    (tmp_path / "text.db").rename(tmp_path / "moved.db")
    await (await Store.open(tmp_path / "text.db", clock=SystemClock())).close()
