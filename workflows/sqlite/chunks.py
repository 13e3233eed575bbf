"""The chunks of steps in a SQLite file: every verb that writes is one operation of the store's writer."""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections.abc import Sequence

from workflows.entry import Key, State
from workflows.errors import Fenced, StoreError
from workflows.sqlite.checksum import checksum
from workflows.sqlite.promised import promised
from workflows.sqlite.store import Store
from workflows.streams.chunks import PAGE_BYTES, PAGE_PARTS, Chunk, Located

__all__ = ["SqliteChunks"]

_APPEND = """
INSERT INTO chunk(instance, ordinal, place, attempt, data, crc)
SELECT id, :ordinal, last + 1, :attempt, :part, :crc + last + 1
FROM instance, (SELECT coalesce((
    SELECT place FROM chunk WHERE instance = :instance AND ordinal = :ordinal AND place > 0
    ORDER BY place DESC LIMIT 1), 0) AS last)
WHERE id = :instance AND epoch = :epoch RETURNING place
"""
_MARK = """
INSERT INTO chunk(instance, ordinal, place, attempt, data, crc)
SELECT :instance, :ordinal, place + 1, :attempt, NULL, :crc + place + 1 FROM (
    SELECT place, attempt FROM chunk WHERE instance = :instance AND ordinal = :ordinal AND place > 0
    ORDER BY place DESC LIMIT 1)
WHERE attempt < :attempt
"""
_SPOOL = "INSERT INTO chunk(instance, ordinal, place, attempt, data) VALUES(?, ?, ?, ?, ?)"
_DISCARD = "DELETE FROM chunk WHERE instance = ? AND ordinal = ? AND place < 0"
_LOCATE = """
SELECT ordinal, state FROM entry
WHERE instance = ? AND kind = ? AND name = ? AND occurrence = ? ORDER BY ordinal LIMIT 1
"""
_PARTS = f"""
SELECT place, attempt, data, crc FROM chunk WHERE id IN (
    SELECT id FROM (
        SELECT id, coalesce(sum(length(data)) OVER (
            ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM (SELECT id, place, data FROM chunk WHERE instance = ? AND ordinal = ? AND place > ?
              ORDER BY place LIMIT {PAGE_PARTS}))
    WHERE before < {PAGE_BYTES})
ORDER BY place
"""  # noqa: S608  # constants only
_ROWS = """
SELECT data FROM chunk
WHERE instance = ? AND ordinal = ? AND attempt = ? AND place <= ? AND place > ? ORDER BY place DESC
"""


class SqliteChunks:
    """`Chunks` over a `Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, incarnation: int, epoch: int, ordinal: int, *, attempt: int, part: bytes) -> Future[int]:
        """See `Chunks.append`."""
        return promised(self._store, _Append(incarnation, epoch, ordinal, attempt, part))

    def start_over(self, incarnation: int, epoch: int, ordinal: int, *, attempt: int) -> Future[None]:
        """See `Chunks.start_over`."""

        def mark(connection: sqlite3.Connection) -> None:
            _check_lease(connection, incarnation, epoch)
            connection.execute(_DISCARD, (incarnation, ordinal))
            place = {"instance": incarnation, "ordinal": ordinal, "attempt": attempt}
            connection.execute(_MARK, {**place, "crc": _checksum(incarnation, ordinal, attempt, None)})

        return promised(self._store, mark)

    def spool(
        self, incarnation: int, epoch: int, ordinal: int, *, attempt: int, first: int, rows: Sequence[bytes]
    ) -> Future[None]:
        """See `Chunks.spool`."""
        numbered = [
            (incarnation, ordinal, -number, attempt, row) for number, row in enumerate(rows, start=first)
        ]
        return promised(self._store, _Spool(incarnation, epoch, numbered))

    def discard(self, incarnation: int, epoch: int, ordinal: int) -> Future[None]:
        """See `Chunks.discard`."""

        def delete(connection: sqlite3.Connection) -> None:
            _check_lease(connection, incarnation, epoch)
            connection.execute(_DISCARD, (incarnation, ordinal))

        return promised(self._store, delete)

    async def locate(self, incarnation: int, key: Key) -> Located | None:
        """See `Chunks.locate`."""
        found = await self._store.read(_LOCATE, (incarnation, int(key.kind), key.name, key.occurrence))
        if not found:
            return None
        [(ordinal, state)] = found
        return Located(ordinal, state in (State.DONE, State.FAILED))

    async def parts(self, incarnation: int, ordinal: int, after: int) -> list[Chunk]:
        """See `Chunks.parts`."""
        parts: list[Chunk] = []
        for *columns, crc in await self._store.read(_PARTS, (incarnation, ordinal, after)):
            chunk = Chunk(*columns)
            if crc not in (None, _checksum(incarnation, ordinal, chunk.attempt, chunk.data) + chunk.place):
                raise StoreError(
                    f"part {chunk.place} of this stream is damaged: restore the file from a backup"
                )
            parts.append(chunk)
        return parts

    async def rows(
        self, incarnation: int, ordinal: int, *, attempt: int, first: int, count: int
    ) -> list[bytes]:
        """See `Chunks.rows`."""
        places = (-first, -first - count)
        return [row for (row,) in await self._store.read(_ROWS, (incarnation, ordinal, attempt, *places))]


class _Append:
    """Writes one part after the last one."""

    __slots__ = ("_values", "size")

    def __init__(self, incarnation: int, epoch: int, ordinal: int, attempt: int, part: bytes) -> None:
        self._values = {
            "instance": incarnation,
            "epoch": epoch,
            "ordinal": ordinal,
            "attempt": attempt,
            "part": part,
            "crc": _checksum(incarnation, ordinal, attempt, part),
        }
        self.size = 50 + len(part)

    def __call__(self, connection: sqlite3.Connection) -> int:
        [(place,)] = connection.execute(_APPEND, self._values).fetchall() or [(0,)]
        if not place:
            raise Fenced(f"the lease of instance {self._values['instance']} is gone")
        return int(place)


class _Spool:
    """Writes rows of a result."""

    __slots__ = ("_epoch", "_incarnation", "_rows", "size")

    def __init__(self, incarnation: int, epoch: int, rows: list[tuple[int, int, int, int, bytes]]) -> None:
        self._incarnation = incarnation
        self._epoch = epoch
        self._rows = rows
        self.size = sum(len(row[-1]) for row in rows)

    def __call__(self, connection: sqlite3.Connection) -> None:
        _check_lease(connection, self._incarnation, self._epoch)
        connection.executemany(_SPOOL, self._rows)


def _checksum(incarnation: int, ordinal: int, attempt: int, part: bytes | None) -> int:
    """Of a part; its place, which only the statement knows that writes it, is added there."""
    return checksum((incarnation, ordinal, attempt), part)


def _check_lease(connection: sqlite3.Connection, incarnation: int, epoch: int) -> None:
    found = connection.execute("SELECT 1 FROM instance WHERE id = ? AND epoch = ?", (incarnation, epoch))
    if not found.fetchall():
        raise Fenced(f"the lease of instance {incarnation} is gone")
