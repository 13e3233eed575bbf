"""How the connections to the file are opened: one that writes, some that read."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sqlite3
from pathlib import Path
from typing import Any

import aiosqlite
from filelock import BaseFileLock

from workflows.errors import StoreError
from workflows.sqlite.commit import GroupConnection
from workflows.sqlite.lock import claim
from workflows.sqlite.schema import APPLICATION_ID, CREATE, Durability, reader_settings, writer_settings

__all__ = ["MEMORY", "claim_file", "connect_reader", "connect_writer", "file_name"]

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


async def connect_writer(
    path: str, durability: Durability, resources: contextlib.AsyncExitStack
) -> aiosqlite.Connection:
    """The one connection that writes and checkpoints; closed with `resources`."""
    try:
        connection = await resources.enter_async_context(
            aiosqlite.connect(path, isolation_level=None, factory=GroupConnection)
        )
        await _refuse_strangers(connection, path)
        await _set_up(connection, path, durability)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"cannot open {path}: {error}") from error
    return connection


async def _refuse_strangers(connection: aiosqlite.Connection, path: str) -> None:
    mark = await _value(connection, "PRAGMA application_id")
    tables = await _value(connection, "SELECT count(*) FROM sqlite_master")
    if mark != APPLICATION_ID and (mark or tables):
        raise StoreError(f"{path} belongs to another program: choose another path")


async def _set_up(connection: aiosqlite.Connection, path: str, durability: Durability) -> None:
    for setting in writer_settings(durability):
        await connection.execute_fetchall(setting)
    if path != MEMORY and await _value(connection, "PRAGMA journal_mode") != "wal":
        raise StoreError(f"cannot open {path}: SQLite has no WAL there, put it on a local disk")
    if not await _value(connection, "SELECT count(*) FROM sqlite_master"):
        for statement in ("BEGIN IMMEDIATE", *CREATE, "COMMIT"):
            await connection.execute_fetchall(statement)
    if path != MEMORY and sqlite3.sqlite_version_info < _WAL_RESET_FIXED:
        warn_of_old_sqlite()
    if await _value(connection, "PRAGMA synchronous") < _FULL:
        _log.warning("%s is not synced at every commit: a power cut may lose acknowledged writes", path)


@functools.cache
def warn_of_old_sqlite() -> None:
    """Once in a process: it says something about the machine, not about one file."""
    _log.warning(
        "SQLite %s can corrupt a WAL file when two programs write to it at once (fixed in 3.51.3): "
        "let no other program write to the files of this one",
        sqlite3.sqlite_version,
    )


async def connect_reader(path: str, resources: contextlib.AsyncExitStack) -> aiosqlite.Connection:
    """A connection that cannot write; closed with `resources`."""
    connection = await resources.enter_async_context(aiosqlite.connect(path, isolation_level=None))
    for setting in reader_settings():
        await connection.execute_fetchall(setting)
    return connection


async def _value(connection: aiosqlite.Connection, sql: str) -> Any:
    [[value]] = await connection.execute_fetchall(sql)
    return value
