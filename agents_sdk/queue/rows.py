"""The items of one agent in the file: each verb is one write, or one read that an index answers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator

from agents_sdk.queue.item import Row, crc_of
from agents_sdk.retry import Patience
from workflows import Operation, Statement, Store

__all__ = ["Rows"]

_PAGE = 500
_COLUMNS = ", ".join(Row._fields)
_INSERT = """
INSERT INTO agent_item(agent, id, method, payload, created, attempts, base_delay, max_delay, crc)
VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_REPLACE = f"""
{_INSERT} ON CONFLICT(agent, id) DO UPDATE SET version = version + 1, method = excluded.method,
  payload = excluded.payload, created = excluded.created, attempts = excluded.attempts,
  base_delay = excluded.base_delay, max_delay = excluded.max_delay, attempt = 0, due = 0, error = NULL,
  crc = excluded.crc
"""
_DROP_DEAD = "DELETE FROM agent_item WHERE agent = ? AND id = ? AND dead = 1"
_HEAD = f"SELECT {_COLUMNS} FROM agent_item WHERE agent = ? AND dead = 0 ORDER BY place LIMIT 1"  # noqa: S608
_GET = f"SELECT {_COLUMNS} FROM agent_item WHERE agent = ? AND id = ?"  # noqa: S608  # constants only
_LIST = f"""
SELECT {_COLUMNS} FROM agent_item WHERE agent = ? AND dead = ? AND place > ?
ORDER BY place LIMIT {_PAGE}
"""  # noqa: S608
_DONE = "DELETE FROM agent_item WHERE place = ? AND version = ?"
_FAILED = "UPDATE agent_item SET attempt = ?, due = ?, error = ?, dead = ? WHERE place = ? AND version = ?"
_COUNTED = "UPDATE agent_item SET attempt = ? WHERE place = ? AND version = ?"
_DEAD = "UPDATE agent_item SET error = ?, dead = 1 WHERE place = ? AND version = ?"
_TAKE = "DELETE FROM agent_item WHERE agent = ?"
_REDRIVE = f"""
{_DROP_DEAD} RETURNING agent, id, method, payload, created, attempts, base_delay, max_delay, crc
"""


class Rows:
    """What is kept of the queue of one agent."""

    def __init__(self, store: Store, agent: int) -> None:
        self._store = store
        self._agent = agent

    def put(
        self, id: str, method: str, payload: bytes, *, created: float, patience: Patience, replace: bool
    ) -> asyncio.Future[int]:
        """Queues a new item; with `replace`, one that waits under this id gives its place to it."""
        how = (patience.attempts, patience.base_delay, patience.max_delay)
        crc = crc_of(payload, self._agent, id, method, created, *how)
        values = (self._agent, id, method, payload, created, *how, crc)
        if not replace:
            return self._store.write(Statement(_INSERT, values))
        return self._store.write(_replacement(self._agent, id, Statement(_REPLACE, values)))

    async def head(self) -> Row | None:
        """The next one that is to be called."""
        return _row(await self._store.read(_HEAD, (self._agent,)))

    async def get(self, id: str) -> Row | None:
        """The one with this id."""
        return _row(await self._store.read(_GET, (self._agent, id)))

    async def all(self, *, dead: bool) -> AsyncIterator[Row]:
        """Those that are to be called, in that order, or the dead."""
        place = 0
        while page := await self._store.read(_LIST, (self._agent, dead, place)):
            for values in page:
                row = Row(*values)
                place = row.place
                yield row

    async def done(self, row: Row) -> None:
        """It was called; what has taken its place meanwhile stays."""
        await self._store.write(Statement(_DONE, (row.place, row.version)))

    async def failed(self, row: Row, error: str, *, due: float | None) -> None:
        """A call has failed, and the next is due; None: it is dead."""
        values = (row.attempt + 1, due or 0.0, error, due is None, row.place, row.version)
        await self._store.write(Statement(_FAILED, values))

    def counted(self, row: Row, attempt: int) -> asyncio.Future[int]:
        """A call is counted before it is made."""
        return self._store.write(Statement(_COUNTED, (attempt, row.place, row.version)))

    def uncount(self, row: Row) -> None:
        """A call that was counted was cut off, and that is not its fault."""
        self.counted(row, row.attempt).add_done_callback(_looked_at)

    async def dead(self, row: Row, error: str) -> None:
        """It is not called any more."""
        await self._store.write(Statement(_DEAD, (error, row.place, row.version)))

    async def take(self, *, id: str | None = None, method: str | None = None) -> list[int]:
        """Deletes the one with this id, all with this method, or all; gives their places."""
        conditions = [("id = ?", id), ("method = ?", method)]
        given = [(sql, value) for sql, value in conditions if value is not None]
        query = " AND ".join([_TAKE, *(sql for sql, _ in given)]) + " RETURNING place"
        params = (self._agent, *(value for _, value in given))
        return await self._store.write(
            lambda connection: [place for (place,) in connection.execute(query, params).fetchall()]
        )

    async def redrive(self, id: str) -> bool:
        """Puts a dead one at the end of the queue, as if it were new."""
        agent = self._agent

        def redrive(connection: sqlite3.Connection) -> bool:
            dead = connection.execute(_REDRIVE, (agent, id)).fetchall()
            connection.executemany(_INSERT, dead)
            return bool(dead)

        return await self._store.write(redrive)


def _replacement(agent: int, id: str, replace: Statement) -> Operation[int]:
    def put(connection: sqlite3.Connection) -> int:
        connection.execute(_DROP_DEAD, (agent, id))  # it gives no place to anybody: the new one queues up
        return replace(connection)

    return put


def _looked_at(written: asyncio.Future[int]) -> None:
    if not written.cancelled():
        written.exception()  # a life that ends waits for no file; it is counted once too often then


def _row(found: list[tuple[object, ...]]) -> Row | None:
    return Row(*found[0]) if found else None  # type: ignore[arg-type]  # the columns of a STRICT table
