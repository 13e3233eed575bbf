"""The ledger in a SQLite file: every verb is one operation of the store's writer."""

from __future__ import annotations

import dataclasses
from asyncio import Future
from collections.abc import Iterable, Sequence
from typing import Self

import orjson

from workflows.backend import Instance, Listing, Ref
from workflows.change import Change
from workflows.claims import Tried
from workflows.entry import Entry, Key, Kind, Moment
from workflows.ledger import Applied, Birth, Claim, Delivered, Suspect
from workflows.spent import Spent
from workflows.sqlite import instances, listing, parking, processes, spending
from workflows.sqlite.chunks import SqliteChunks
from workflows.sqlite.promised import promised
from workflows.sqlite.put import Put
from workflows.sqlite.store import Store
from workflows.sqlite.tables import DECIDED_BY, INSTANCE, MIGRATIONS, UNDECIDED, instance_of
from workflows.types import Usage

__all__ = ["SqliteLedger"]

_ITSELF = "root(id) AS (VALUES(?))"
_KIN = f"WITH RECURSIVE {_ITSELF}, {spending.KIN}"
_USAGE = f"""{_KIN}
SELECT count(*), coalesce(sum(attempts), 0), coalesce(sum(active), 0.0)
FROM kin JOIN entry ON entry.instance = kin.id WHERE kind IN ({int(Kind.DO)}, {int(Kind.ROLLBACK)})
"""  # noqa: S608  # constants only
_USED = f"{_KIN} SELECT used FROM kin JOIN instance USING (id) WHERE used IS NOT NULL"  # noqa: S608
_SPENT, _FAMILY_SPENT = spending.sum_of(_ITSELF), spending.sum_of(spending.FAMILY)
_UNDECIDED = f"""
SELECT name || '-' || occurrence AS step FROM entry WHERE instance = ? AND {UNDECIDED} AND NOT EXISTS(
  SELECT 1 FROM event WHERE event.instance = entry.instance AND event.type = {DECIDED_BY}) ORDER BY ordinal
"""  # noqa: S608  # constants only
_UNFINISHED = """
SELECT workflow, sum(count) FROM (
  SELECT workflow, count(*) AS count FROM instance INDEXED BY instance_awake
  WHERE finished IS NULL AND wake IS NULL GROUP BY workflow
  UNION ALL
  SELECT workflow, count(*) FROM instance INDEXED BY instance_wake WHERE wake IS NOT NULL GROUP BY workflow)
GROUP BY workflow
"""
_NEXT_EXPIRY = "SELECT min(expires) FROM instance WHERE expires IS NOT NULL"


