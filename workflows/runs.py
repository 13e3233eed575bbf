"""The leases of this process, and the runs that hold them."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextvars import Context
from typing import Any
from weakref import WeakValueDictionary

from workflows.audience import Audience
from workflows.backend import Drive, InboxEvent, Outcome, Parked
from workflows.clock import Clock
from workflows.errors import Fenced, StoreError, StoreFailed
from workflows.lease import Lease
from workflows.ledger import Claim, Ledger
from workflows.limited import LimitedLease
from workflows.parked import ParkedInstances
from workflows.slots import Slots

__all__ = ["Runs"]

log = logging.getLogger("workflows")

_AGAIN = 5.0
"""Seconds until a run that broke off is tried again."""


class Runs:
    """Who is leased here, who watches it, and the task that runs it.

    `conclude` writes what a run came to, `settle` that its last attempt before a pause has ended, and `begin`
    that a queued instance has got its slot.
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
    ) -> None:
        self.leases: dict[int, Lease] = {}
        self.audiences: defaultdict[int, Audience] = defaultdict(Audience)
        self.workflows: frozenset[str] = frozenset()
        self._left: WeakValueDictionary[int, Lease] = WeakValueDictionary()
        """Of instances that have ended while attempts of theirs ran: these go on, and hold them here."""
        self._ledger = ledger
        self._slots = slots
        self._clock = clock
        self._conclude = conclude
        self._settle = settle
        self._begin = begin
        self._drive: Drive | None = None
        self.parked = ParkedInstances(clock, self._wake)
        self.tasks: set[asyncio.Task[None]] = set()
        """Those that were terminated or restarted, and are still being cancelled, too."""
        self._context = Context()
        """Runs do not see the context variables of whoever created or resumed them."""

    async def serve(self, workflows: Iterable[str], drive: Drive) -> None:
        """Claims every unfinished instance of these workflows and drives it."""
        self._drive = drive
        self.workflows = frozenset(workflows)
        await self.claim()

    async def claim(self) -> None:
        """Takes every unfinished instance with a new epoch."""
        for claim in await self._ledger.claim(self.workflows):
            self.take(claim)

    async def let_go(self) -> None:
        """Takes every lease away, and returns when none of its runs is left."""
        for lease in self.leases.values():
            lease.stop()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.parked.clear()

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
        self.leases[incarnation] = lease
        return lease

    def begin(self, lease: Lease) -> None:
        """Starts the run of a new lease."""
        if lease.status == "waitingForPause":
            self._settle(lease)  # the process was killed while an attempt ran
        else:
            self.start(lease)

    def start(self, lease: Lease) -> None:
        """Lets the driver run the lease, unless it is paused, or has no slot yet."""
        if self._drive is None or lease.status == "paused" or not lease.lease_ok() or not lease.enter():
            return
        if lease.run is not None or lease.status == "queued":
            return
        self.parked.forget(lease.ref.incarnation)
        lease.run = asyncio.create_task(
            self._run(lease, self._drive),
            name=f"{lease.ref.workflow} {lease.ref.id}",
            context=self._context.copy(),
        )
        self.tasks.add(lease.run)
        lease.run.add_done_callback(self.tasks.discard)

    def received(self, lease: Lease, event: InboxEvent) -> None:
        """The inbox of a leased instance has got this event."""
        lease.inbox.append(event)
        lease.changed()
        self.parked.received(lease.ref.incarnation, event.type)

    def forget(self, lease: Lease) -> Audience:
        """The instance has ended, or is gone: whoever watches it is to be told."""
        if self.leases.get(lease.ref.incarnation) is lease:
            del self.leases[lease.ref.incarnation]
            self.audiences.pop(lease.ref.incarnation, None)
            self.parked.forget(lease.ref.incarnation)
            if lease.running:
                self._left[lease.ref.incarnation] = lease
        lease.give_back()
        return lease.audience

    def left(self, incarnation: int) -> Lease | None:
        """What the run of a finished instance left behind still writes under this lease."""
        return self._left.get(incarnation)

    def _keep(self, lease: Lease, parked: Parked) -> None:
        """The lease goes on without a run; a paused one until it is resumed."""
        if lease.lease_ok() and lease.status == "running":
            self.parked.keep(lease.ref.incarnation, parked.waits, lease.inbox)

    def _wake(self, incarnation: int) -> None:
        if (lease := self.leases.get(incarnation)) is not None:
            self.start(lease)

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
            async with lease.turn:
                lease.outcome = None
                await self._conclude(lease, outcome)
                lease.run = None
                if isinstance(outcome, Parked):
                    self._keep(lease, outcome)
        except Fenced:
            log.debug('"%s" was taken from this run', lease.ref.id)
        except Exception as error:
            log.exception('the run of %s "%s" broke off', lease.ref.workflow, lease.ref.id)
            self.broke_off(lease, error)

    async def _take_again(self, lease: Lease) -> None:
        """Claims an instance anew whose run broke off, until that succeeds: nothing else would move it."""
        async with lease.turn:
            if self._drive is None or self.leases.get(lease.ref.incarnation) is not lease:
                return  # the engine was closed, or a command has ended it or begun it anew
            try:
                claims = await self._ledger.claim(self.workflows, only=lease.ref.incarnation)
            except Exception as error:  # noqa: BLE001  # whatever the ledger has
                self.broke_off(lease, error)
                return
            lease.stop()
            for claim in claims:
                self.take(claim)

    def broke_off(self, lease: Lease, error: Exception) -> None:
        """Whoever watches it learns why; it is tried again where the cause may pass."""
        lease.broken = error
        lease.give_back()
        lease.audience.failed(error)
        if _passes(error):
            self._clock.call_later(_AGAIN, lambda: self._spawn(self._take_again(lease)))

    def _spawn(self, taking: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(taking, context=self._context.copy())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


def _passes(error: Exception) -> bool:
    """The file could not be written now, e.g. because the disk is full; it may be writable later."""
    return (
        isinstance(error, StoreError)
        and not isinstance(error, StoreFailed)
        and isinstance(error.__cause__, sqlite3.OperationalError)
    ) or isinstance(error, sqlite3.OperationalError)
