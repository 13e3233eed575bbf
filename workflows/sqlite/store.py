"""The file: one writer with group commit, readers, and one process that owns it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import aiosqlite

from workflows.clock import Clock
from workflows.errors import StoreError, StoreFailed
from workflows.failpoint import failpoint
from workflows.sqlite.backup import copy_file
from workflows.sqlite.commit import is_full
from workflows.sqlite.connect import (
    MEMORY,
    Connector,
    claim_file,
    connect_reader,
    connect_writer,
    file_name,
    standard,
)
from workflows.sqlite.health import Health
from workflows.sqlite.operation import Operation, Statement, Value
from workflows.sqlite.schema import Durability, Step, known, migration
from workflows.sqlite.wal import WriteAheadLog
from workflows.sqlite.writer import Writer

__all__ = ["Durability", "Health", "Operation", "Statement", "Store"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_READERS = 2
_CLOSED_BADLY = "closing {} failed ({}): what was acknowledged is in it and its log; check the disk"


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
        connector: Connector,
    ) -> None:
        self.path = path
        self._connector = connector
        self.clock = clock
        """By which those who keep times in the file go, too."""
        self._writer = writer
        self._readers = itertools.cycle(readers) if readers else None
        self._resources = resources
        self._life = asyncio.create_task(self._live(), name=f"store {path}")

    @classmethod
    async def open(
        cls,
        path: str | os.PathLike[str],
        *,
        clock: Clock,
        durability: Durability = "full",
        connector: Connector = standard,
    ) -> Store:
        """Opens or creates the file; `":memory:"` lives as long as the store.

        With `durability="relaxed"` a power cut may lose the last acknowledged writes, a crash loses none.
        Raises `StoreInUse` when another process owns it, `StoreError` when it is no file of ours.
        """
        name = file_name(path)
        try:
            async with contextlib.AsyncExitStack() as resources:
                if name != MEMORY:
                    resources.callback(claim_file(name).release)
                connection = await connect_writer(name, durability, resources, connector)
                failpoint("store.opened")
                wal = None if name == MEMORY else WriteAheadLog(name)
                writer = Writer(connection, name=name, clock=clock, wal=wal)
                resources.push_async_callback(_truncate_wal, connection, writer)
                readers = [
                    await connect_reader(name, resources, connector)
                    for _ in range(_READERS)
                    if name != MEMORY
                ]
                store = cls(
                    name,
                    clock=clock,
                    writer=writer,
                    readers=readers,
                    resources=resources.pop_all(),
                    connector=connector,
                )
        except sqlite3.Error as error:
            raise StoreError(f"cannot open {name}: {error}") from error
        try:
            await asyncio.sleep(0)  # its life has begun: a task that is cancelled before would close nothing
        except BaseException:
            await store.close()  # nobody else knows it
            raise
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
        with self.clock.busy():
            return [tuple(row) for row in await next(self._readers).execute_fetchall(sql, params)]

    async def room(self) -> None:
        """Waits while about 10,000 writes, or 20 MB, are queued: for whoever waits for none of its writes."""
        await self._writer.room()

    @property
    def health(self) -> Health:
        """Whether it can be written at the moment; when not, why, and what to do."""
        return self._writer.health

    @property
    def patience(self) -> float:
        """How many seconds a write waits for room on a full disk before it fails."""
        return self._writer.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._writer.patience = seconds

    async def backup(self, target: str | os.PathLike[str]) -> None:
        """Copies the file as of one moment to `target`, which must not exist; writing goes on meanwhile."""
        if self.path == MEMORY:
            raise StoreError("what is in memory only cannot be copied: open a file")
        await copy_file(self.path, Path(target), self._connector)

    async def migrate(self, component: str, steps: Sequence[Step]) -> None:
        """Brings the tables of `component` up to version `len(steps)`; step n makes version n of n - 1.

        All missing steps are one transaction; before the first one, the file is copied beside itself. A step
        that was released never changes: append a new one. Refuses a file that is newer than `steps`.
        """
        version = await self.write(known(component, len(steps)))
        if version == len(steps):
            return
        if version and self.path != MEMORY:
            await self._keep_copy(f"{self.path}.before-{component}-{version + 1}")
        await self.write(migration(component, steps))

    async def _keep_copy(self, target: str) -> None:
        if not os.path.exists(target):  # noqa: ASYNC240, PTH110  # an earlier try has made it, and then failed
            await self.backup(target)
            _log.info("%s is migrated; it is kept as it was as %s", self.path, target)

    async def close(self) -> None:
        """Waits until everything queued is written, then lets the file and its lock go."""
        failpoint("store.closing")
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
            failpoint("store.written_out")
            try:
                await self._resources.aclose()
            except sqlite3.Error as error:
                raise StoreFailed(_CLOSED_BADLY.format(self.path, error)) from error


async def _truncate_wal(connection: aiosqlite.Connection, writer: Writer) -> None:
    if writer.broken:
        return
    try:
        await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        if not is_full(error):  # then the log stays, and is read when the file is opened again
            raise


def _read_only(connection: sqlite3.Connection, sql: str, params: Sequence[Value]) -> list[tuple[Any, ...]]:
    connection.execute("PRAGMA query_only=ON")
    try:
        return connection.execute(sql, params).fetchall()
    finally:
        connection.execute("PRAGMA query_only=OFF")
