"""F20: a copy that is taken under load holds a prefix, with everything that was acknowledged before."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from integrations.cli.main import main
from tests.fault.power import Numbered
from tests.fault.sizes import size
from workflows import Engine, Store, StoreError, SystemClock, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows import backup as copy

pytestmark = pytest.mark.timeout(size(600, 7_200))
COPIES = size(20, 100)

PROGRAM = """
import asyncio, os, sys
from tests.fault.power import Numbered
from workflows import Store, SystemClock
TABLE = "CREATE TABLE pair(key INTEGER PRIMARY KEY, half INTEGER NOT NULL, content BLOB) STRICT"
async def main():
    async with await Store.open(sys.argv[1], clock=SystemClock()) as store:
        await store.migrate("pairs", [TABLE])
        last = -1
        while True:
            some = [store.write(Numbered(number, os.urandom(300))) for number in range(last + 1, last + 9)]
            await asyncio.gather(*some)
            last += 8
            os.write(1, b"%d\\n" % last)
            await asyncio.sleep(0.004)  # the file does not grow faster than it is copied
asyncio.run(main())
"""


class Load:
    """A process that writes on and on."""

    def __init__(self, path: Path) -> None:
        self._read, write = os.pipe()
        root = Path(__file__).parent.parent.parent
        self.id = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", PROGRAM, str(path)],
            {**os.environ, "PYTHONPATH": str(root)},
            file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)],
        )
        os.close(write)
        self.last = -1
        self._unread = b""

    def acknowledged(self, *, wait: bool) -> int:
        """The last number that it has told."""
        while select.select([self._read], [], [], 20 if wait else 0)[0]:
            wait = False
            *lines, self._unread = (self._unread + os.read(self._read, 65_536)).split(b"\n")
            self.last = max([self.last, *map(int, lines)])
        return self.last

    def end(self) -> None:
        """Kills it."""
        os.kill(self.id, signal.SIGKILL)
        os.waitpid(self.id, 0)
        os.close(self._read)


@contextmanager
def load(path: Path) -> Iterator[Load]:
    """Ends with the test."""
    running = Load(path)
    try:
        yield running
    finally:
        running.end()


def copied(path: Path) -> int:
    """How many numbers a copy has; it is whole, and they are the first ones."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        keys = [key for (key,) in connection.execute("SELECT key FROM pair ORDER BY key")]
    assert keys == list(range(len(keys)))
    assert len(keys) % 2 == 0
    return len(keys) // 2


@pytest.mark.skipif(not hasattr(os, "posix_spawn"), reason="the owner is a process of its own")
def test_a_copy_that_another_process_takes_under_load_is_a_prefix(tmp_path: Path) -> None:
    with load(tmp_path / "a.db") as running:
        before = -1
        for number in range(COPIES):
            before = running.acknowledged(wait=True)
            target = tmp_path / f"copy{number}.db"
            assert main(["backup", str(tmp_path / "a.db"), str(target)]) == 0
            assert copied(target) > before
            target.unlink()
        assert running.acknowledged(wait=True) > before  # it was never in the way


@pytest.mark.anyio
async def test_a_copy_that_the_owner_takes_under_load_is_a_prefix(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "a.db", clock=SystemClock()) as store:
        await store.migrate(
            "pairs",
            ["CREATE TABLE pair(key INTEGER PRIMARY KEY, half INTEGER NOT NULL, content BLOB) STRICT"],
        )
        last = -1

        async def write_on() -> None:
            nonlocal last
            while True:
                last = await store.write(Numbered(last + 1, bytes(300)))

        writing = asyncio.ensure_future(write_on())
        for number in range(5):
            await asyncio.sleep(0.02)
            before = last
            await store.backup(tmp_path / f"copy{number}.db")
            assert copied(tmp_path / f"copy{number}.db") > before
        writing.cancel()


class Flow(WorkflowEntrypoint[None, None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> list[object]:
        """A step before the copy, an event after it."""
        return [await step.do("first", lambda: 1), (await step.wait_for_event("gate", "go")).payload]


@pytest.mark.anyio
async def test_what_is_restored_goes_on(tmp_path: Path) -> None:
    async with Engine(tmp_path / "a.db", [Flow]) as engine:
        instance = await engine.workflow(Flow).create(id="a", params=None)
        while (await instance.status()).status != "waiting":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await engine.store.backup(tmp_path / "copy.db")
        await instance.send_event("go", "here")
        assert await instance.result() == [1, "here"]
    async with Engine(tmp_path / "copy.db", [Flow]) as engine:
        instance = engine.workflow(Flow).get("a")
        await instance.send_event("go", "there")
        assert await instance.result() == [1, "there"]


@pytest.mark.anyio
async def test_what_cannot_be_copied_is_said(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "a.db", clock=SystemClock()) as store:
        (tmp_path / "taken.db").touch()
        with pytest.raises(StoreError, match="exists already"):
            await store.backup(tmp_path / "taken.db")
        with pytest.raises(StoreError, match=r"could not be copied to .*nowhere"):
            await store.backup(tmp_path / "nowhere" / "copy.db")
    async with await Store.open(":memory:", clock=SystemClock()) as store:
        with pytest.raises(StoreError, match="in memory only"):
            await store.backup(tmp_path / "copy.db")
    with pytest.raises(StoreError, match="there is no such file"):
        await copy(tmp_path / "missing.db", tmp_path / "copy.db")


def test_a_data_folder_is_copied_as_a_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    (data / "private").mkdir(parents=True)
    for name in ("agents.db", "private/1.db"):
        with closing(sqlite3.connect(data / name)) as connection:
            connection.execute("CREATE TABLE t(x)")
    assert main(["backup", str(data), str(tmp_path / "copy")]) == 0
    assert sorted(str(file.relative_to(tmp_path / "copy")) for file in (tmp_path / "copy").rglob("*.db")) == [
        "agents.db",
        "private/1.db",
    ]
    assert main(["backup", str(data), str(tmp_path / "copy")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["backup", str(tmp_path / "none.db"), str(tmp_path / "copy2")]) == 2
    (tmp_path / "empty").mkdir()
    assert main(["backup", str(tmp_path / "empty"), str(tmp_path / "copy3")]) == 2
    assert "no such file" in capsys.readouterr().err
