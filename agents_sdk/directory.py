"""Which agents exist: a number for every (class, name) that was ever addressed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from workflows import Clock, Store

__all__ = ["Directory", "Listed"]

_TABLES = (
    """
CREATE TABLE agent(
  id INTEGER PRIMARY KEY AUTOINCREMENT, class TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL,
  UNIQUE(class, name)) STRICT;
CREATE TABLE agent_state(agent INTEGER PRIMARY KEY, state BLOB NOT NULL) STRICT;
""",
)


@dataclass(frozen=True, slots=True)
class Listed:
    """An agent as the directory has it; `id` names its files and owns its schedules."""

    id: int
    cls: str
    name: str


class Directory:
    """The agents of a store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def open(self) -> None:
        """Makes the tables of the agents."""
        await self._store.migrate("agents", _TABLES)

    async def enter(self, cls: str, name: str) -> Listed:
        """The agent of this class and name; a new one is durable when this returns."""
        at = self._clock.now()
        number = await self._store.write(lambda connection: _number(connection, cls, name, at))
        return Listed(number, cls, name)

    async def find(self, number: int) -> Listed | None:
        """The agent with this number."""
        rows = await self._store.read("SELECT class, name FROM agent WHERE id = ?", (number,))
        return Listed(number, *rows[0]) if rows else None


def _number(connection: sqlite3.Connection, cls: str, name: str, at: float) -> int:
    connection.execute(
        "INSERT INTO agent(class, name, created) VALUES(?, ?, ?) ON CONFLICT DO NOTHING", (cls, name, at)
    )
    row = connection.execute("SELECT id FROM agent WHERE class = ? AND name = ?", (cls, name)).fetchone()
    number: int = row[0]
    return number
