"""Which agents exist: a number for every (class, name) that was addressed, and its state."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agents_sdk.storage import STORED
from workflows import Clock, Statement, Store

__all__ = ["Directory", "Listed", "ListedAgent"]

_ENTER = "INSERT INTO agent(class, name, created) VALUES(?, ?, ?) ON CONFLICT DO NOTHING"
_FIND = (
    "SELECT id, state FROM agent LEFT JOIN agent_state ON agent_state.agent = agent.id"
    " WHERE class = ? AND name = ? AND condemned = 0"
)
_ADDRESS = "SELECT class, name FROM agent WHERE id = ? AND condemned = 0"
_LIST = "SELECT name, created FROM agent WHERE class = ? AND name > ? AND condemned = 0 ORDER BY name LIMIT ?"
_OWED = "SELECT DISTINCT agent FROM ({}) AS owed JOIN agent ON agent.id = owed.agent WHERE condemned = 0"
_SAVE = """
INSERT INTO agent_state(agent, version, state) VALUES(?, 1, ?)
ON CONFLICT(agent) DO UPDATE SET version = version + 1, state = excluded.state
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """An agent as the directory has it: `id` names its file and owns its schedules; `state` is JSON."""

    id: int
    state: bytes | None


@dataclass(frozen=True, slots=True)
class ListedAgent:
    """An agent that exists, whether it lives or not."""

    name: str
    created: datetime


class Directory:
    """The agents of a store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def open(self) -> None:
        """Makes the tables of everything that agents keep."""
        for stored in STORED:
            await self._store.migrate(stored.component, stored.steps)

    async def enter(self, cls: str, name: str) -> Listed:
        """The agent of this class and name; a new one is durable when this returns."""
        rows = await self._store.read(_FIND, (cls, name))
        if rows:
            return Listed(*rows[0])
        at = self._clock.now()
        return await self._store.write(lambda connection: _entered(connection, cls, name, at))

    async def address(self, id: int) -> tuple[str, str] | None:
        """The class and the name of the agent with this number."""
        rows = await self._store.read(_ADDRESS, (id,))
        return (rows[0][0], rows[0][1]) if rows else None

    async def list(self, cls: str, *, after: str, limit: int) -> Sequence[ListedAgent]:
        """The agents of a class, by name, beginning behind a name."""
        rows = await self._store.read(_LIST, (cls, after, limit))
        return [ListedAgent(name, datetime.fromtimestamp(created, UTC)) for name, created in rows]

    async def condemn(self, id: int) -> None:
        """From now on it cannot be found, and its name is free; what it kept is still there."""
        await self._store.write(Statement("UPDATE agent SET condemned = 1 WHERE id = ?", (id,)))

    async def condemned(self) -> Sequence[int]:
        """Those of which something is still there."""
        return [id for (id,) in await self._store.read("SELECT id FROM agent WHERE condemned = 1")]

    async def owed(self) -> Sequence[int]:
        """Those that have work to do, whether anybody asks for them or not."""
        return [id for (id,) in await self._store.read(_owed())]

    async def is_owed(self, id: int) -> bool:
        """Whether this one is among them."""
        return bool(await self._store.read(f"{_owed()} AND owed.agent = ?", (id,)))

    async def forget(self, id: int) -> None:
        """Deletes all rows of an agent, in every component, and the agent."""

        def forget(connection: sqlite3.Connection) -> None:
            for stored in reversed(STORED):
                for statement in stored.forget:
                    connection.execute(statement, (id,))

        await self._store.write(forget)

    def save_state(self, agent: int, state: bytes) -> asyncio.Future[int]:
        """Queues the state of an agent, in the order of the calls; resolves after COMMIT."""
        return self._store.write(Statement(_SAVE, (agent, state)))


def _owed() -> str:
    return _OWED.format(" UNION ALL ".join(stored.owed for stored in STORED if stored.owed))


def _entered(connection: sqlite3.Connection, cls: str, name: str, at: float) -> Listed:
    connection.execute(_ENTER, (cls, name, at))
    return Listed(*connection.execute(_FIND, (cls, name)).fetchone())
