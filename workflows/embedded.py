"""The backend of one process: leases, inboxes and followers, over a ledger.

Everything that changes an instance goes through this object on one event loop, and the ledger writes in the
order of calls; so what a lease holds in memory is what the ledger will hold once the write is acknowledged.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import nullcontext
from contextvars import Context
from typing import Any, TypeVar

from workflows import lifecycle
from workflows.audience import Audience
from workflows.backend import (
    Complete,
    Drive,
    Errored,
    Halted,
    Instance,
    NewInstance,
    Outcome,
    Ref,
    Seen,
    Stopped,
)
from workflows.chunks import Chunk
from workflows.clock import Clock
from workflows.entry import Entry, Key, Moment, last_order
from workflows.errors import EngineClosed, Fenced, InstanceNotFound
from workflows.lease import Lease
from workflows.ledger import NOTHING, Applied, Change, Claim, Ending, Ledger
from workflows.lifecycle import BEGUN, ENDS, Command, Effect
from workflows.reading import Reading
from workflows.types import FINAL, Usage

__all__ = ["EmbeddedBackend"]

T = TypeVar("T")

log = logging.getLogger("workflows")


class EmbeddedBackend:
    """`Backend` over a `Ledger`, for the process that owns it."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._drive: Drive | None = None
        self._closed = False
        self._workflows: frozenset[str] = frozenset()
        self._leases: dict[int, Lease] = {}
        self._audiences: defaultdict[int, Audience] = defaultdict(Audience)
        self._changes: set[asyncio.Task[Any]] = set()
        self._runs: set[asyncio.Task[None]] = set()
        """Those that were terminated or restarted, and are still being cancelled, too."""
        self._context = Context()
        """Runs do not see the context variables of whoever created or resumed them."""

    async def serve(self, workflows: Iterable[str], drive: Drive) -> None:
        """See `Backend.serve`."""
        self._drive = drive
        self._workflows = frozenset(workflows)
        for claim in await self._ledger.claim(self._workflows):
            self._take(claim)

    async def renew(self) -> None:
        """Lets all runs go and drives them again from the ledger, as a new process would."""
        await self._let_go()
        for claim in await self._ledger.claim(self._workflows):
            self._take(claim)

    async def close(self) -> None:
        """See `Backend.close`."""
        self._drive = None
        await self._let_go()
        for audience in self._audiences.values():
            audience.failed(
                EngineClosed("the engine was closed before the instance ended; it goes on when opened")
            )
        self._audiences.clear()
        self._closed = True

    async def create(self, new: Sequence[NewInstance]) -> list[Instance | None]:
        """See `Backend.create`."""
        return await self._uninterrupted(self._create(new))

    async def find(self, workflow: str, id: str) -> Instance | None:
        """See `Backend.find`."""
        self._refuse_when_closed()
        instance = await self._ledger.find(workflow, id)
        if instance is not None and instance.status == "running":
            lease = self._leases.get(instance.ref.incarnation)
            if lease is not None and lease.seen_waiting:
                return dataclasses.replace(instance, status="waiting")
        return instance

    async def usage(self, ref: Ref) -> Usage:
        """See `Backend.usage`."""
        return await self._ledger.usage(ref.incarnation)

    async def journal(self, ref: Ref) -> list[Entry]:
        """See `Backend.journal`."""
        _, entries = await self._ledger.history(ref.incarnation)
        return entries

    async def finished(self, ref: Ref) -> Instance:
        """See `Backend.finished`."""
        self._refuse_when_closed()
        lease = self._leases.get(ref.incarnation)
        if lease is None:
            return await self._known(ref)
        if lease.broken is not None:
            raise lease.broken
        return await self._audiences[ref.incarnation].end()

    async def watch(self, ref: Ref, cursor: int) -> AsyncIterator[Seen]:
        """See `Backend.watch`."""
        audience = self._audiences[ref.incarnation]
        queue = audience.join()
        try:
            moments, entries = await self._ledger.history(ref.incarnation)
            history = [Seen(moment, None) for moment in moments]
            history += [Seen(moment, entry) for entry in entries for moment in entry.moments]
            history.sort(key=lambda seen: seen.moment.order)
            last = 0
            for seen in history:
                last = seen.moment.order
                if last > cursor:
                    yield seen
            lease = self._leases.get(ref.incarnation)
            if lease is None:
                return
            if lease.broken is not None:
                raise lease.broken
            async for seen in _following(queue, last):
                if seen.moment.order > cursor:
                    yield seen
        finally:
            audience.leave(queue)
            if ref.incarnation not in self._leases:
                self._audiences.pop(ref.incarnation, None)

    async def stream(self, ref: Ref, key: Key, offset: int) -> AsyncIterator[Chunk]:
        """See `Backend.stream`."""
        self._refuse_when_closed()
        audience = self._audiences[ref.incarnation]
        bell = audience.attend(key)
        reading = Reading(self._ledger.chunks, ref.incarnation, key, offset, bell)
        try:
            while True:
                lease = self._leases.get(ref.incarnation)
                page = await reading.page(live=lease is not None and lease.broken is None)
                if page is None:
                    if lease is not None and lease.broken is not None:
                        raise lease.broken
                    return
                for chunk in page:
                    yield chunk
        finally:
            audience.dismiss(bell)
            if ref.incarnation not in self._leases:
                self._audiences.pop(ref.incarnation, None)

    async def send_event(self, ref: Ref, type: str, payload: bytes) -> None:
        """See `Backend.send_event`."""
        await self._uninterrupted(self._deliver(ref, type, payload))

    async def control(self, ref: Ref, command: Command) -> None:
        """See `Backend.control`."""
        await self._uninterrupted(self._control(ref, command))

    async def _uninterrupted(self, change: Coroutine[Any, Any, T]) -> T:
        """A caller that is cancelled stops waiting; the change itself happens as a whole."""
        if self._closed:
            change.close()  # nobody will await it
        self._refuse_when_closed()
        return await asyncio.shield(self._spawn(change))

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise EngineClosed("the engine of this handle was closed: take a new one of an open engine")

    def _spawn(self, change: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(change, context=self._context.copy())
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return task

    async def _let_go(self) -> None:
        await asyncio.gather(*self._changes, return_exceptions=True)
        for lease in self._leases.values():
            lease.stop()
        await asyncio.gather(*self._runs, return_exceptions=True)
        self._leases.clear()

    async def _create(self, new: Sequence[NewInstance]) -> list[Instance | None]:
        now = self._clock.now()
        begun = [Moment(order, name, now, {}) for order, name in enumerate(BEGUN, 1)]
        created = await self._ledger.insert(new, begun)
        for instance in created:
            if instance is not None and instance.ref.workflow in self._workflows:
                self._take(Claim(instance, 1, [], [], begun))
        return created

    async def _deliver(self, ref: Ref, type: str, payload: bytes) -> None:
        lease = self._leases.get(ref.incarnation)
        async with lease.turn if lease is not None else nullcontext():
            event = await self._ledger.deliver(ref.incarnation, type, payload, self._clock.now())
            current = self._leases.get(ref.incarnation)
            if current is not None:
                current.inbox.append(event)
                current.changed()

    async def _control(self, ref: Ref, command: Command) -> None:
        lease = self._leases.get(ref.incarnation)
        if lease is None:
            await self._control_unleased(ref, command)
            return
        async with lease.turn:
            if self._leases.get(ref.incarnation) is lease:
                await self._apply(lease, command)
                return
        await self._control(ref, command)  # it ended or began anew while this command waited for its turn

    async def _control_unleased(self, ref: Ref, command: Command) -> None:
        """A finished instance, or one of a workflow that this process does not serve."""
        moments, entries = await self._ledger.history(ref.incarnation)
        order = 1 if command == "restart" else last_order(moments, entries) + 1
        applied = await self._ledger.transition(ref.incarnation, Change(command, self._clock.now(), order))
        if applied is not None and applied.transition.rule.effect is Effect.WIPE:
            self._begin_anew(applied, self._clock.now())

    async def _apply(self, lease: Lease, command: Command, ending: Ending = NOTHING) -> None:
        """One command, with the lease's turn held: the status changes in memory first, so that no attempt
        starts while the change is being written."""
        at = self._clock.now()
        idle = lease.running == 0
        paused_for = 0.0 if lease.paused_at is None else at - lease.paused_at
        plan = lifecycle.apply(
            lease.status, lease.journal.values(), command, idle=idle, paused_for=paused_for
        )
        if plan is None:
            return
        order = 1 if plan.rule.effect is Effect.WIPE else lease.next_order(len(plan.rule.seen))
        before, lease.status = lease.status, plan.rule.status
        try:
            change = Change(command, at, order, idle, lease.epoch, ending)
            applied = await self._ledger.transition(lease.ref.incarnation, change)
        except BaseException:
            lease.status = before
            lease.changed()
            raise
        assert applied is not None, "memory and ledger apply one table to one status"
        await self._applied(lease, applied, [Seen(moment, None) for moment in plan.moments(at, order)])

    async def _applied(self, lease: Lease, applied: Applied, seen: list[Seen]) -> None:
        """The change is durable: the run and the followers learn of it."""
        rule, instance = applied.transition.rule, applied.instance
        lease.paused_at = instance.paused_at
        for entry, due in applied.transition.dues:
            lease.journal[entry.key].due = due
        if rule.effect is Effect.WIPE:
            lease.audience.show([None])
            self._begin_anew(applied, instance.created_at)
        lease.audience.show(seen)
        if instance.status in FINAL:
            self._leases.pop(lease.ref.incarnation, None)
            self._audiences.pop(lease.ref.incarnation, None)
            lease.audience.ended(instance)
        if rule.fences:
            lease.stop()
        lease.changed()
        if instance.status == "running":
            self._start(lease)
        if instance.status == "waitingForPause" and lease.running == 0:
            await self._apply(lease, "settle")

    def _settle(self, lease: Lease) -> None:
        self._spawn(self._settled(lease))

    async def _settled(self, lease: Lease) -> None:
        async with lease.turn:
            if lease.status == "waitingForPause" and lease.running == 0:
                await self._apply(lease, "settle")

    async def _known(self, ref: Ref) -> Instance:
        instance = await self._ledger.read(ref.incarnation)
        if instance is None:
            raise InstanceNotFound(f'instance.not_found: {ref.workflow} has no instance "{ref.id}" any more')
        return instance

    def _begin_anew(self, applied: Applied, at: float) -> None:
        begun = applied.transition.moments(at, 1)
        if applied.instance.ref.workflow in self._workflows:
            self._take(Claim(applied.instance, applied.epoch, [], [], begun))

    def _take(self, claim: Claim) -> None:
        incarnation = claim.instance.ref.incarnation
        lease = Lease(claim, self._ledger, self._audiences[incarnation], self._settle)
        self._leases[incarnation] = lease
        self._start(lease)

    def _start(self, lease: Lease) -> None:
        """Lets the driver run the lease, unless the instance is paused: then `resume` does."""
        if self._drive is None or lease.run is not None or lease.status == "paused" or not lease.lease_ok():
            return
        lease.run = asyncio.create_task(
            self._run(lease, self._drive),
            name=f"{lease.ref.workflow} {lease.ref.id}",
            context=self._context.copy(),
        )
        self._runs.add(lease.run)
        lease.run.add_done_callback(self._runs.discard)

    async def _run(self, lease: Lease, drive: Drive) -> None:
        try:
            outcome = lease.outcome or await drive(lease)
            async with lease.turn:
                lease.outcome = None
                await self._conclude(lease, outcome)
                lease.run = None
        except Fenced:
            log.debug('"%s" was taken from this run', lease.ref.id)
        except Exception as error:
            log.exception('the run of %s "%s" broke off', lease.ref.workflow, lease.ref.id)
            lease.broken = error
            lease.audience.failed(error)

    async def _conclude(self, lease: Lease, outcome: Outcome) -> None:
        if isinstance(outcome, Stopped) or not lease.lease_ok():
            return
        if lease.status == "paused":
            lease.outcome = outcome
            return
        match outcome:
            case Complete(output, unasked):
                await self._apply(lease, "complete", Ending(output=output, unasked=unasked))
            case Errored(error, unasked):
                await self._apply(lease, "error", Ending(error=error, unasked=unasked))
            case Halted(reason):
                log.error('%s "%s" is paused: %s', lease.ref.workflow, lease.ref.id, reason)
                await self._apply(lease, "pause", Ending(reason=reason))


async def _following(queue: asyncio.Queue[Seen | Exception | None], last: int) -> AsyncIterator[Seen]:
    """Moments of `queue` after `last`, until the one that ends the instance."""
    while True:
        seen = await queue.get()
        if seen is None:
            last = 0
        elif isinstance(seen, Exception):
            raise seen
        elif seen.moment.order > last:
            last = seen.moment.order
            yield seen
            if seen.moment.type in ENDS:
                return
