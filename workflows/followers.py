"""Children that follow their parent: they are terminated when it ends, or begins anew, before them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from workflows.backend import Ref
from workflows.entry import Entry
from workflows.errors import InstanceFinished, InstanceNotFound
from workflows.kin import Told, astray
from workflows.ledger import Applied, Ledger
from workflows.runs import Runs

__all__ = ["Followers"]

log = logging.getLogger("workflows")


class Followers:
    """What a change of one instance means for its parent and for its children.

    `wake` is for a parent that is only a row; `end` ends a child.

    A child that follows lives only as long as the journal of its parent has a step that waits for it. That
    is looked at whenever a parent ends or begins anew, and for all of them when the engine opens, as the
    process may have been killed in between.
    """

    def __init__(
        self,
        ledger: Ledger,
        runs: Runs,
        wake: Callable[[int], None],
        end: Callable[[Ref], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._runs = runs
        self._wake = wake
        self._end_one = end

    async def applied(self, applied: Applied) -> None:
        """A change is durable: the parent hears of the end of its child, and followers end with theirs."""
        if applied.told is not None:
            self._tell(applied.told)
        if applied.followers:
            kept: list[Entry] = [] if applied.remains is None else applied.remains.entries
            await self._end([one.ref for one in applied.followers if astray(*one.ref[:2], kept)])

    async def sweep(self) -> None:
        """Ends those whose parent ended, or let them go, without this having been carried out."""
        await self._end(await self._ledger.astray(self._runs.workflows))

    def _tell(self, told: Told) -> None:
        lease = self._runs.leases.get(told.parent)
        if told.wakes:
            self._wake(told.parent)
        elif lease is not None and lease.epoch == told.epoch:  # else it is claimed with its inbox
            self._runs.received(lease, told.event)

    async def _end(self, children: list[Ref]) -> None:
        await asyncio.gather(*map(self._terminate, children))

    async def _terminate(self, ref: Ref) -> None:
        try:
            await self._end_one(ref)
        except (InstanceFinished, InstanceNotFound):
            pass  # it was faster
        except Exception:
            log.exception('%s "%s" could not be terminated with its parent', ref.workflow, ref.id)
