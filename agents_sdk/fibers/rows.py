"""The fibers of one agent in the file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Collection, Sequence
from typing import get_args

from agents_sdk.checksum import checksum
from agents_sdk.fibers.fiber import FiberStatus, Resolution, Row, crc_of
from workflows import Statement, Store

__all__ = ["Rows"]

_COLUMNS = ", ".join(Row._fields)
_INSERT = f"""
INSERT INTO agent_fiber(agent, id, name, key, retained, status, metadata, created, started, crc)
VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}
"""
_SELECT = f"SELECT {_COLUMNS} FROM agent_fiber WHERE agent = ? AND "  # noqa: S608  # constants only
_RETAINED = f"{_SELECT} retained = 1 AND "
_LIST = f"""
{_RETAINED} number > coalesce((SELECT number FROM agent_fiber WHERE agent = ? AND id = ?), 0)
AND status = coalesce(?, status) AND name = coalesce(?, name) ORDER BY number LIMIT ?
"""  # noqa: S608
_BEGIN = "UPDATE agent_fiber SET status = 'running', started = ? WHERE number = ? AND status = 'pending'"
_STASH = "UPDATE agent_fiber SET snapshot = ?, held = ? WHERE number = ?"
_END = """
UPDATE agent_fiber SET status = ?, error = ?, ended = ?, owed = 0
WHERE number = ? AND status IN ('pending', 'running')
"""
_CANCEL = """
UPDATE agent_fiber SET status = 'aborted', ended = ?, owed = 0
WHERE agent = ? AND id = ? AND retained = 1 AND status IN ('pending', 'running') RETURNING number
"""
_INTERRUPT = """
UPDATE agent_fiber SET status = 'interrupted', interrupted = coalesce(interrupted, ?)
WHERE agent = ? AND owed = 1
"""
_RECOVERED = """
UPDATE agent_fiber SET owed = 0, status = coalesce(?, status), ended = coalesce(ended, ?)
WHERE number = ? AND status = 'interrupted'
"""
_MISSED = "UPDATE agent_fiber SET attempt = attempt + 1, error = ? WHERE number = ?"
_RESOLVE = """
UPDATE agent_fiber SET status = ?, error = ?, ended = ?, owed = 0
WHERE agent = ? AND id = ? AND retained = 1 AND status = 'interrupted'
"""
_DAMAGED = "UPDATE agent_fiber SET status = 'error', error = ?, ended = ?, owed = 0 WHERE number = ?"
_DELETE = "DELETE FROM agent_fiber WHERE number = ?"
_CLEAR = f"""
DELETE FROM agent_fiber WHERE agent = ? AND retained = 1 AND owed = 0
AND CASE WHEN status IN {get_args(FiberStatus)} THEN status ELSE 'error' END
IN (SELECT value FROM json_each(?)) AND id = coalesce(?, id)
AND coalesce(ended, created) < coalesce(?, 1e18)
"""  # noqa: S608  # constants only; a status that is none is that of a damaged one


class Rows:
    """What is kept of the fibers of one agent."""

    def __init__(self, store: Store, agent: int) -> None:
        self._store = store
        self._agent = agent

    def insert(self, id: str, name: str, *, at: float) -> asyncio.Future[Row]:
        """One that is not retained, and runs."""
        crc = crc_of(None, self._agent, id, name, None, 0, at)
        values = (self._agent, id, name, None, 0, "running", None, at, at, crc)
        return self._store.write(lambda connection: Row(*connection.execute(_INSERT, values).fetchone()))

    def accept(
        self, id: str, name: str, *, key: str | None, metadata: bytes | None, at: float
    ) -> asyncio.Future[tuple[Row, bool]]:
        """A new one that is pending, or the one that has its key or its id; and whether it is new."""
        agent = self._agent
        crc = crc_of(metadata, agent, id, name, key, 1, at)
        values = (agent, id, name, key, 1, "pending", metadata, at, None, crc)

        def accept(connection: sqlite3.Connection) -> tuple[Row, bool]:
            for condition, value in ((f"{_SELECT} key = ?", key), (f"{_SELECT} id = ?", id)):
                found = connection.execute(condition, (agent, value)).fetchone()
                if found:
                    return Row(*found), False
            return Row(*connection.execute(_INSERT, values).fetchone()), True

        return self._store.write(accept)

    async def begin(self, row: Row, *, at: float) -> bool:
        """Its function is called next; false: it was cancelled."""
        return await self._store.write(Statement(_BEGIN, (at, row.number))) == 1

    async def stash(self, row: Row, snapshot: bytes) -> None:
        """Its new snapshot."""
        await self._store.write(Statement(_STASH, (snapshot, checksum(snapshot, row.number), row.number)))

    async def end(self, row: Row, status: FiberStatus, *, error: str | None = None, at: float) -> None:
        """Its function has ended; one that was cancelled meanwhile stays that."""
        await self._store.write(Statement(_END, (status, error, at, row.number)))

    async def drop(self, row: Row) -> None:
        """Nothing more is known of it."""
        await self._store.write(Statement(_DELETE, (row.number,)))

    async def interrupt(self, *, at: float) -> list[Row]:
        """At a start no function runs: those that are left are interrupted, in the order of their making."""
        query, agent = f"{_SELECT} owed = 1 ORDER BY number", self._agent
        if not await self._store.read(query, (agent,)):
            return []

        def interrupt(connection: sqlite3.Connection) -> list[Row]:
            connection.execute(_INTERRUPT, (at, agent))
            return [Row(*row) for row in connection.execute(query, (agent,)).fetchall()]

        return await self._store.write(interrupt)

    async def recovered(self, row: Row, resolution: Resolution | None, *, at: float) -> None:
        """Nobody has to hear of it any more."""
        if not row.retained:
            await self.drop(row)
            return
        ended = None if resolution is None else at
        await self._store.write(Statement(_RECOVERED, (resolution, ended, row.number)))

    async def missed(self, row: Row, error: str) -> None:
        """Its recovery has failed once more."""
        await self._store.write(Statement(_MISSED, (error, row.number)))

    async def damaged(self, row: Row, why: str, *, at: float) -> None:
        """Nobody can hear of it; what is left of it stays."""
        await self._store.write(Statement(_DAMAGED, (why, at, row.number)))

    async def owed(self, row: Row) -> Row | None:
        """As it is now, if somebody has to hear of it yet."""
        return await self._one(f"{_SELECT} number = ? AND owed = 1", row.number)

    async def get(self, id: str) -> Row | None:
        """The retained one with this id."""
        return await self._one(f"{_RETAINED} id = ?", id)

    async def get_by_key(self, key: str) -> Row | None:
        """The retained one with this key."""
        return await self._one(f"{_RETAINED} key = ?", key)

    async def list(
        self, status: FiberStatus | None, name: str | None, *, after: str | None, limit: int
    ) -> Sequence[Row]:
        """Retained ones that fit, in the order of their making, behind the one with an id."""
        params = (self._agent, self._agent, after, status, name, limit)
        rows = await self._store.read(_LIST, params)
        return [Row(*row) for row in rows]

    async def cancel(self, id: str, *, at: float) -> int | None:
        """Aborts a retained one that has not ended; its number."""
        params = (at, self._agent, id)
        found = await self._store.write(lambda connection: connection.execute(_CANCEL, params).fetchall())
        return found[0][0] if found else None

    async def resolve(self, id: str, status: Resolution, *, error: str | None, at: float) -> bool:
        """What became of an interrupted one."""
        return await self._store.write(Statement(_RESOLVE, (status, error, at, self._agent, id))) == 1

    async def clear(self, statuses: Collection[str], *, id: str | None, before: float | None) -> int:
        """Deletes retained ones that have ended; says how many."""
        listed = "[" + ",".join(f'"{status}"' for status in statuses) + "]"
        return await self._store.write(Statement(_CLEAR, (self._agent, listed, id, before)))

    async def _one(self, query: str, value: object) -> Row | None:
        found = await self._store.read(query, (self._agent, value))  # type: ignore[arg-type]  # a str or int
        return Row(*found[0]) if found else None
