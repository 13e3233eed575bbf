"""The leases of this process, and the runs that hold them."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from weakref import WeakValueDictionary

from workflows import claims
from workflows.audience import Audience
from workflows.backend import Drive, InboxEvent, Outcome, Parked
from workflows.clock import Clock
from workflows.errors import Fenced
from workflows.lease import Lease
from workflows.ledger import Claim, Ledger
from workflows.limited import LimitedLease
from workflows.passing import AGAIN, passes
from workflows.slots import Slots
from workflows.spawned import Spawned
from workflows.turns import Turns

__all__ = ["Runs"]

log = logging.getLogger("workflows")


class Runs:
    """Who is leased here, who watches it, and the task that runs it; others are rows, and nothing else.

    `conclude` writes what a run came to, `settle` that its last attempt before a pause has ended, `begin`
    that a queued instance has got its slot, and `halt` that what is damaged must not run; `parked` hears of
    instances that are rows from now on, and when they wake.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        slots: Slots | None,
        *,
        conclude: Callable[[Lease, Outcome], Awaitable[None]],
        settle: Callable[[Lease], None],
        begin: Callable[[Lease], None],
        halt: Callable[[Lease], None],
        parked: Callable[[int, float], None],
        quarantine_after: int | None,
    ) -> None:
        self.leases: dict[int, Lease] = {}
        self.turns = Turns()
        self.audiences: defaultdict[int, Audience] = defaultdict(Audience)
        """Of leased instances, and of others that somebody watches."""
        self.workflows: frozenset[str] = frozenset()
        self._unclaimed: dict[int, Exception] = {}
        """Why those whose wait is over could not be claimed."""
        self._left: WeakValueDictionary[int, Lease] = WeakValueDictionary()
        """Of instances that have ended while attempts of theirs ran: these go on, and hold them here."""
        self._ledger = ledger
        self._slots = slots
        self._clock = clock
        self._conclude = conclude
        self._settle = settle
        self._begin = begin
        self._halt = halt
        self._drive: Drive | None = None
        self._parked = parked
        self._quarantine_after = quarantine_after
        self.tasks = Spawned()
        """Those that were terminated or restarted, and are still being cancelled, too."""

    def serve(self, workflows: Iterable[str], drive: Drive) -> None:
        """From now on instances of these workflows are driven."""
        self._drive = drive
        self.workflows = frozenset(workflows)

    def stop(self) -> None:
        """Takes every lease away; `tasks` are those that have not ended yet."""
        for lease in self.leases.values():
            lease.stop()

    def drop(self) -> None:
        """Nobody is leased any more; whoever watches, watches on."""
        self.leases.clear()
        for incarnation in list(self.audiences):
            self.left_alone(incarnation)

    @property
    def driven(self) -> bool:
        """Instances are driven here: it is served, and not closed."""
        return self._drive is not None

    def close(self) -> None:
        """Nothing is driven any more."""
        self._drive = None

    def reserve(self, workflow: str) -> bool:
        """A slot for an instance that is being created, when one is free."""
        if self._slots is None or workflow not in self.workflows:
            return True
        if not self._slots.is_free(workflow):
            return False
        self._slots.take(workflow)
        return True

    def give_back(self, workflow: str) -> None:
        """A reserved slot was not needed."""
        if self._slots is not None and workflow in self.workflows:
            self._slots.free(workflow)

    def is_free(self, workflow: str) -> bool:
        """An instance that begins anew need not wait."""
        return self._slots is None or self._slots.is_free(workflow)

    def take(self, claim: Claim, *, reserved: bool = False) -> None:
        """Leases an instance and starts its run; `reserved`: it has a slot already."""
        self.begin(self.lease(claim, reserved=reserved))

    def lease(
        self, claim: Claim, *, reserved: bool = False, after: asyncio.Task[None] | None = None
    ) -> Lease:
        """A new lease, which hears of events from now on; `begin` starts its run.

        It begins once what the run `after` had under way has ended, or has ignored its cancellation.
        """
        incarnation = claim.instance.ref.incarnation
        audience = self.audiences[incarnation]
        if self._slots is None:
            lease = Lease(claim, self._ledger, audience, self._settle)
        else:
            lease = LimitedLease(
                claim, self._ledger, audience, self._settle, slots=self._slots, granted=self._granted
            )
            lease.turn_to_run.held = reserved
        lease.after = after
        if claim.died_alone and claims.condemned(claim.claims, self._quarantine_after):
            lease.poison = claims.reason(claim.claims - 1)
        self.leases[incarnation] = lease
        self._unclaimed.pop(incarnation, None)
        return lease

    def begin(self, lease: Lease) -> None:
        """Starts the run of a new lease; a paused one needs none."""
        if (lease.damage is not None or lease.poison is not None) and lease.status != "paused":
            self._halt(lease)
        elif lease.status == "waitingForPause":
            self._settle(lease)  # the process was killed while an attempt ran
        elif lease.status == "paused":
            self.rest(lease)
        else:
            self.start(lease)

    def rest(self, lease: Lease) -> None:
        """A paused instance of which nothing is left in memory is a row, until it is resumed."""
        if lease.status == "paused" and lease.run is None and lease.outcome is None:
            self._release(lease)

    def left_alone(self, incarnation: int) -> None:
        """Somebody watches it no more."""
        audience = self.audiences.get(incarnation)
        if audience is not None and audience.deserted and incarnation not in self.leases:
            del self.audiences[incarnation]

    def start(self, lease: Lease) -> None:
        """Lets the driver run the lease, unless it is paused, or has no slot yet."""
        if self._drive is None or lease.status == "paused" or not lease.lease_ok() or not lease.enter():
            return
        if lease.run is not None:
            return
        if lease.status == "queued":
            if self._slots is None:  # it was queued under a limit that is no more
                self._begin(lease)
            return
        work = self._run(lease, self._drive)
        lease.run = self.tasks.spawn(work, name=f"{lease.ref.workflow} {lease.ref.id}")

    def received(self, lease: Lease, event: InboxEvent) -> None:
        """The inbox of a leased instance has got this event."""
        lease.inbox.append(event)
        lease.changed()

    def forget(self, lease: Lease) -> Audience:
        """The instance has ended, or is gone: whoever watches it is to be told."""
        if self.leases.get(lease.ref.incarnation) is lease:
            del self.leases[lease.ref.incarnation]
            self.audiences.pop(lease.ref.incarnation, None)
            if lease.running:
                self._left[lease.ref.incarnation] = lease
        lease.give_back()
        return lease.audience

    def not_claimed(self, incarnation: int, error: Exception) -> None:
        """Its wait is over, and it could not be taken up."""
        self._unclaimed[incarnation] = error
        if incarnation in self.audiences:
            self.audiences[incarnation].failed(error)

    def broken(self, incarnation: int) -> Exception | None:
        """Why it does not go on, if that is so."""
        lease = self.leases.get(incarnation)
        return self._unclaimed.get(incarnation) if lease is None else lease.broken

    def left(self, incarnation: int) -> Lease | None:
        """What the run of a finished instance left behind still writes under this lease."""
        return self._left.get(incarnation)

    async def _park(self, lease: Lease, parked: Parked) -> bool:
        """The instance is a row from now on, and nothing else; false when one of its waits is over."""
        due = min(wait.due for wait in parked.waits)
        types = frozenset(wait.type for wait in parked.waits if wait.type is not None)
        if due <= self._clock.now() or any(event.type in types for event in lease.inbox):
            return False
        incarnation = lease.ref.incarnation
        if not await self._ledger.park(incarnation, lease.epoch, due, types):
            return False
        self._release(lease)
        self._parked(incarnation, due)
        return True

    def _release(self, lease: Lease) -> None:
        lease.stop()
        if self.leases.get(lease.ref.incarnation) is lease:
            del self.leases[lease.ref.incarnation]
            self.left_alone(lease.ref.incarnation)

    def _granted(self, lease: Lease) -> None:
        if lease.status == "queued":
            self._begin(lease)
            return
        self.start(lease)
        lease.changed()

    async def _run(self, lease: Lease, drive: Drive) -> None:
        try:
            if lease.after is not None:
                await asyncio.wait((lease.after,))
                lease.after = None
            if not lease.lease_ok():
                return
            outcome = lease.outcome or await drive(lease)
            async with self.turns.of(lease.ref.incarnation):
                lease.outcome = None
                await self._conclude(lease, outcome)
                goes_on = isinstance(outcome, Parked) and lease.lease_ok()
                if isinstance(outcome, Parked) and goes_on and lease.status == "running":
                    goes_on = not await self._park(lease, outcome)
                lease.run = None
                if goes_on:
                    self.begin(lease)
                else:
                    self.rest(lease)
        except Fenced:
            log.debug('"%s" was taken from this run', lease.ref.id)
        except Exception as error:
            log.exception('the run of %s "%s" broke off', lease.ref.workflow, lease.ref.id)
            self.broke_off(lease, error)

    async def _take_again(self, lease: Lease) -> None:
        """Claims an instance anew whose run broke off, until that succeeds: nothing else would move it."""
        async with self.turns.of(lease.ref.incarnation):
            if self._drive is None or self.leases.get(lease.ref.incarnation) is not lease:
                return  # the engine was closed, or a command has ended it or begun it anew
            try:
                taken = await self._ledger.claim([lease.ref.incarnation])
            except Exception as error:  # noqa: BLE001  # whatever the ledger has
                self.broke_off(lease, error)
                return
            lease.stop()
            for claim in taken:
                self.take(claim)

    def broke_off(self, lease: Lease, error: Exception) -> None:
        """Whoever watches it learns why; it is tried again where the cause may pass."""
        lease.broken = error
        lease.give_back()
        lease.audience.failed(error)
        if passes(error):
            self._clock.call_later(AGAIN, lambda: self.tasks.spawn(self._take_again(lease)))
