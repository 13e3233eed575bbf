"""Who is taken up: at a start all that have something to run, later whose wait is over, or is commanded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from workflows.claims import Tried
from workflows.clock import Clock
from workflows.errors import StoreError, StoreFailed
from workflows.lease import Lease
from workflows.ledger import Claim, Ledger, Suspect
from workflows.passing import AGAIN, passes
from workflows.runs import Runs
from workflows.spawned import Spawned
from workflows.suspects import Suspects
from workflows.wakes import Wakes

__all__ = ["Claimer"]

log = logging.getLogger("workflows")

_AT_ONCE = 500
"""Instances that are loaded together: the first of them run before the last are loaded."""


class Claimer:
    """Claims rows, and gives them to `runs` as leases."""

    def __init__(self, ledger: Ledger, clock: Clock, runs: Runs, quarantine_after: int | None) -> None:
        self.wakes = Wakes(ledger, clock, self._rouse)
        self.suspects = Suspects(ledger, clock, quarantine_after, self._let_in)
        self._ledger = ledger
        self._clock = clock
        self._runs = runs
        self._spawned = Spawned()

    async def open(self) -> None:
        """Drives all that have something to run, and from now on those whose wait is over."""
        awake = await self._ledger.awake(self._runs.workflows)
        later = await self.suspects.open(self._runs.workflows)
        awake = [one for one in awake if one not in later]
        for first in range(0, len(awake), _AT_ONCE):
            self.suspects.watch(await self._claim(awake[first : first + _AT_ONCE]))
        await self.wakes.open(self._runs.workflows)

    async def let_go(self) -> None:
        """Takes every lease away, and returns when none of its runs is left."""
        self.wakes.close()
        self.suspects.close()
        self._runs.stop()
        await asyncio.gather(*self.under_way, return_exceptions=True)

    @property
    def under_way(self) -> list[asyncio.Task[None]]:
        """What ends once all leases are gone."""
        return [*self._runs.tasks, *self._spawned, *self.wakes.tasks, *self.suspects.tasks]

    async def lease_of(self, incarnation: int) -> Lease | None:
        """A new lease of an instance that is nobody's, with its turn held; None when it has ended."""
        for claim in await self._ledger.claim([incarnation]):
            self.wakes.forget(incarnation)
            return self._runs.lease(claim)
        return None

    def wake(self, incarnation: int) -> None:
        """An event has come that this parked instance waits for."""
        self.wakes.wake(incarnation)

    async def _claim(self, incarnations: Sequence[int], tried: Tried = Tried.NOT) -> list[Lease]:
        """Leases those that are nobody's and lets them run; where somebody is at one, it is taken later.

        `tried`: it is a suspect, and has a slot.
        """
        now = []
        for one in incarnations:
            if one in self._runs.leases:
                continue
            if self._runs.turns.take_now(one):
                now.append(one)
            else:
                self._spawned.spawn(self._claim_later(one))
        try:
            taken = await self._ledger.claim(now, tried) if now else []
            whole = [one for one in taken if not self._is_damaged(one)]
            known = [one for one in whole if one.instance.ref.workflow in self._runs.workflows]
            leases = [self._runs.lease(one, reserved=tried is not Tried.NOT) for one in known]
            for lease in leases:
                self.wakes.forget(lease.ref.incarnation)
                self._runs.begin(lease)
            return leases
        finally:
            for one in now:
                self._runs.turns.give(one)

    async def _let_in(self, suspect: Suspect, tried: Tried) -> bool:
        """See `Suspects`."""
        if not self._runs.reserve(suspect.workflow):
            return False
        leases: list[Lease] = []
        try:
            leases = await self._claim([suspect.incarnation], tried)
        except Exception as error:  # noqa: BLE001  # whatever the ledger has
            self._not_claimed([suspect.incarnation], error)
        if not leases:
            self._runs.give_back(suspect.workflow)
        self.suspects.watch(leases)
        return True

    def _is_damaged(self, claim: Claim) -> bool:
        """One whose row is damaged is left as it is: nothing can be written there without losing more."""
        ref, damage = claim.instance.ref, claim.instance.damage
        if damage is not None:
            log.error('%s "%s" is left alone: %s', ref.workflow, ref.id, damage.reason)
            self.wakes.forget(ref.incarnation)
            self._runs.not_claimed(ref.incarnation, StoreError(damage.reason))
        return damage is not None

    async def _claim_later(self, incarnation: int) -> None:
        async with self._runs.turns.of(incarnation):
            pass
        await self._rouse([incarnation])

    async def _rouse(self, incarnations: list[int]) -> None:
        """Claims instances whose wait is over; one that cannot be read does not hold up the others."""
        if not self._runs.driven:
            return
        try:
            await self._claim(incarnations)
        except Exception as error:  # noqa: BLE001  # whatever the ledger has
            if len(incarnations) > 1 and not (passes(error) or isinstance(error, StoreFailed)):
                for one in incarnations:
                    await self._rouse([one])
                return
            self._not_claimed(incarnations, error)

    def _not_claimed(self, incarnations: list[int], error: Exception) -> None:
        log.error("%d instance(s) were not claimed", len(incarnations), exc_info=error)
        for one in incarnations:
            self._runs.not_claimed(one, error)
        if passes(error):
            self._clock.call_later(AGAIN, lambda: self.wakes.wake(*incarnations))
