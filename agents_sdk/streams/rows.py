"""The streams of one agent in the file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

from agents_sdk.checksum import checksum, is_whole
from agents_sdk.errors import StreamError
from agents_sdk.streams.stream import Row, StreamChunk, StreamState, decoded
from workflows import Statement, Store

__all__ = ["Rows"]

_PAGE_CHUNKS = 256
_PAGE_BYTES = 1 << 20
_COLUMNS = ", ".join(Row._fields)
_OPEN = """
INSERT INTO agent_stream(agent, name, tag, metadata, created, last) VALUES(?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING number
"""
_FIND = f"SELECT {_COLUMNS} FROM agent_stream WHERE agent = ? AND name = ?"  # noqa: S608  # constants only
_LIST = f"""
SELECT {_COLUMNS} FROM agent_stream WHERE agent = ? AND name > ? AND (? IS NULL OR tag = ?)
ORDER BY name LIMIT ?
"""  # noqa: S608
_GROW = """
UPDATE agent_stream SET last = last + ? WHERE agent = ? AND name = ? AND state = 'open'
RETURNING number, last
"""
_APPEND = "INSERT INTO agent_chunk(stream, place, value, crc) VALUES(?, ?, ?, ?)"
_PAGE = f"""
SELECT place, value, crc FROM agent_chunk WHERE id IN (
    SELECT id FROM (
        SELECT id, coalesce(sum(length(value)) OVER (
            ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
        FROM (SELECT id, place, value FROM agent_chunk WHERE stream = ? AND place > ?
              ORDER BY place LIMIT {_PAGE_CHUNKS}))
    WHERE before < {_PAGE_BYTES})
ORDER BY place
"""  # noqa: S608
_END = """
UPDATE agent_stream SET state = ?, error = ?, ended = ? WHERE agent = ? AND name = ? AND state = 'open'
"""


class Rows:
    """What is kept of the streams of one agent."""

    def __init__(self, store: Store, agent: int) -> None:
        self._store = store
        self._agent = agent

    async def open(self, name: str, *, tag: str | None, metadata: bytes | None, at: float) -> Row:
        """A new stream, or the one that there is."""
        agent = self._agent

        def open_(connection: sqlite3.Connection) -> Row:
            connection.execute(_OPEN, (agent, name, tag, metadata, at, 0)).fetchall()
            return Row(*connection.execute(_FIND, (agent, name)).fetchone())

        return await self._store.write(open_)

    def append(self, name: str, chunks: Sequence[bytes], *, at: float) -> asyncio.Future[int]:
        """More chunks of a stream, which may be new; the offset of the last. Raises `StreamError`."""
        return self._store.write(_Append(self._agent, name, chunks, at))

    async def find(self, name: str) -> Row | None:
        """The stream with this name."""
        found = await self._store.read(_FIND, (self._agent, name))
        return Row(*found[0]) if found else None

    async def list(self, tag: str | None, *, after: str, limit: int) -> Sequence[Row]:
        """Streams by name, behind one."""
        rows = await self._store.read(_LIST, (self._agent, after, tag, tag, limit))
        return [Row(*row) for row in rows]

    async def page(self, number: int, after: int) -> Sequence[StreamChunk]:
        """The next chunks after an offset, not too many at once."""
        rows = await self._store.read(_PAGE, (number, after))
        return [_chunk(number, *row) for row in rows]

    async def end(self, name: str, state: StreamState, error: str | None, *, at: float) -> bool:
        """It has ended; false when it is not open."""
        return await self._store.write(Statement(_END, (state, error, at, self._agent, name))) == 1

    async def delete(self, name: str) -> bool:
        """Deletes a stream with all its chunks."""
        agent = self._agent

        def delete(connection: sqlite3.Connection) -> bool:
            query = "DELETE FROM agent_stream WHERE agent = ? AND name = ? RETURNING number"
            found = connection.execute(query, (agent, name)).fetchall()
            connection.executemany("DELETE FROM agent_chunk WHERE stream = ?", found)
            return bool(found)

        return await self._store.write(delete)


def _chunk(number: int, place: int, value: bytes, crc: int | None) -> StreamChunk:
    if not is_whole(crc, value, number, place):
        raise StreamError(
            f"chunk {place} of this stream is damaged: restore the file from a backup, or read on after it"
        )
    return StreamChunk(place, decoded(value))


class _Append:
    """The operation that appends chunks."""

    __slots__ = ("_agent", "_at", "_chunks", "_name", "size")

    def __init__(self, agent: int, name: str, chunks: Sequence[bytes], at: float) -> None:
        self._agent = agent
        self._name = name
        self._chunks = chunks
        self._at = at
        self.size = sum(map(len, chunks))

    def __call__(self, connection: sqlite3.Connection) -> int:
        count = len(self._chunks)
        grown = connection.execute(_GROW, (count, self._agent, self._name)).fetchone()
        if grown is None:
            new = (self._agent, self._name, None, None, self._at, count)
            opened = connection.execute(_OPEN, new).fetchone()
            if opened is None:
                raise StreamError(f'stream "{self._name}" has ended: delete it, or use another name')
            grown = (opened[0], count)
        number, last = grown
        first = last - count + 1
        places = enumerate(self._chunks, start=first)
        rows = [(number, place, chunk, checksum(chunk, number, place)) for place, chunk in places]
        connection.executemany(_APPEND, rows)
        return int(last)
