"""The ledger that forgets: rows in dicts, for tests and for work that may be lost with the process."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from workflows import lifecycle
from workflows.acknowledged import acknowledged as _acknowledged
from workflows.backend import InboxEvent, Instance, NewInstance, Ref
from workflows.clock import Clock
from workflows.entry import Entry, Kind, Moment
from workflows.errors import Fenced, InstanceFinished, InstanceNotFound
from workflows.ledger import Applied, Change, Claim
from workflows.lifecycle import Effect
from workflows.memory_chunks import MemoryChunks
from workflows.types import FINAL, Usage

__all__ = ["MemoryLedger"]


@dataclass(slots=True)
class _Row:
    instance: Instance
    epoch: int = 1
    entries: dict[int, Entry] = field(default_factory=dict)
    inbox: dict[int, InboxEvent] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)


class MemoryLedger:
    """`Ledger` over dicts; a write is visible at once and acknowledged in the next turn of the loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rows: dict[int, _Row] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._last_event = 0
        self.chunks = MemoryChunks(self._rows)

    def insert(
        self, new: Sequence[NewInstance], moments: Sequence[Moment]
    ) -> asyncio.Future[list[Instance | None]]:
        """See `Ledger.insert`."""
        return _acknowledged(lambda: [self._insert(one, moments) for one in new])

    async def find(self, workflow: str, id: str) -> Instance | None:
        """See `Ledger.find`."""
        incarnation = self._ids.get((workflow, id))
        return None if incarnation is None else self._rows[incarnation].instance

    async def read(self, incarnation: int) -> Instance | None:
        """See `Ledger.read`."""
        row = self._rows.get(incarnation)
        return None if row is None else row.instance

    def history(self, incarnation: int) -> asyncio.Future[tuple[list[Moment], list[Entry]]]:
        """See `Ledger.history`."""
        return _acknowledged(lambda: self._history(self._row(incarnation)))

    async def usage(self, incarnation: int) -> Usage:
        """See `Ledger.usage`."""
        done = [entry for entry in self._row(incarnation).entries.values() if entry.key.kind is Kind.DO]
        return Usage(len(done), sum(e.attempts for e in done), sum(e.active for e in done))

    def claim(self, workflows: Iterable[str]) -> asyncio.Future[list[Claim]]:
        """See `Ledger.claim`."""
        wanted = frozenset(workflows)
        return _acknowledged(
            lambda: [self._claim(row) for row in self._rows.values() if _is_open(row, wanted)]
        )

    def put(self, incarnation: int, epoch: int, entry: Entry, *, consume: int | None) -> asyncio.Future[None]:
        """See `Ledger.put`."""
        return _acknowledged(lambda: self._put(incarnation, epoch, _kept(entry), consume))

    def deliver(self, incarnation: int, type: str, payload: bytes, at: float) -> asyncio.Future[InboxEvent]:
        """See `Ledger.deliver`."""
        return _acknowledged(lambda: self._deliver(incarnation, type, payload, at))

    def transition(self, incarnation: int, change: Change) -> asyncio.Future[Applied | None]:
        """See `Ledger.transition`."""
        return _acknowledged(lambda: self._transition(self._row(incarnation), change))

    def _row(self, incarnation: int) -> _Row:
        if incarnation not in self._rows:
            raise InstanceNotFound(f"instance.not_found: incarnation {incarnation} was deleted")
        return self._rows[incarnation]

    def _insert(self, new: NewInstance, moments: Sequence[Moment]) -> Instance | None:
        if (new.workflow, new.id) in self._ids:
            return None
        incarnation = len(self._rows) + 1
        ref = Ref(new.workflow, new.id, incarnation)
        instance = Instance(ref, "running", new.params, created_at=self._clock.now())
        self._ids[new.workflow, new.id] = incarnation
        self._rows[incarnation] = _Row(instance, moments=list(moments))
        return instance

    def _history(self, row: _Row) -> tuple[list[Moment], list[Entry]]:
        return list(row.moments), [_kept(entry) for entry in row.entries.values()]

    def _claim(self, row: _Row) -> Claim:
        row.epoch += 1
        entries = [_kept(entry) for entry in row.entries.values()]
        return Claim(row.instance, row.epoch, entries, list(row.inbox.values()), list(row.moments))

    def _put(self, incarnation: int, epoch: int, entry: Entry, consume: int | None) -> None:
        row = self._row(incarnation)
        if row.epoch != epoch:
            raise Fenced(f'the lease of "{row.instance.ref.id}" is gone')
        row.entries[entry.ordinal] = entry
        if consume is not None:
            del row.inbox[consume]

    def _deliver(self, incarnation: int, type: str, payload: bytes, at: float) -> InboxEvent:
        row = self._row(incarnation)
        if row.instance.status in FINAL:
            raise InstanceFinished(
                f'"{row.instance.ref.id}" is {row.instance.status}: nobody receives "{type}"'
            )
        self._last_event += 1
        event = InboxEvent(self._last_event, type, payload, at)
        row.inbox[event.number] = event
        return event

    def _transition(self, row: _Row, change: Change) -> Applied | None:
        before = row.instance
        if change.epoch is not None and row.epoch != change.epoch:
            raise Fenced(f'the lease of "{before.ref.id}" is gone')
        paused_for = 0.0 if before.paused_at is None else change.at - before.paused_at
        done = lifecycle.apply(
            before.status, row.entries.values(), change.command, idle=change.idle, paused_for=paused_for
        )
        if done is None:
            return None
        if done.rule.effect is Effect.WIPE:
            row.entries, row.inbox, row.moments = {}, {}, []
            self.chunks.forget(before.ref.incarnation)
        for entry, due in done.dues:
            entry.due = due
        row.epoch += done.rule.fences
        row.moments += done.moments(change.at, change.order)
        status = done.rule.status
        row.instance = dataclasses.replace(
            before,
            status=status,
            output=change.ending.output,
            error=change.ending.error,
            reason=change.ending.reason,
            unasked=change.ending.unasked,
            finished_at=change.at if status in FINAL else None,
            paused_at=change.at if status == "paused" else None,
        )
        return Applied(done, row.instance, row.epoch)


def _is_open(row: _Row, workflows: frozenset[str]) -> bool:
    return row.instance.status not in FINAL and row.instance.ref.workflow in workflows


def _kept(entry: Entry) -> Entry:
    """A copy that the driver's later changes do not reach."""
    kept = copy.copy(entry)
    kept.moments = list(entry.moments)
    return kept
