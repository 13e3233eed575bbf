"""Which agents exist: a number for every one that was addressed, and its state."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from agents_sdk.address import Address, PathStep
from agents_sdk.checksum import checksum, is_whole
from agents_sdk.errors import NotRunning
from agents_sdk.storage import STORED
from workflows import Clock, Statement, Store

__all__ = ["Directory", "Listed", "ListedAgent", "SubAgent"]

_ENTER = """
INSERT INTO agent(parent, class, name, created)
SELECT ?1, ?2, ?3, ?4 WHERE ?1 = 0 OR EXISTS(SELECT 1 FROM agent WHERE id = ?1 AND condemned = 0)
ON CONFLICT DO NOTHING
"""
_FIND = (
    "SELECT id, state, crc FROM agent LEFT JOIN agent_state ON agent_state.agent = agent.id"
    " WHERE parent = ? AND class = ? AND name = ? AND condemned = 0"
)
_PATH = """
WITH RECURSIVE up(level, class, name, parent) AS (
  SELECT 0, class, name, parent FROM agent WHERE id = ? AND condemned = 0
  UNION ALL
  SELECT level + 1, agent.class, agent.name, agent.parent FROM up JOIN agent ON agent.id = up.parent)
SELECT class, name, parent FROM up ORDER BY level DESC
"""
_LIST = (
    "SELECT name, created FROM agent"
    " WHERE parent = 0 AND class = ? AND name > ? AND condemned = 0 ORDER BY name LIMIT ?"
)
_OWED = "SELECT DISTINCT agent FROM ({}) AS owed JOIN agent ON agent.id = owed.agent WHERE condemned = 0"
_CHILDREN = (
    "SELECT class, name, created FROM agent"
    " WHERE parent = ?1 AND condemned = 0 AND (?2 IS NULL OR class = ?2) ORDER BY id"
)
_CONDEMN = """
WITH RECURSIVE below(id) AS (
  SELECT id FROM agent WHERE id = ? AND condemned = 0
  UNION ALL SELECT agent.id FROM below JOIN agent ON agent.parent = below.id AND agent.condemned = 0)
UPDATE agent SET condemned = 1 WHERE id IN below RETURNING id
"""
_COUNT_MADE = "SELECT COUNT(*) FROM agent_maker WHERE principal = ?"
_MADE = "INSERT INTO agent_maker(agent, principal) VALUES(?, ?)"
_SAVE = """
INSERT INTO agent_state(agent, version, state, crc) VALUES(?, 1, ?, ?)
ON CONFLICT(agent) DO UPDATE SET version = version + 1, state = excluded.state, crc = excluded.crc
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """An agent as the directory has it: `id` names its file and owns its schedules; `state` is JSON."""

    id: int
    state: bytes | None
    crc: int | None = None

    @property
    def whole(self) -> bool:
        """The state is as it was written."""
        return self.state is None or is_whole(self.crc, self.state, self.id)


@dataclass(frozen=True, slots=True)
class ListedAgent:
    """An agent that exists, whether it lives or not."""

    name: str
    created: datetime


@dataclass(frozen=True, slots=True)
class SubAgent:
    """A sub-agent that exists, whether it lives or not."""

    class_name: str
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

    async def find(self, address: Address) -> Listed | None:
        """The agent with this address, if there is one."""
        rows = await self._store.read(_FIND, (address.parent, address.class_name, address.name))
        return Listed(*rows[0]) if rows else None

    async def enter(self, address: Address) -> Listed:
        """The agent with this address; a new one is durable when this returns.

        Raises `NotRunning` when its parent was destroyed: nothing is below what is not there.
        """
        found = await self.find(address)
        if found is not None:
            return found
        at = self._clock.now()
        entered = await self._store.write(lambda connection: _entered(connection, address, at))
        if entered is None:
            raise NotRunning(f"the parent of {address} was destroyed, and its sub-agents with it")
        return entered

    async def make(self, address: Address, principal: str, *, most: int) -> bool:
        """Whether there is this agent, or is from now on; false when the principal has made `most`."""
        if await self.find(address) is not None:
            return True
        at = self._clock.now()
        return await self._store.write(lambda connection: _made(connection, address, at, principal, most))

    async def address(self, id: int) -> Address | None:
        """Where the agent with this number is found; None when it was destroyed."""
        rows = await self._store.read(_PATH, (id,))
        if not rows:
            return None
        return Address(tuple(PathStep(cls, name) for cls, name, _ in rows), rows[-1][2])

    async def list(self, cls: str, *, after: str, limit: int) -> Sequence[ListedAgent]:
        """The top-level agents of a class, by name, beginning behind a name."""
        rows = await self._store.read(_LIST, (cls, after, limit))
        return [ListedAgent(name, datetime.fromtimestamp(created, UTC)) for name, created in rows]

    async def children(self, parent: int, cls: str | None) -> Sequence[SubAgent]:
        """The sub-agents of an agent, those of a class or all, the oldest first."""
        rows = await self._store.read(_CHILDREN, (parent, cls))
        return [SubAgent(cls, name, datetime.fromtimestamp(created, UTC)) for cls, name, created in rows]

    async def condemn(self, id: int) -> Sequence[int]:
        """From now on it and all below it cannot be found, and its name is free; what they kept is there yet.

        Gives their numbers, without those that were condemned before.
        """
        return await self._store.write(
            lambda connection: [one for (one,) in connection.execute(_CONDEMN, (id,)).fetchall()]
        )

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
        return self._store.write(Statement(_SAVE, (agent, state, checksum(state, agent))))


def _owed() -> str:
    return _OWED.format(" UNION ALL ".join(stored.owed for stored in STORED if stored.owed))


def _made(connection: sqlite3.Connection, address: Address, at: float, principal: str, most: int) -> bool:
    if connection.execute(_FIND, (address.parent, address.class_name, address.name)).fetchone():
        return True
    [count] = connection.execute(_COUNT_MADE, (principal,)).fetchone()
    if count >= most:
        return False
    entered = _entered(connection, address, at)
    if entered is not None:  # else its parent was destroyed, which is told when it is started
        connection.execute(_MADE, (entered.id, principal))
    return True


def _entered(connection: sqlite3.Connection, address: Address, at: float) -> Listed | None:
    wanted = (address.parent, address.class_name, address.name)
    connection.execute(_ENTER, (*wanted, at))
    row = connection.execute(_FIND, wanted).fetchone()
    return None if row is None else Listed(*row)