class SqliteLedger:
    """`Ledger` over a `Store`."""

    def __init__(self, store: Store, process: int) -> None:
        self._store = store
        self._process = process
        self.chunks = SqliteChunks(store)

    @classmethod
    async def over(cls, store: Store) -> Self:
        """A ledger in this file, which says who has it; makes its tables."""
        await store.migrate("workflows", MIGRATIONS)
        return cls(store, await store.write(processes.begin))

    async def room(self) -> None:
        """See `Ledger.room`."""
        await self._store.room()

    def insert(self, births: Sequence[Birth]) -> Future[list[Instance | None]]:
        """See `Ledger.insert`."""
        return promised(
            self._store,
            lambda connection: [instances.insert(connection, birth, self._process) for birth in births],
        )

    async def find(self, workflow: str, id: str) -> Instance | None:
        """See `Ledger.find`."""
        return await self._only("workflow = ? AND name = ?", workflow, id)

    async def known(self, wanted: Sequence[tuple[str, str]]) -> list[Instance]:
        """See `Ledger.known`."""
        return [instance_of(row) for row in await self._store.read(*listing.known(wanted))]

    async def read(self, incarnation: int) -> Instance | None:
        """See `Ledger.read`."""
        return await self._only("id = ?", incarnation)

    async def select(self, wanted: Listing) -> list[Instance]:
        """See `Ledger.select`."""
        return [instance_of(row) for row in await self._store.read(*listing.selection(wanted))]

    async def usage(self, incarnation: int) -> Usage:
        """See `Ledger.usage`."""
        [row] = await self._store.read(_USAGE, (incarnation,))
        before = [_used_of(used) for (used,) in await self._store.read(_USED, (incarnation,))]
        used = Usage(*(sum(parts) for parts in zip(row, *before, strict=True)))
        spent = await self._spent(_SPENT, incarnation)
        return dataclasses.replace(used, tokens=spent.tokens, money=spent.money)

    def spend(self, incarnation: int, step: str, spent: Spent) -> Future[None]:
        """See `Ledger.spend`."""
        return promised(self._store, spending.write(incarnation, step, spent))

    async def spent(self, incarnation: int) -> Spent:
        """See `Ledger.spent`."""
        return await self._spent(_FAMILY_SPENT, incarnation)

    def history(self, incarnation: int) -> Future[tuple[list[Moment], list[Entry]]]:
        """See `Ledger.history`."""
        return promised(self._store, lambda connection: instances.history(connection, incarnation))

    async def undecided(self, incarnation: int) -> tuple[str, ...]:
        """See `Ledger.undecided`."""
        return tuple(step for (step,) in await self._store.read(_UNDECIDED, (incarnation,)))

    async def awake(self, workflows: Iterable[str]) -> list[int]:
        """See `Ledger.awake`."""
        return [incarnation for (incarnation,) in await self._store.read(*parking.awake(workflows))]

    async def suspects(self, workflows: Iterable[str], after: int) -> list[Suspect]:
        """See `Ledger.suspects`."""
        rows = await self._store.read(*processes.suspects(workflows, after, self._process))
        return [Suspect(*row) for row in rows]

    def claim(self, incarnations: Sequence[int], tried: Tried = Tried.NOT) -> Future[list[Claim]]:
        """See `Ledger.claim`."""
        return promised(
            self._store,
            lambda connection: instances.claim(connection, incarnations, self._process, tried),
        )

    def acquit(self, resting: Sequence[int], undecided: Sequence[int]) -> Future[None]:
        """See `Ledger.acquit`."""
        return promised(
            self._store,
            lambda connection: processes.acquit(connection, self._process, resting, undecided),
        )

    def let_go(self) -> Future[None]:
        """See `Ledger.let_go`."""
        return promised(self._store, lambda connection: processes.end(connection, self._process))

    def park(self, incarnation: int, epoch: int, wake: float, types: frozenset[str]) -> Future[bool]:
        """See `Ledger.park`."""
        return promised(
            self._store, lambda connection: parking.park(connection, incarnation, epoch, wake, types)
        )

    async def wakes(
        self, workflows: Iterable[str], after: tuple[float, int], most: int
    ) -> list[tuple[float, int]]:
        """See `Ledger.wakes`."""
        rows = await self._store.read(*parking.wakes(workflows, after, most))
        return [(wake, incarnation) for wake, incarnation in rows]

    async def astray(self, workflows: Iterable[str]) -> list[Ref]:
        """See `Ledger.astray`."""
        return [Ref(*row) for row in await self._store.read(*parking.astray(workflows))]

    async def unserved(self, workflows: Iterable[str]) -> dict[str, int]:
        """See `Ledger.unserved`."""
        known = frozenset(workflows)
        return {name: count for name, count in await self._store.read(_UNFINISHED) if name not in known}

    def put(self, incarnation: int, epoch: int, entry: Entry, *, consume: int | None) -> Future[None]:
        """See `Ledger.put`."""
        return promised(self._store, Put(incarnation, epoch, entry, consume))

    def deliver(
        self, incarnation: int, type: str, payload: bytes, at: float, *, decides: Key | None = None
    ) -> Future[Delivered]:
        """See `Ledger.deliver`."""
        return promised(
            self._store,
            lambda connection: instances.deliver(connection, incarnation, type, payload, at, decides),
        )

    def transition(self, incarnation: int, change: Change) -> Future[Applied | None]:
        """See `Ledger.transition`."""
        return promised(
            self._store,
            lambda connection: instances.transition(connection, incarnation, change, self._process),
        )

    def expire(self, now: float, most: int) -> Future[None]:
        """See `Ledger.expire`."""
        return promised(self._store, lambda connection: instances.expire(connection, now, most))

    async def next_expiry(self) -> float | None:
        """See `Ledger.next_expiry`."""
        [[when]] = await self._store.read(_NEXT_EXPIRY)
        return None if when is None else float(when)

    async def _spent(self, query: str, incarnation: int) -> Spent:
        [(tokens, nanos)] = await self._store.read(query, (incarnation,))
        return Spent.stored(tokens, nanos)

    async def _only(self, condition: str, *params: str | int) -> Instance | None:
        rows = await self._store.read(f"SELECT {INSTANCE} FROM instance WHERE {condition}", params)  # noqa: S608
        return instance_of(rows[0]) if rows else None


def _used_of(stored: str) -> Sequence[float]:
    """What a restart has forgotten; nothing where that is damaged, which its own instance tells."""
    try:
        steps, attempts, active = orjson.loads(stored)
    except (ValueError, TypeError):
        return (0, 0, 0.0)
    return (steps, attempts, active)
