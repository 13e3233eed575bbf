"""The runs of one parent in the file; the chat of a sub-agent ends its run together with the turn."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import to_json

from agents_sdk.agent_tools.run import Row, ToolRunStatus, asked_crc, ended_crc
from workflows import Statement, Store

__all__ = ["New", "Rows", "ending"]

_COLUMNS = (
    "number, id, class, call, input, preview, display, status, chunks, summary, error, on_finish, owed, "
    "agent, created, crc, came_to"
)
_SELECT = f"SELECT {_COLUMNS} FROM agent_tool_run WHERE agent = ? "  # noqa: S608  # constants only
_INSERT = f"""
INSERT INTO agent_tool_run(agent, id, class, call, input, preview, display, on_finish, created, crc)
VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}
"""
_SHOWN = f"""
SELECT * FROM ({_SELECT} ORDER BY number DESC LIMIT ?) UNION SELECT * FROM ({_SELECT} AND owed = 1)
ORDER BY number
"""  # noqa: S608
_OPEN = "status IN ('starting', 'running')"
_BEGIN = f"UPDATE agent_tool_run SET status = 'running', child = ? WHERE number = ? AND {_OPEN}"  # noqa: S608
_SET = "SET status = ?, summary = ?, error = ?, chunks = ?, came_to = ?, owed = on_finish IS NOT NULL"
_ENDING = f"UPDATE agent_tool_run {_SET} WHERE child = ? AND id = ? AND {_OPEN}"
_END = f"UPDATE agent_tool_run {_SET} WHERE number = ? AND {_OPEN}"
_ENDED = f"{_SELECT} AND NOT {_OPEN} AND owed = 0 ORDER BY number"
_DELETE = "DELETE FROM agent_tool_run WHERE number = ?"
_TOLD = "UPDATE agent_tool_run SET owed = 0 WHERE number = ?"


def ending(
    child: int, id: str, status: ToolRunStatus, summary: str, bodies: Sequence[str], error: str | None
) -> Statement:
    """The turn of the sub-agent has ended so; nothing changes if its parent has ended the run before."""
    return Statement(_ENDING, (*_ended(id, status, summary, bodies, error), child, id))


def _ended(
    id: str, status: ToolRunStatus, summary: str, bodies: Sequence[str], error: str | None
) -> tuple[str, str, str | None, bytes, int]:
    """The values of `_SET`."""
    chunks = to_json([*bodies])
    return status, summary, error, chunks, ended_crc(chunks, id, status, summary, error)


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A run that is asked for."""

    id: str
    cls: str
    call: str | None
    input: str
    preview: bytes | None
    display: bytes | None
    on_finish: str | None


class Rows:
    """What is kept of the runs of one agent."""

    def __init__(self, store: Store, agent: int) -> None:
        self._store = store
        self._agent = agent

    def accept(self, new: New, *, at: float) -> asyncio.Future[Row]:
        """A new run, or the one that has its id."""
        asked = (self._agent, new.id, new.cls, new.call, new.input, new.on_finish, at)
        crc = asked_crc(new.preview, new.display, *asked)
        values = (
            self._agent, new.id, new.cls, new.call, new.input, new.preview, new.display, new.on_finish,
            at, crc,
        )  # fmt: skip

        def accept(connection: sqlite3.Connection) -> Row:
            found = connection.execute(f"{_SELECT} AND id = ?", (self._agent, new.id)).fetchone()
            return Row(*(found or connection.execute(_INSERT, values).fetchone())).believed()

        return self._store.write(accept)

    async def shown(self, most: int) -> list[Row]:
        """The latest ones, and those that are owed something, the oldest first."""
        rows = await self._store.read(_SHOWN, (self._agent, most, self._agent))
        return [Row(*row).believed() for row in rows]

    async def get(self, id: str) -> Row | None:
        """The run with this id."""
        rows = await self._store.read(f"{_SELECT} AND id = ?", (self._agent, id))
        return Row(*rows[0]).believed() if rows else None

    async def begin(self, row: Row, child: int) -> bool:
        """The sub-agent is asked next; false: the run has ended."""
        return await self._store.write(Statement(_BEGIN, (child, row.number))) == 1

    async def end(
        self, row: Row, status: ToolRunStatus, error: str | None, summary: str, bodies: Sequence[str]
    ) -> Row:
        """The run as it has ended, which is this unless the sub-agent has said how."""
        values = (*_ended(row.id, status, summary, bodies, error), row.number)

        def end(connection: sqlite3.Connection) -> Row:
            connection.execute(_END, values)
            found = connection.execute(f"{_SELECT} AND id = ?", (self._agent, row.id)).fetchone()
            return Row(*found).believed()

        return await self._store.write(end)

    async def ended(self) -> list[Row]:
        """Those that have ended, and of which nobody has to hear any more; not what cannot be deleted."""
        rows = [Row(*row).believed() for row in await self._store.read(_ENDED, (self._agent,))]
        return [row for row in rows if not row.lost]  # of which sub-agent, nobody knows

    async def drop(self, row: Row) -> None:
        """Nothing more is known of it."""
        await self._store.write(Statement(_DELETE, (row.number,)))

    async def told(self, row: Row) -> None:
        """Nothing is owed any more."""
        await self._store.write(Statement(_TOLD, (row.number,)))
