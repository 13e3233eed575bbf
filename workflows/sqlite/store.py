"""The file: one writer with group commit, readers, and one process that owns it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sqlite3
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import aiosqlite

from workflows.clock import Clock
from workflows.errors import StoreError
from workflows.sqlite.connect import MEMORY, claim_file, connect_reader, connect_writer, file_name
from workflows.sqlite.operation import Operation, Statement, Value
from workflows.sqlite.schema import Durability, Step, known, migration
from workflows.sqlite.writer import Writer

__all__ = ["Operation", "Statement", "Store"]

T = TypeVar("T")

_READERS = 2


class Store:
    """One SQLite file, owned by this process: what is acknowledged is on the disk.

    Belongs to the event loop it was opened on. An async context manager; closing waits for queued writes.
    """

    def __init__(
        self,
        path: str,
        *,
        clock: Clock,
        writer: Writer,
        readers: Sequence[aiosqlite.Connection],
        resources: contextlib.AsyncExitStack,
    ) -> None:
        self.path = path
        self._clock = clock
        self._writer = writer
        self._readers = itertools.cycle(readers) if readers else None
        self._resources = resources
        self._life = asyncio.create_task(self._live(), name=f"store {path}")

    @classmethod
    async def open(
        cls, path: str | os.PathLike[str], *, clock: Clock, durability: Durability = "full"
    ) -> Store:
        """Opens or creates the file; `":memory:"` lives as long as the store.

        Raises `StoreInUse` when another process owns it, `StoreError` when it is no file of ours.
        """
        name = file_name(path)
        async with contextlib.AsyncExitStack() as resources:
            if name != MEMORY:
                resources.callback(claim_file(name).release)
            connection = await connect_writer(name, durability, resources)
            writer = Writer(connection, name=name, clock=clock)
            resources.push_async_callback(_truncate_wal, connection, writer)
            readers = [await connect_reader(name, resources) for _ in range(_READERS) if name != MEMORY]
            store = cls(name, clock=clock, writer=writer, readers=readers, resources=resources.pop_all())
        await asyncio.sleep(0)  # its life has begun: a task that is cancelled before would close nothing
        return store

    def write(self, op: Operation[T]) -> asyncio.Future[T]:
        """Queues `op` in the order of the calls; the future resolves after COMMIT with what `op` returned.

        Cancelling the future gives up waiting: the write still happens. An error of `op` undoes `op` alone.
        Raises `StoreError` when the store is closed, `StoreFailed` after an error of the disk.
        """
        return self._writer.write(op)

    async def read(self, sql: str, params: Sequence[Value] = ()) -> list[tuple[Any, ...]]:
        """All rows of one query, as of the last COMMIT; a write is refused."""
        if self._writer.finishing:
            raise StoreError(f"{self.path} is closed: nothing more can be read")
        if self._readers is None:
            return await self._writer.write(lambda connection: _read_only(connection, sql, params))
        with self._clock.busy():
            return [tuple(row) for row in await next(self._readers).execute_fetchall(sql, params)]

    async def migrate(self, component: str, steps: Sequence[Step]) -> None:
        """Brings the tables of `component` up to version `len(steps)`; step n makes version n of n - 1.

        A step that was released never changes: append a new one. Refuses a file that is newer than `steps`.
        """
        version = await self.write(known(component, len(steps)))
        for number, step in enumerate(steps[version:], version + 1):
            await self.write(migration(component, number, step))

    async def close(self) -> None:
        """Waits until everything queued is written, then lets the file and its lock go."""
        self._writer.finish()
        await asyncio.wait([self._life])
        if not self._life.cancelled():
            self._life.result()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _live(self) -> None:
        # Also when the loop is torn down around an unclosed store: an open connection hangs the interpreter.
        try:
            await self._writer.run()
        finally:
            await self._resources.aclose()


async def _truncate_wal(connection: aiosqlite.Connection, writer: Writer) -> None:
    if not writer.broken:
        await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")


def _read_only(connection: sqlite3.Connection, sql: str, params: Sequence[Value]) -> list[tuple[Any, ...]]:
    connection.execute("PRAGMA query_only=ON")
    try:
        return connection.execute(sql, params).fetchall()
    finally:
        connection.execute("PRAGMA query_only=OFF")
