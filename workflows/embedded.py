"""The backend of one process: leases, inboxes and watchers, over a ledger.

Everything that changes an instance goes through this object on one event loop, and the ledger writes in the
order of calls; so what a lease holds in memory is what the ledger will hold once the write is acknowledged.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import sqlite3
from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextvars import Context
from functools import partial
from typing import Any, TypeVar

from workflows.backend import Drive, Instance, Listing, NewInstance, Ref, Seen
from workflows.clock import Clock
from workflows.commands import Commands
from workflows.entry import Entry, Key
from workflows.errors import EngineClosed, InstanceNotFound, StoreError
from workflows.ledger import Birth, Claim, Ledger
from workflows.lifecycle import Command
from workflows.notice import Tell
from workflows.rehearsal import Rehearsals
from workflows.slots import Slots
from workflows.streams.chunks import Chunk
from workflows.types import FINAL, Status, Usage
from workflows.watching import read, watch

__all__ = ["EmbeddedBackend"]

T = TypeVar("T")

log = logging.getLogger("workflows")

_KEPT_AS: dict[Status, frozenset[Status]] = {
    "waiting": frozenset({"running"}),
    "queued": frozenset({"queued", "running"}),
}
"""Under which statuses the ledger keeps what is shown as another one."""


class EmbeddedBackend:
    """`Backend` over a `Ledger`, for the process that owns it."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        slots: Slots | None = None,
        tell: Tell | None = None,
        quarantine_after: int | None = None,
    ) -> None:
        self.rehearsals = Rehearsals()
        self._ledger = ledger
        self._clock = clock
        self._commands = Commands(ledger, clock, slots, tell, quarantine_after)
        self._runs = self._commands.runs
        self._closed = False
        self._renewing = asyncio.Lock()
        self._renewals: set[asyncio.Task[None]] = set()
        self._claiming = asyncio.Lock()
        """Held while leases are renewed: no change begins then."""

    async def serve(self, workflows: Iterable[str], drive: Drive) -> None:
        """See `Backend.serve`."""
        served = tuple(workflows)
        self._runs.serve(served, drive)
        await self._commands.followers.sweep()
        await self._commands.claimer.open()
        for name, count in (await self._ledger.unserved(served)).items():
            log.warning(
                "%d unfinished instance(s) of %s are left alone: this engine was not given that workflow",
                count,
                name,
            )
        await self._commands.pruner.open()

    async def renew(self) -> None:
        """Lets all runs go and drives them again from the ledger, as a new process would.

        A caller that is cancelled stops waiting, and nothing else.
        """
        renewal = asyncio.create_task(self._renew(), context=Context())
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)
        await asyncio.shield(renewal)

    async def _renew(self) -> None:
        async with self._renewing:
            self._refuse_when_closed()
            await self._let_go()
            async with self._claiming:
                await self._quiet()
                self._runs.drop()
                await self._commands.claimer.open()

    async def close(self) -> None:
        """See `Backend.close`."""
        self._runs.close()
        await self._commands.pruner.close()
        async with self._renewing:
            await self._let_go()
            self._closed = True
            await self._quiet()
            await self._in_order()
        self._runs.leases.clear()
        for audience in self._runs.audiences.values():
            audience.failed(
                EngineClosed("the engine was closed before the instance ended; it goes on when opened")
            )
        self._runs.audiences.clear()

    async def create(self, new: Sequence[NewInstance]) -> list[Instance | None]:
        """See `Backend.create`."""
        await self._ledger.room()
        await self._admitted()
        now = self._clock.now()
        births = [Birth(one, now, self._runs.reserve(one.workflow)) for one in new]
        written = self._ledger.insert(births)
        self._commands.changes.hold(written)
        # No task: what follows waits for nothing. The callback comes before the caller goes on.
        written.add_done_callback(partial(self._created, births))
        return await asyncio.shield(written)

    async def find(self, workflow: str, id: str) -> Instance | None:
        """See `Backend.find`."""
        instance = await self._read(lambda: self._ledger.find(workflow, id))
        return None if instance is None else self._shown(instance)

    async def select(self, listing: Listing) -> list[Instance]:
        """See `Backend.select`."""
        wanted = listing.statuses
        if wanted is not None:
            kept = frozenset(status for one in wanted for status in _KEPT_AS.get(one, (one,)))
            listing = dataclasses.replace(listing, statuses=kept)
        return await self._read(lambda: self._select(listing, wanted))

    async def known(self, wanted: Sequence[tuple[str, str]]) -> list[Instance]:
        """See `Backend.known`."""
        return [self._shown(one) for one in await self._read(lambda: self._ledger.known(wanted))]

    async def usage(self, ref: Ref) -> Usage:
        """See `Backend.usage`."""
        return await self._read(lambda: self._ledger.usage(ref.incarnation))

    async def undecided(self, ref: Ref) -> tuple[str, ...]:
        """See `Backend.undecided`."""
        return await self._read(lambda: self._ledger.undecided(ref.incarnation))

    async def journal(self, ref: Ref) -> list[Entry]:
        """See `Backend.journal`."""
        _, entries = await self._read(lambda: self._ledger.history(ref.incarnation))
        return entries

    async def finished(self, ref: Ref) -> Instance:
        """See `Backend.finished`."""
        self._refuse_when_closed()
        lease = self._runs.leases.get(ref.incarnation)
        if (broken := self._runs.broken(ref.incarnation)) is not None:
            raise broken
        audience = self._runs.audiences[ref.incarnation]
        end = audience.await_end()
        try:
            if lease is None:
                instance = await self._read(lambda: self._known(ref))
                if instance.damage is not None:
                    raise StoreError(instance.damage.reason)
                if instance.status in FINAL or ref.workflow not in self._runs.workflows:
                    return instance
            return await end
        finally:
            audience.give_up(end)
            self._runs.left_alone(ref.incarnation)

    def watch(self, ref: Ref, cursor: int) -> AsyncIterator[Seen]:
        """See `Backend.watch`."""
        self._refuse_when_closed()
        return watch(ref, cursor, ledger=self._ledger, runs=self._runs)

    def stream(self, ref: Ref, key: Key, offset: int) -> AsyncIterator[Chunk]:
        """See `Backend.stream`."""
        self._refuse_when_closed()
        return read(ref, key, offset, ledger=self._ledger, runs=self._runs)

    async def send_event(self, ref: Ref, type: str, payload: bytes, *, decides: Key | None = None) -> None:
        """See `Backend.send_event`."""
        await self._uninterrupted(self._deliver(ref, type, payload, decides))

    async def control(self, ref: Ref, command: Command, *, step: Key | None = None) -> None:
        """See `Backend.control`."""
        await self._uninterrupted(self._commands.control(ref, command, step))

    async def _uninterrupted(self, change: Coroutine[Any, Any, T]) -> T:
        """A caller that is cancelled stops waiting; the change itself happens as a whole."""
        try:
            await self._admitted()
        except BaseException:
            change.close()  # nobody will await it
            raise
        return await asyncio.shield(self._commands.spawn(change))

    async def _admitted(self) -> None:
        """Returns when a change may begin, and that has to be at once."""
        while self._claiming.locked():
            async with self._claiming:
                pass
        self._refuse_when_closed()

    async def _read(self, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` gives; also one that the closing of the file overtakes says that it was the engine."""
        self._refuse_when_closed()
        try:
            return await read()
        except StoreError:
            self._refuse_when_closed()
            raise

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise EngineClosed("the engine of this handle was closed: take a new one of an open engine")

    async def _let_go(self) -> None:
        await self._commands.settled()
        await self._commands.claimer.let_go()

    async def _quiet(self) -> None:
        """Carries out what has come while runs were let go; nothing more may come."""
        while self._commands.changes or self._commands.claimer.under_way:
            await self._let_go()

    async def _in_order(self) -> None:
        """What ran is not to be blamed for the end of this process."""
        try:
            await self._ledger.let_go()
        except (StoreError, sqlite3.Error) as error:
            log.warning("that all instances were let go was not written: %s", error)

    def _created(self, births: Sequence[Birth], written: Future[list[Instance | None]]) -> None:
        """Those that are new run now, whatever has become of the caller."""
        self._commands.changes.release(written)
        failed = written.cancelled() or written.exception() is not None
        created = [None] * len(births) if failed else written.result()
        for birth, instance in zip(births, created, strict=True):
            if instance is None and birth.free:
                self._runs.give_back(birth.new.workflow)
            elif instance is not None and instance.ref.workflow in self._runs.workflows:
                self.rehearsals.created(instance.ref.workflow, instance.ref.id)
                self._runs.take(Claim(instance, 1, [], [], birth.moments), reserved=birth.free)

    async def _deliver(self, ref: Ref, type: str, payload: bytes, decides: Key | None) -> None:
        await self._ledger.room()
        async with self._runs.turns.of(ref.incarnation):
            event, wakes = await self._ledger.deliver(
                ref.incarnation, type, payload, self._clock.now(), decides=decides
            )
            lease = self._runs.leases.get(ref.incarnation)
            if lease is not None:
                self._runs.received(lease, event)
        if wakes and ref.workflow in self._runs.workflows:
            self._commands.claimer.wake(ref.incarnation)

    async def _select(self, listing: Listing, wanted: frozenset[Status] | None) -> list[Instance]:
        found: list[Instance] = []
        while page := await self._ledger.select(listing):
            shown = (self._shown(instance) for instance in page)
            found += [one for one in shown if wanted is None or one.status in wanted]
            if len(found) >= listing.most or len(page) < listing.most:
                break
            listing = dataclasses.replace(listing, after=page[-1].ref.incarnation)
        return found[: listing.most]

    def _shown(self, instance: Instance) -> Instance:
        """With the status that only this process knows."""
        if instance.status != "running" or instance.ref.workflow not in self._runs.workflows:
            return instance
        lease = self._runs.leases.get(instance.ref.incarnation)
        if lease is None:
            return instance._replace(status="waiting")
        if lease.queued:
            return instance._replace(status="queued")
        return instance._replace(status="waiting") if lease.seen_waiting else instance

    async def _known(self, ref: Ref) -> Instance:
        instance = await self._ledger.read(ref.incarnation)
        if instance is None:
            raise InstanceNotFound(f'instance.not_found: {ref.workflow} has no instance "{ref.id}" any more')
        return instance
