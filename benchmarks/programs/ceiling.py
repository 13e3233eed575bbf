"""The ceiling: the same group commit without an engine, through `sqlite3` and through `aiosqlite`.

A row is what a step leaves: about 200 bytes, found by a unique (instance, seq). WAL, synchronous FULL. What
is queued while a transaction is under way is the next transaction.

When it `works`, it also does what a step asks of whoever runs it, and nothing else: the function is called,
its model becomes JSON and is read back, and both are compared. No engine that keeps its results can do less.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

import aiosqlite
from pydantic import TypeAdapter

from benchmarks.child import Reply, Request, answer
from benchmarks.load import measured
from benchmarks.programs.steps import Receipt, pay

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA cache_size = -65536",
    "PRAGMA secure_delete = OFF",
)
_TABLE = """
CREATE TABLE entry(
  id INTEGER PRIMARY KEY, instance INTEGER NOT NULL, seq INTEGER NOT NULL, name TEXT NOT NULL,
  state INTEGER NOT NULL, at INTEGER NOT NULL, result BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX entry_place ON entry(instance, seq);
"""
_INSERT = "INSERT INTO entry(instance, seq, name, state, at, result) VALUES (?, ?, ?, ?, ?, ?)"
_RESULT = bytes(range(200))
_MODEL = TypeAdapter(Receipt)

Row = tuple[int, int, str, int, int, bytes]
Group = list[tuple[asyncio.Future[None], Row]]


class Writer(Protocol):
    """Writes rows durably."""

    def write(self, row: Row) -> Awaitable[None]:
        """Durable when it is over."""

    async def close(self) -> None:
        """Nothing more is written."""


class Threaded:
    """One thread with the one connection; groups go there and back by one hop."""

    def __init__(self, file: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._file = file
        self._waiting: Group = []
        self._busy = False
        self._groups: SimpleQueue[Group | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def write(self, row: Row) -> asyncio.Future[None]:
        """Joins the next group."""
        future = self._loop.create_future()
        self._waiting.append((future, row))
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._next)
        return future

    async def close(self) -> None:
        """After the last group."""
        self._groups.put(None)
        await asyncio.to_thread(self._thread.join)

    def _next(self) -> None:
        group, self._waiting = self._waiting, []
        self._busy = bool(group)
        if group:
            self._groups.put(group)

    def _written(self, group: Group) -> None:
        self._next()
        for future, _ in group:
            future.set_result(None)

    def _run(self) -> None:
        with closing(sqlite3.connect(self._file, isolation_level=None)) as connection:
            for setting in _SETTINGS:
                connection.execute(setting)
            connection.executescript(_TABLE)
            while (group := self._groups.get()) is not None:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(_INSERT, [row for _, row in group])
                connection.execute("COMMIT")
                self._loop.call_soon_threadsafe(self._written, group)


class Aiosqlite:
    """A task with the one connection; a group takes the three calls of a transaction."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._waiting: Group = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    @classmethod
    async def open(cls, file: Path) -> Aiosqlite:
        """With its table."""
        connection = await aiosqlite.connect(file, isolation_level=None)
        for setting in _SETTINGS:
            await connection.execute_fetchall(setting)
        await connection.executescript(_TABLE)
        return cls(connection)

    def write(self, row: Row) -> asyncio.Future[None]:
        """Joins the next group."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((future, row))
        self._news.set()
        return future

    async def close(self) -> None:
        """After the last group."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._connection.close()

    async def _run(self) -> None:
        while await self._news.wait():
            self._news.clear()
            group, self._waiting = self._waiting, []
            await self._connection.execute("BEGIN IMMEDIATE")
            await self._connection.executemany(_INSERT, [row for _, row in group])
            await self._connection.execute("COMMIT")
            for future, _ in group:
                future.set_result(None)


async def _worked(number: int) -> tuple[bytes, int]:
    """What is kept of one call, and what its caller makes of it."""
    receipt = await pay(number)
    stored = _MODEL.dump_json(receipt)
    again = _MODEL.validate_json(stored)
    if again != receipt:
        raise ValueError(f"{receipt} came back as {again}")
    return stored, again.amount


async def _measured(request: Request) -> Reply:
    file = Path(request["folder"]) / "ceiling.db"
    writer: Writer = Threaded(file) if request["through"] == "sqlite3" else await Aiosqlite.open(file)

    async def one(number: int) -> bool:
        for seq in range(request["steps"]):
            await writer.write((number, seq, "step", 2, 1_700_000_000_000, _RESULT))
        return True

    async def one_with_work(number: int) -> bool:
        steps, total = request["steps"], 0
        for seq in range(steps):
            stored, amount = await _worked(seq)
            await writer.write((number, seq, f"step {seq}", 2, 1_700_000_000_000, stored))
            total += amount
        return total == sum(range(steps))

    try:
        told = await measured(request, one_with_work if request["works"] else one)
    finally:
        await writer.close()
    with closing(sqlite3.connect(file)) as connection:
        [present] = connection.execute("SELECT count(*) FROM entry").fetchone()
    return {**told, "present": present}


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
