"""A leased instance of an embedded backend: the activation that the driver sees."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Sequence

from workflows.audience import Audience
from workflows.backend import InboxEvent, NewMoment, Outcome, Ref, Seen, StepChunks
from workflows.entry import Entry, Key, Moment, Smooth, State, last_order
from workflows.ledger import Claim, Ledger
from workflows.spent import Spent
from workflows.streams.chunks import LeasedChunks
from workflows.types import Status

__all__ = ["Lease"]


class Lease:
    """`Activation` over a ledger; `stop()` takes it away from its run."""

    def __init__(
        self, claim: Claim, ledger: Ledger, audience: Audience, settle: Callable[[Lease], None]
    ) -> None:
        self.ref: Ref = claim.instance.ref
        self.params = claim.instance.params
        self.created_at = claim.instance.created_at
        self.paused_at = claim.instance.paused_at
        self.firing = claim.instance.firing
        self.undoing = claim.instance.undoing
        self.begun = claim.instance.begun
        self.status: Status = claim.instance.status
        self.epoch = claim.epoch
        self.damage = claim.damage
        self.claims = claim.claims
        self.poison: str | None = None
        """Why it must not run: it ends the process."""
        self.journal: dict[Key, Entry] = {entry.key: entry for entry in claim.entries}
        self.inbox: list[InboxEvent] = claim.inbox
        self.running = 0
        self.waiting = 0
        self.late = 0
        self.audience = audience
        self.run: asyncio.Task[None] | None = None
        self.after: asyncio.Task[None] | None = None
        """The run of an earlier lease, which was cut off."""
        self.outcome: Outcome | None = None
        """What the run came to while the instance was paused; it is written on resume."""
        self.broken: Exception | None = None
        """Why its run broke off; it goes on once it can be written, or when the engine is opened again."""
        self._ledger = ledger
        self._settle = settle
        self._changed: Callable[[], object] | None = None
        self._cut_off: Callable[[], object] | None = None
        self._stopped = False
        self._order = last_order(claim.moments, claim.entries) + 1
        self._unheard: asyncio.Future[None] | None = None
        """The last record of which nobody is told when it is durable, as nobody listened."""

    def record(
        self, entry: Entry, moments: Iterable[NewMoment] | Smooth, *, consume: int | None = None
    ) -> Awaitable[None]:
        """See `Activation.record`."""
        new: Sequence[Moment]
        if type(moments) is Smooth:
            moments.order = self._order
            self._order += Smooth.LENGTH
            entry.moments = new = moments
        elif new := [Moment(self.next_order(), *moment) for moment in moments]:
            entry.moments = [*entry.moments, *new]
        written = self._ledger.put(self.ref.incarnation, self.epoch, entry, consume=consume)
        if not self.audience.listening:
            self._unheard = written
            return written
        seen = [Seen(moment, dataclasses.replace(entry)) for moment in new]
        key, over = entry.key, entry.ended
        written.add_done_callback(lambda done: self._show(done, seen, key, over=over))
        return asyncio.shield(written)  # who records may be cancelled; what is written is shown all the same

    async def overheard(self) -> None:
        """Returns when all is durable that was recorded while nobody listened: whoever begins to listen now
        would not be told of it, and finds it by looking."""
        if self._unheard is not None and not self._unheard.done():
            await asyncio.wait([self._unheard])

    def spend(self, step: str, spent: Spent) -> asyncio.Future[None]:
        """See `Activation.spend`."""
        return self._ledger.spend(self.ref.incarnation, step, spent)

    async def spent(self) -> Spent:
        """See `Activation.spent`."""
        return await self._ledger.spent(self.ref.incarnation)

    def chunks(self, entry: Entry) -> StepChunks:
        """See `Activation.chunks`."""
        return LeasedChunks(self._ledger.chunks, self.ref.incarnation, self.epoch, entry, self.audience.ring)

    def settle(self) -> None:
        """See `Activation.settle`."""
        self._settle(self)

    def listen(
        self, changed: Callable[[], object] | None, cut_off: Callable[[], object] | None = None
    ) -> None:
        """See `Activation.listen`."""
        self._changed, self._cut_off = changed, cut_off

    def cut_off(self) -> None:
        """A command is going to take the lease away."""
        if self._cut_off is not None:
            self._cut_off()

    def lease_ok(self) -> bool:
        """See `Activation.lease_ok`; steps that `run()` left behind go on after it is complete."""
        return not self._stopped and self.status != "terminated"

    @property
    def open(self) -> bool:
        """See `Activation.open`."""
        return self.status == "running"

    def ask(self) -> None:
        """See `Activation.ask`: without a limit, nobody waits for a slot."""

    @property
    def queued(self) -> bool:
        """It waits for its turn."""
        return self.status == "queued"

    def enter(self) -> bool:
        """It may run now; else it will hear when it may."""
        return True

    def give_back(self) -> None:
        """Nothing of it runs any more, and it needs no slot."""

    @property
    def seen_waiting(self) -> bool:
        """Nothing of it runs, and it waits for something."""
        return self.status == "running" and self.waiting > 0 and self.running == 0

    @property
    def order(self) -> int:
        """The next place in the order of moments: it grows with all that is told of steps."""
        return self._order

    @property
    def ended(self) -> int:
        """How many of its entries have ended."""
        return sum(entry.state > State.WAITING for entry in self.journal.values())

    def next_order(self, count: int = 1) -> int:
        """The first of `count` new places in the order of moments."""
        self._order += count
        return self._order - count

    def changed(self) -> None:
        """Tells the driver to look again."""
        if self._changed is not None:
            self._changed()

    def stop(self) -> None:
        """Takes the lease away."""
        self._stopped = True
        self.changed()

    def _show(self, written: asyncio.Future[None], seen: list[Seen], key: Key, *, over: bool) -> None:
        if written.exception() is None:
            self.audience.show(seen)
            self.audience.ring(key, over=over)
