"""The ledger in a SQLite file: every verb is one operation of the store's writer."""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections.abc import Iterable, Sequence
from typing import Any, Self

import orjson

from workflows import lifecycle
from workflows.backend import InboxEvent, Instance, NewInstance, Ref
from workflows.clock import Clock
from workflows.entry import Entry, Moment
from workflows.errors import Fenced, InstanceFinished, InstanceNotFound
from workflows.ledger import Applied, Change, Claim
from workflows.lifecycle import Effect
from workflows.sqlite.chunks import SqliteChunks, forget_chunks
from workflows.sqlite.store import Store
from workflows.sqlite.tables import (
    ENTRY,
    INSTANCE,
    MIGRATIONS,
    PUT,
    entry_of,
    entry_row,
    event_of,
    instance_of,
    moment_of,
    only_row,
)
from workflows.types import FINAL, Status, Usage

__all__ = ["SqliteLedger"]

_INSERT = """
INSERT INTO instance(workflow, name, status, epoch, params, created) VALUES(?, ?, 'running', 1, ?, ?)
ON CONFLICT(workflow, name) DO NOTHING
"""
_UPDATE = """
UPDATE instance
SET status = ?, epoch = ?, output = ?, error = ?, finished = ?, paused = ?, reason = ?, unasked = ?
WHERE id = ?
"""
_MOMENT = "INSERT INTO moment(instance, place, type, at) VALUES(?, ?, ?, ?)"


