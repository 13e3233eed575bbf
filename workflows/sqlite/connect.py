"""How the connections to the file are opened: one that writes, some that read."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import aiosqlite

from workflows.errors import StoreError
from workflows.failpoint import failpoint
from workflows.sqlite.checksum import text
from workflows.sqlite.commit import GroupConnection
from workflows.sqlite.lock import claim
from workflows.sqlite.lost import report_lost, seen_in
from workflows.sqlite.schema import APPLICATION_ID, CREATE, Durability, reader_settings, writer_settings

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = [
    "MEMORY",
    "Connector",
    "claim_file",
    "connect_reader",
    "connect_writer",
    "file_name",
    "make_private",
    "standard",
    "value_of",
]

MEMORY = ":memory:"
_WAL_RESET_FIXED = (3, 51, 3)
_FULL = 2

_log = logging.getLogger(__name__)


def file_name(path: str | os.PathLike[str]) -> str:
    """One spelling per file, so that two spellings of a path meet at one lock."""
    name = os.fspath(path)
    return name if name == MEMORY else os.path.realpath(name)


def claim_file(name: str) -> BaseFileLock:
    """Owns the file until `.release()`."""
    path = Path(name)
    if not path.parent.is_dir():
        raise StoreError(f"cannot open {path}: make the folder {path.parent} first")
    if path.is_dir():
        raise StoreError(f"cannot open {path}: it is a folder, name a file in it")
    return claim(path)


def make_private(path: str | os.PathLike[str]) -> None:
    """A new file is for its owner only; what SQLite puts beside it is as it is."""
    with contextlib.suppress(OSError):  # it exists; or cannot be made, which SQLite says better
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


class Connector(Protocol):
    """Where connections come from: in tests, from another SQLite on a disk that can fail."""

    def __call__(self, path: str, *, writes: bool) -> aiosqlite.Connection:
        """A connection that is not opened yet; one that writes commits groups as `GroupConnection` does."""


def standard(path: str, *, writes: bool) -> aiosqlite.Connection:
    """The SQLite that Python brings."""
    if writes and path != MEMORY:
        make_private(path)
    kind = GroupConnection if writes else sqlite3.Connection
    return aiosqlite.connect(path, isolation_level=None, factory=kind)


async def connect_writer(
    path: str, durability: Durability, resources: contextlib.AsyncExitStack, connector: Connector = standard
) -> aiosqlite.Connection:
    """The one connection that writes and checkpoints; closed with `resources`."""
    seen = None if path == MEMORY else seen_in(path)
    connection = await resources.enter_async_context(connector(path, writes=True))
    connection.text_factory = text
    await _refuse_strangers(connection, path)
    await _set_up(connection, path, durability)
    if seen is not None:
        await report_lost(connection, path, seen)
    return connection


async def _refuse_strangers(connection: aiosqlite.Connection, path: str) -> None:
    mark = await value_of(connection, "PRAGMA application_id")
    tables = await value_of(connection, "SELECT count(*) FROM sqlite_master")
    if mark != APPLICATION_ID and (mark or tables):
        raise StoreError(f"{path} belongs to another program: choose another path")


async def _set_up(connection: aiosqlite.Connection, path: str, durability: Durability) -> None:
    for setting in writer_settings(durability):
        await connection.execute_fetchall(setting)
    if path != MEMORY and await value_of(connection, "PRAGMA journal_mode") != "wal":
        raise StoreError(f"cannot open {path}: SQLite has no WAL there, put it on a local disk")
    if not await value_of(connection, "SELECT count(*) FROM sqlite_master"):
        for statement in ("BEGIN IMMEDIATE", *CREATE, "COMMIT"):
            await connection.execute_fetchall(statement)
            failpoint("store.creating")
    if path == MEMORY:
        return
    version: str = await value_of(connection, "SELECT sqlite_version()")
    if tuple(map(int, version.split("."))) < _WAL_RESET_FIXED:
        warn_of_old_sqlite(version)
    if await value_of(connection, "PRAGMA synchronous") < _FULL:
        warn_of_power_cuts()


@functools.cache
def warn_of_old_sqlite(version: str) -> None:
    """Once in a process: it says something about the machine, not about one file."""
    _log.warning(
        "SQLite %s can corrupt a file when two programs write to it at once (fixed in 3.51.3): use a Python "
        "with a newer SQLite, and until then let no other program write to the files of this one",
        version,
    )


@functools.cache
def warn_of_power_cuts() -> None:
    """Once in a process: somebody chose it for all of it, most often."""
    _log.warning(
        "commits are not synced to the disk one by one: a power cut may lose the last acknowledged writes; "
        'open with durability="full" where that matters'
    )


async def connect_reader(
    path: str, resources: contextlib.AsyncExitStack, connector: Connector = standard
) -> aiosqlite.Connection:
    """A connection that cannot write; closed with `resources`."""
    connection = await resources.enter_async_context(connector(path, writes=False))
    connection.text_factory = text
    for setting in reader_settings():
        await connection.execute_fetchall(setting)
    return connection


async def value_of(connection: aiosqlite.Connection, sql: str) -> Any:
    """The only value of the only row."""
    [[value]] = await connection.execute_fetchall(sql)
    return value
