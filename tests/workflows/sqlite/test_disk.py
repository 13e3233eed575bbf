"""A full disk passes, a broken disk ends the writing; what is on the disk was synced there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.workflows.sqlite.pairs import insert, keys, opened
from workflows.clock import SystemClock
from workflows.errors import StoreError, StoreFailed
from workflows.sqlite import connect, wal, writer
from workflows.sqlite.store import Store

pytestmark = pytest.mark.anyio


async def setting(store: Store, name: str) -> object:
    """What the connection that writes says."""
    return await store.write(lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0])


async def test_a_live_store_is_wal_and_fully_synced(path: Path) -> None:
    async with opened(path) as store:
        settings = {
            name: await setting(store, name) for name in ("journal_mode", "synchronous", "auto_vacuum")
        }
        assert settings == {"journal_mode": "wal", "synchronous": 2, "auto_vacuum": 2}
        assert await store.read("PRAGMA wal_autocheckpoint") == [(0,)]


@pytest.mark.parametrize(("durability", "warned"), [("full", False), ("relaxed", True)])
async def test_weak_settings_are_said_at_the_start(
    path: Path, durability: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "workflows")
    connect.warn_of_old_sqlite.cache_clear()
    connect.warn_of_power_cuts.cache_clear()
    async with await Store.open(
        path, clock=SystemClock(), durability="full" if durability == "full" else "relaxed"
    ):
        pass
    assert ("a power cut may lose" in caplog.text) is warned
    assert ("3.51.3" in caplog.text) is (sqlite3.sqlite_version_info < (3, 51, 3))


async def test_a_full_disk_refuses_and_then_goes_on(path: Path) -> None:
    async with opened(path) as store:
        store.patience = 0  # fault/test_full_disk.py waits
        pages = await setting(store, "page_count")
        await setting(store, f"max_page_count={pages}")
        with pytest.raises(StoreError, match="full; make room and write again"):
            await store.write(insert(0, bytes(20_000)))
        too_much = [store.write(insert(key, bytes(20_000))) for key in range(3)]
        for future in too_much:
            with pytest.raises(StoreError, match="full; make room and write again"):
                await future
        assert await keys(store) == []
        await setting(store, "max_page_count=100000")
        await store.write(insert(1, bytes(20_000)))
        assert await keys(store) == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="the size limit of a process is a Unix one")
async def test_a_broken_disk_ends_the_writing_and_says_so(path: Path) -> None:
    import resource

    async with opened(path) as store:
        await store.write(insert(1))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name("pairs.db-wal").stat().st_size + 100, hard))
        try:
            doomed = [store.write(insert(key, bytes(9_000))) for key in range(2, 6_000)]
            await asyncio.wait(doomed)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert {type(future.exception()) for future in doomed} == {StoreFailed}
        with pytest.raises(StoreFailed, match=r"writing to .*pairs\.db failed \(disk I/O error\)"):
            store.write(insert(7))
        assert await keys(store) == [1]
        assert "check the disk, then start again" in store.health.reason
    async with opened(path) as again:
        assert again.health.ok
        assert await keys(again) == [1]


async def test_the_log_is_written_back_and_stays_small(path: Path) -> None:
    async with opened(path) as store:
        for number in range(60):
            await asyncio.gather(
                *(store.write(insert(200 * number + key, bytes(4_000))) for key in range(200))
            )
        largest = path.with_name("pairs.db-wal").stat().st_size
        assert await keys(store) == list(range(12_000))
    assert largest < 40_000_000 < path.stat().st_size  # noqa: ASYNC240


async def test_the_log_is_cut_to_nothing_when_nobody_writes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_IDLE", 0.05)
    async with opened(path) as store:
        await store.write(insert(1))
        log = path.with_name("pairs.db-wal")
        assert log.stat().st_size > 0
        async with asyncio.timeout(5):
            while log.stat().st_size:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await store.write(insert(2))
        assert await keys(store) == [1, 2]


async def test_a_reader_that_keeps_the_log_is_told_of(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(wal, "LARGEST", 1_000_000)
    monkeypatch.setattr(wal, "_PAGES", 100)
    async with opened(path) as store:
        await store.write(insert(0))
        with contextlib.closing(sqlite3.connect(path)) as reader:
            reader.execute("BEGIN").execute("SELECT count(*) FROM pair").fetchall()
            for key in range(1, 400):
                await store.write(insert(key, bytes(4_000)))
        assert caplog.text.count("a reader keeps it from being used again") == 1
