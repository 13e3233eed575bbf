"""F6: a full disk is waited for: nothing is lost, reading goes on, nobody spins, and it ends soon."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from tests.fault.disk import Disk, failure
from tests.fault.other_sqlite import on_disk
from tests.fault.sizes import size
from tests.workflows.sqlite.pairs import PAIR, insert, keys
from workflows.clock import SystemClock
from workflows.errors import StoreError
from workflows.sqlite.connect import Connector, standard
from workflows.sqlite.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

FULL_FOR = size(3, 30)
WRITERS = 32
LARGE = 20_000


async def until(condition: Callable[[], bool]) -> None:
    """Looks again and again, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # a store tells nobody of its health
            await asyncio.sleep(0.01)


async def filled(
    path: Path, connector: Connector, fill: Callable[[], object], free: Callable[[], object]
) -> None:
    """A store under load whose disk is full for a while."""
    async with await Store.open(path, clock=SystemClock(), connector=connector) as store:
        await store.migrate("pairs", [PAIR])
        acknowledged: list[int] = []
        refused: list[BaseException] = []
        stopping = asyncio.Event()

        async def load(first: int) -> None:
            key = first
            while not stopping.is_set():
                try:
                    await store.write(insert(key, bytes(LARGE)))
                    acknowledged.append(key)
                except StoreError as error:
                    refused.append(error)
                key += WRITERS
                await asyncio.sleep(0.01)

        async with asyncio.TaskGroup() as tasks:
            for first in range(WRITERS):
                tasks.create_task(load(first))
            await until(lambda: len(acknowledged) >= WRITERS)
            fill()
            await until(lambda: not store.health.ok)
            assert "full; make room and write again" in store.health.reason
            before, cpu, begun = len(acknowledged), time.process_time(), time.monotonic()
            while time.monotonic() < begun + FULL_FOR:
                assert await store.read("SELECT 1") == [(1,)]
                await asyncio.sleep(0.1)
            busy = (time.process_time() - cpu) / (time.monotonic() - begun)
            assert len(acknowledged) == before
            free()
            begun = time.monotonic()
            await until(lambda: store.health.ok and len(acknowledged) > before)
            assert time.monotonic() - begun < 5
            stopping.set()
        assert busy < 0.5
        assert refused == [] or store.patience <= FULL_FOR
        assert set(acknowledged) <= set(await keys(store))


async def test_a_disk_that_was_full_is_written_again(tmp_path: Path) -> None:
    disk = Disk()
    full, tries = False, 0

    def fault(kind: str, file: str) -> None:
        nonlocal tries
        if full and kind == "write":
            tries += 1
            raise failure(apsw.SQLITE_FULL, "database or disk is full")

    def fill(now: bool) -> None:
        nonlocal full
        full = now

    disk.fault = fault
    await filled(tmp_path / "a.db", on_disk(disk), lambda: fill(True), lambda: fill(False))
    assert tries < 10 * FULL_FOR, "it spins, though a busy machine hides that"
    disk.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", place], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk could not be mounted: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


async def test_a_real_file_system_that_was_full_is_written_again(small_disk: Path) -> None:
    ballast = small_disk / "ballast"

    def fill() -> None:
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(65_536)):
                    pass
            except OSError:
                pass

    await filled(small_disk / "a.db", standard, fill, ballast.unlink)


async def test_whoever_does_not_want_to_wait_is_told_at_once(tmp_path: Path) -> None:
    disk = Disk()
    async with await Store.open(tmp_path / "a.db", clock=SystemClock(), connector=on_disk(disk)) as store:
        await store.migrate("pairs", [PAIR])
        store.patience = 0
        disk.fault = lambda kind, file: _full(kind)
        doomed = [store.write(insert(key)) for key in range(3)]
        for future in doomed:
            with pytest.raises(StoreError, match="make room and write again"):
                await future
        assert await keys(store) == []
        disk.fault = lambda kind, file: None
        await store.write(insert(1))
        assert store.health.ok
    disk.close()


async def test_closing_does_not_wait_for_room(tmp_path: Path) -> None:
    disk = Disk()
    store = await Store.open(tmp_path / "a.db", clock=SystemClock(), connector=on_disk(disk))
    await store.migrate("pairs", [PAIR])
    disk.fault = lambda kind, file: _full(kind)
    future = store.write(insert(1))
    await until(lambda: not store.health.ok)
    disk.fault = lambda kind, file: _full(kind) if file.endswith("-wal") else None
    begun = time.monotonic()
    await store.close()
    assert time.monotonic() - begun < 2
    assert isinstance(future.exception(), StoreError)
    disk.close()


def _full(kind: str) -> None:
    if kind == "write":
        raise failure(apsw.SQLITE_FULL, "database or disk is full")
