"""Children that follow their parent: they are terminated when it ends, or begins anew, before them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from workflows.backend import Ref
from workflows.entry import Entry
from workflows.errors import InstanceFinished, InstanceNotFound
from workflows.kin import astray
from workflows.lease import Lease
from workflows.ledger import Applied, Ledger
from workflows.runs import Runs
from workflows.types import FINAL

__all__ = ["Followers"]

log = logging.getLogger("workflows")


class Followers:
    """What a change of one instance means for its parent and for its children; `end` ends one of these.

    A child that follows lives only as long as the journal of its parent has a step that waits for it. That
    is looked at whenever a parent ends or begins anew, and for all of them when the engine opens, as the
    process may have been killed in between.
    """

    def __init__(
        self,
        ledger: Ledger,
        runs: Runs,
        end: Callable[[Ref], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._runs = runs
        self._end_one = end

    async def applied(self, applied: Applied) -> None:
        """A change is durable: the parent hears of the end of its child, and followers end with theirs."""
        if applied.told is not None:
            lease = self._runs.leases.get(applied.told.parent)
            if lease is not None and lease.epoch == applied.told.epoch:  # else it was claimed with its inbox
                self._runs.received(lease, applied.told.event)
        if applied.followers:
            kept: list[Entry] = [] if applied.remains is None else applied.remains.entries
            await self._end([one.ref for one in applied.followers if astray(*one.ref[:2], kept)])

    async def sweep(self) -> None:
        """Ends those whose parent ended, or let them go, without this having been carried out."""
        following = [lease for lease in self._runs.leases.values() if lease.follows]
        await self._end([lease.ref for lease in following if await self._is_astray(lease)])

    async def _is_astray(self, lease: Lease) -> bool:
        assert lease.parent is not None, "only children follow"
        parent = self._runs.leases.get(lease.parent)
        if parent is not None:
            return astray(*lease.ref[:2], parent.journal.values())
        kept = await self._ledger.read(lease.parent)
        return kept is None or kept.status in FINAL

    async def _end(self, children: list[Ref]) -> None:
        await asyncio.gather(*map(self._terminate, children))

    async def _terminate(self, ref: Ref) -> None:
        try:
            await self._end_one(ref)
        except (InstanceFinished, InstanceNotFound):
            pass  # it was faster
        except Exception:
            log.exception('%s "%s" could not be terminated with its parent', ref.workflow, ref.id)