class SqliteLedger:
    """`Ledger` over a `Store`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.chunks = SqliteChunks(store)

    @classmethod
    async def over(cls, store: Store, clock: Clock) -> Self:
        """A ledger in this file; makes its tables."""
        await store.migrate("workflows", MIGRATIONS)
        return cls(store, clock)

    def insert(self, new: Sequence[NewInstance], moments: Sequence[Moment]) -> Future[list[Instance | None]]:
        """See `Ledger.insert`."""
        at = self._clock.now()
        return self._store.write(lambda connection: [_insert(connection, one, moments, at) for one in new])

    async def find(self, workflow: str, id: str) -> Instance | None:
        """See `Ledger.find`."""
        where = f"SELECT {INSTANCE} FROM instance WHERE workflow = ? AND name = ?"  # noqa: S608
        rows = await self._store.read(where, (workflow, id))
        return instance_of(rows[0]) if rows else None

    async def read(self, incarnation: int) -> Instance | None:
        """See `Ledger.read`."""
        rows = await self._store.read(f"SELECT {INSTANCE} FROM instance WHERE id = ?", (incarnation,))  # noqa: S608
        return instance_of(rows[0]) if rows else None

    async def usage(self, incarnation: int) -> Usage:
        """See `Ledger.usage`."""
        [row] = await self._store.read(
            "SELECT count(*), coalesce(sum(attempts), 0), coalesce(sum(active), 0.0) FROM entry"
            " WHERE instance = ? AND kind = 0",
            (incarnation,),
        )
        return Usage(*row)

    def history(self, incarnation: int) -> Future[tuple[list[Moment], list[Entry]]]:
        """See `Ledger.history`."""
        return self._store.write(
            lambda connection: (_moments(connection, incarnation), _entries(connection, incarnation))
        )

    def claim(self, workflows: Iterable[str]) -> Future[list[Claim]]:
        """See `Ledger.claim`."""
        wanted = tuple(workflows)
        return self._store.write(lambda connection: _claim(connection, wanted))

    def put(self, incarnation: int, epoch: int, entry: Entry, *, consume: int | None) -> Future[None]:
        """See `Ledger.put`."""
        row = (incarnation, *entry_row(entry), incarnation, epoch)
        return self._store.write(_Put(row, consume))

    def deliver(self, incarnation: int, type: str, payload: bytes, at: float) -> Future[InboxEvent]:
        """See `Ledger.deliver`."""
        return self._store.write(lambda connection: _deliver(connection, incarnation, type, payload, at))

    def transition(self, incarnation: int, change: Change) -> Future[Applied | None]:
        """See `Ledger.transition`."""
        return self._store.write(lambda connection: _transition(connection, incarnation, change))


class _Put:
    """Writes one entry and takes the event that it received out of the inbox."""

    __slots__ = ("_consume", "_row", "size")

    def __init__(self, row: tuple[Any, ...], consume: int | None) -> None:
        self._row = row
        self._consume = consume
        self.size = 200 + len(row[9] or b"") + len(row[10] or b"")

    def __call__(self, connection: sqlite3.Connection) -> None:
        if connection.execute(PUT, self._row).rowcount != 1:
            raise Fenced(f"the lease of instance {self._row[0]} is gone")
        if self._consume is not None:
            connection.execute("DELETE FROM event WHERE id = ?", (self._consume,))


def _transition(connection: sqlite3.Connection, incarnation: int, change: Change) -> Applied | None:
    """Applies the lifecycle table inside the transaction."""
    epoch, before = _known(connection, incarnation)
    if change.epoch is not None and epoch != change.epoch:
        raise Fenced(f'the lease of "{before.ref.id}" is gone')
    paused_for = 0.0 if before.paused_at is None else change.at - before.paused_at
    entries = _entries(connection, incarnation) if before.status == "paused" else []
    done = lifecycle.apply(before.status, entries, change.command, idle=change.idle, paused_for=paused_for)
    if done is None:
        return None
    if done.rule.effect is Effect.WIPE:
        _wipe(connection, incarnation)
    for entry, due in done.dues:
        connection.execute(
            "UPDATE entry SET due = ? WHERE instance = ? AND ordinal = ?", (due, incarnation, entry.ordinal)
        )
    _show(connection, incarnation, done.moments(change.at, change.order))
    epoch += done.rule.fences
    _update(connection, incarnation, done.rule.status, epoch, change)
    return Applied(done, _known(connection, incarnation)[1], epoch)


def _update(
    connection: sqlite3.Connection, incarnation: int, status: Status, epoch: int, change: Change
) -> None:
    ending = change.ending
    unasked = orjson.dumps(ending.unasked).decode() if ending.unasked else None
    finished = change.at if status in FINAL else None
    paused = change.at if status == "paused" else None
    connection.execute(
        _UPDATE,
        (status, epoch, ending.output, ending.error, finished, paused, ending.reason, unasked, incarnation),
    )


def _insert(
    connection: sqlite3.Connection, new: NewInstance, moments: Sequence[Moment], at: float
) -> Instance | None:
    cursor = connection.execute(_INSERT, (new.workflow, new.id, new.params, at))
    if cursor.rowcount != 1:
        return None
    incarnation = cursor.lastrowid
    assert incarnation is not None
    _show(connection, incarnation, moments)
    return Instance(Ref(new.workflow, new.id, incarnation), "running", new.params, at)


def _claim(connection: sqlite3.Connection, workflows: Sequence[str]) -> list[Claim]:
    marks = ", ".join("?" * len(workflows))
    where = f"WHERE finished IS NULL AND workflow IN ({marks})"
    connection.execute(f"UPDATE instance SET epoch = epoch + 1 {where}", workflows)  # noqa: S608
    rows = connection.execute(
        f"SELECT epoch, {INSTANCE} FROM instance {where} ORDER BY id",  # noqa: S608
        workflows,
    ).fetchall()
    claims = []
    for epoch, *row in rows:
        instance = instance_of(tuple(row))
        incarnation = instance.ref.incarnation
        entries, moments = _entries(connection, incarnation), _moments(connection, incarnation)
        claims.append(Claim(instance, epoch, entries, _inbox(connection, incarnation), moments))
    return claims


def _deliver(
    connection: sqlite3.Connection, incarnation: int, type: str, payload: bytes, at: float
) -> InboxEvent:
    _, instance = _known(connection, incarnation)
    if instance.status in FINAL:
        raise InstanceFinished(f'"{instance.ref.id}" is {instance.status}: nobody receives "{type}"')
    cursor = connection.execute(
        "INSERT INTO event(instance, type, payload, at) VALUES(?, ?, ?, ?)", (incarnation, type, payload, at)
    )
    assert cursor.lastrowid is not None
    return InboxEvent(cursor.lastrowid, type, payload, at)


def _known(connection: sqlite3.Connection, incarnation: int) -> tuple[int, Instance]:
    row = only_row(connection, f"SELECT epoch, {INSTANCE} FROM instance WHERE id = ?", incarnation)  # noqa: S608
    if row is None:
        raise InstanceNotFound(f"instance.not_found: incarnation {incarnation} was deleted")
    return row[0], instance_of(row[1:])


def _entries(connection: sqlite3.Connection, incarnation: int) -> list[Entry]:
    rows = connection.execute(
        f"SELECT {ENTRY} FROM entry WHERE instance = ? ORDER BY ordinal",  # noqa: S608
        (incarnation,),
    ).fetchall()  # a refused row must not leave a statement open: the file could not be closed
    return [entry_of(row) for row in rows]


def _moments(connection: sqlite3.Connection, incarnation: int) -> list[Moment]:
    rows = connection.execute(
        "SELECT place, type, at FROM moment WHERE instance = ? ORDER BY place", (incarnation,)
    )
    return [moment_of(row) for row in rows]


def _inbox(connection: sqlite3.Connection, incarnation: int) -> list[InboxEvent]:
    rows = connection.execute(
        "SELECT id, type, payload, at FROM event WHERE instance = ? ORDER BY id", (incarnation,)
    )
    return [event_of(row) for row in rows]


def _show(connection: sqlite3.Connection, incarnation: int, moments: Iterable[Moment]) -> None:
    connection.executemany(_MOMENT, [(incarnation, m.order, m.type, m.at) for m in moments])


def _wipe(connection: sqlite3.Connection, incarnation: int) -> None:
    for table in ("entry", "event", "moment"):
        connection.execute(f"DELETE FROM {table} WHERE instance = ?", (incarnation,))  # noqa: S608
    forget_chunks(connection, incarnation)
