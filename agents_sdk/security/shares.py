"""How much each principal may have made: agents, schedules and instances, counted where they are kept."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence

from agents_sdk.current import current_agent
from agents_sdk.errors import TooMany
from agents_sdk.security.limits import Limits
from workflows import Clock, ListedInstance, Operation, Share, Store

__all__ = ["Shares", "refused"]

Listed = Callable[[Sequence[tuple[str, str]]], Awaitable[Mapping[tuple[str, str], ListedInstance]]]

_COUNT = "SELECT count(*) FROM instance_maker WHERE principal = ?"
_OF = "SELECT workflow, instance FROM instance_maker WHERE principal = ?"
_MADE = "INSERT OR REPLACE INTO instance_maker(workflow, instance, principal) VALUES(?, ?, ?)"
_OVER = "DELETE FROM instance_maker WHERE workflow = ? AND instance = ?"
_LOOK_AGAIN = 10.0
"""Seconds after which it is looked again whether some have ended of who had too many."""

_log = logging.getLogger(__name__)


class Shares:
    """Whose is what the running code makes: that of the client for which it works, as the hook has named it.

    Code that works for nobody, or for somebody unnamed, is not counted.
    """

    def __init__(self, limits: Limits, store: Store, listed: Listed, clock: Clock) -> None:
        self._limits = limits
        self._store = store
        self._listed = listed
        self._clock = clock
        self._looked: dict[str, float] = {}

    @property
    def agents(self) -> Share | None:
        """On whose account a new agent is."""
        return self._share(self._limits.agents)

    @property
    def schedules(self) -> Share | None:
        """On whose account a new schedule is."""
        return self._share(self._limits.schedules)

    async def instances(self, workflow: str) -> Callable[[str], Operation[object]] | None:
        """See `Toll`: those that have ended count no more, which is looked at when there are too many."""
        share = self._share(self._limits.instances)
        if share is None:
            return None
        [[count]] = await self._store.read(_COUNT, (share.of,))
        if count >= share.most and self._may_look(share.of):
            await self._forget_ended(share.of)
        return lambda id: _counted(workflow, id, share)  # which also holds for others at the same time

    def _share(self, most: int) -> Share | None:
        principal = current_agent().principal
        return None if principal is None else Share(principal.id, most)

    def _may_look(self, principal: str) -> bool:
        now = self._clock.now()
        self._looked = {one: at for one, at in self._looked.items() if at <= now < at + _LOOK_AGAIN}
        if principal in self._looked:
            return False
        self._looked[principal] = now
        return True

    async def _forget_ended(self, principal: str) -> None:
        rows = [(workflow, id) for workflow, id in await self._store.read(_OF, (principal,))]
        known = await self._listed(rows)
        ended = [one for one in rows if one not in known or known[one].finished_at is not None]
        await self._store.write(lambda connection: connection.executemany(_OVER, ended).rowcount)


def refused(kind: str, share: Share) -> TooMany:
    """What is raised instead of making one more; told in the log."""
    error = TooMany(kind, share.most)
    _log.warning("principal %r: %s", share.of, error)
    return error


def _counted(workflow: str, id: str, share: Share) -> Operation[None]:
    def count(connection: sqlite3.Connection) -> None:
        connection.execute(_MADE, (workflow, id, share.of))
        [made] = connection.execute(_COUNT, (share.of,)).fetchone()
        if made > share.most:
            raise TooMany("instances", share.most)

    return count
