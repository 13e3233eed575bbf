"""The rows of which agent has started which instance.

A row says who, when, and under which name. How the instance is, the engine alone says: nothing here can be
out of step with it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Literal, get_args

from agents_sdk.checksum import checksum, joined
from agents_sdk.errors import AlreadyTracked
from workflows import Operation, Statement, Store

__all__ = ["Reported", "Row", "Tracking", "track"]

Reported = Literal["complete", "errored", "told"]
"""What the agent has heard of the end: by a report of the workflow itself, or, `told`, when it had ended.

`told` is also said of a workflow that tells nobody.
"""

_COLUMNS = "id, agent, workflow, instance, name, metadata, created, reported, forgotten, crc"
_FORGET_EARLIER = "DELETE FROM agent_workflow WHERE workflow = ? AND instance = ?"
_TRACK = """
INSERT INTO agent_workflow(agent, workflow, instance, name, metadata, created, reported, crc)
VALUES(?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT(agent, instance) WHERE NOT forgotten DO NOTHING
"""
_MARK = "UPDATE agent_workflow SET reported = ? WHERE workflow = ? AND instance = ?"
_OF_AGENT = f"SELECT {_COLUMNS} FROM agent_workflow WHERE agent = ? AND NOT forgotten"  # noqa: S608  # constants
_OF_INSTANCE = f"SELECT {_COLUMNS} FROM agent_workflow WHERE workflow = ? AND instance = ?"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Row:
    """An instance that an agent has started."""

    id: int
    agent: int
    workflow: str
    """The name of the class, by which the engine knows it."""
    instance: str
    name: str
    metadata: str | None
    created: float
    reported: Reported | None
    forgotten: bool
    """The agent does not want to see it any more; it still hears of its end."""
    crc: int | None = None

    @classmethod
    def replayed(cls, workflow: str, instance: str) -> Row:
        """What stands for it where nothing is done."""
        return cls(0, 0, workflow, instance, workflow, None, 0.0, None, forgotten=False)

    @property
    def damage(self) -> str | None:
        """Why nobody believes whose it is and what it was called: the disk has changed it."""
        said = (self.agent, self.workflow, self.instance, self.name, self.metadata, self.created)
        if self.crc in (None, _crc_of(*said)) and self.reported in (None, *get_args(Reported)):
            return None
        return (
            f'the record of who has started "{self.instance}" is damaged: restore the file from a backup, '
            "or delete it from the workflows of the agent"
        )

    @property
    def believed(self) -> str | None:
        """Its metadata, unless it is damaged."""
        return self.metadata if self.damage is None else None

    @property
    def key(self) -> tuple[str, str]:
        """As the engine is asked for it."""
        return self.workflow, self.instance


class Tracking:
    """The rows of all agents of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, agent: int, instance: str) -> Row | None:
        """The row of this id, if the agent has started it and not forgotten it."""
        rows = await self._store.read(f"{_OF_AGENT} AND instance = ?", (agent, instance))
        return Row(*rows[0]) if rows else None

    async def all(self, agent: int, workflow: str | None = None) -> list[Row]:
        """The rows of an agent, or those of one workflow, in the order in which they were started."""
        only, params = ("", ()) if workflow is None else (" AND workflow = ?", (workflow,))
        rows = await self._store.read(f"{_OF_AGENT}{only} ORDER BY id", (agent, *params))
        return [Row(*row) for row in rows]

    async def of(self, workflow: str, instance: str) -> Row | None:
        """Who has started an instance, also when that was forgotten."""
        rows = await self._store.read(_OF_INSTANCE, (workflow, instance))
        return Row(*rows[0]) if rows else None

    async def mark(self, row: Row, reported: Reported | None) -> None:
        """Writes down what the agent has heard."""
        await self._store.write(Statement(_MARK, (reported, *row.key)))

    async def begin_anew(self, row: Row, created: float, reported: Reported | None) -> None:
        """It is the newest one from now on."""
        columns = (row.agent, row.workflow, row.instance, row.name, row.metadata)

        def again(connection: sqlite3.Connection) -> None:
            if connection.execute("DELETE FROM agent_workflow WHERE id = ?", (row.id,)).rowcount:
                connection.execute(_TRACK, (*columns, created, reported, _crc_of(*columns, created)))

        await self._store.write(again)

    async def forget(self, *rows: Row) -> None:
        """The rows are gone."""
        await self._set("DELETE FROM agent_workflow WHERE id = ?", rows)

    async def hide(self, *rows: Row) -> None:
        """The agent sees them no more, and hears of their ends."""
        await self._set("UPDATE agent_workflow SET forgotten = 1 WHERE id = ?", rows)

    async def _set(self, sql: str, rows: tuple[Row, ...]) -> None:
        ids = [(row.id,) for row in rows]
        if ids:
            await self._store.write(lambda connection: connection.executemany(sql, ids).rowcount)


def track(
    agent: int,
    workflow: str,
    instance: str,
    *,
    name: str,
    metadata: str | None,
    created: float,
    reported: Reported | None,
) -> Operation[None]:
    """Carried out where an instance is new: what was known of an earlier one with its id is out of date.

    Raises `AlreadyTracked` when the agent has the id, of another workflow.
    """

    def write(connection: sqlite3.Connection) -> None:
        connection.execute(_FORGET_EARLIER, (workflow, instance))
        said = (agent, workflow, instance, name, metadata, created)
        if not connection.execute(_TRACK, (*said, reported, _crc_of(*said))).rowcount:
            raise AlreadyTracked(instance)

    return write


def _crc_of(agent: int, workflow: str, instance: str, name: str, metadata: str | None, created: float) -> int:
    said = joined(None if metadata is None else metadata.encode())
    return checksum(said, agent, workflow, instance, name, float(created))
