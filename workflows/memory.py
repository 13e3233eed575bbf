"""The ledger that forgets: rows in dicts, for tests and for work that may be lost with the process."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from workflows import decision
from workflows.backend import InboxEvent, Instance, Listing
from workflows.change import Change, Plan, planned, used_by
from workflows.entry import Entry, Key, Moment
from workflows.errors import Fenced, InstanceFinished, InstanceNotFound
from workflows.ledger import Applied, Birth, Claim
from workflows.lifecycle import Effect
from workflows.types import FINAL, Usage

__all__ = ["MemoryLedger"]

T = TypeVar("T")


@dataclass(slots=True)
class _Row:
    instance: Instance
    epoch: int = 1
    entries: dict[int, Entry] = field(default_factory=dict)
    inbox: dict[int, InboxEvent] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)


class MemoryLedger:
    """`Ledger` over dicts; a write is visible at once and acknowledged in the next turn of the loop."""

    def __init__(self) -> None:
        self._rows: dict[int, _Row] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._last_incarnation = 0
        self._last_event = 0

    def insert(self, births: Sequence[Birth]) -> asyncio.Future[list[Instance | None]]:
        """See `Ledger.insert`."""
        return _acknowledged(lambda: [self._insert(birth) for birth in births])

    async def find(self, workflow: str, id: str) -> Instance | None:
        """See `Ledger.find`."""
        incarnation = self._ids.get((workflow, id))
        return None if incarnation is None else self._rows[incarnation].instance

    async def read(self, incarnation: int) -> Instance | None:
        """See `Ledger.read`."""
        row = self._rows.get(incarnation)
        return None if row is None else row.instance

    async def select(self, listing: Listing) -> list[Instance]:
        """See `Ledger.select`."""
        rows = sorted(self._rows.items(), reverse=listing.newest_first)
        fitting = (row.instance for _, row in rows if _fits(row.instance, listing))
        return list(islice(fitting, listing.most))

    def history(self, incarnation: int) -> asyncio.Future[tuple[list[Moment], list[Entry]]]:
        """See `Ledger.history`."""
        return _acknowledged(lambda: self._history(self._row(incarnation)))

    async def usage(self, incarnation: int) -> Usage:
        """See `Ledger.usage`."""
        row = self._row(incarnation)
        return used_by(row.entries.values(), row.instance.used)

    async def undecided(self, incarnation: int) -> tuple[str, ...]:
        """See `Ledger.undecided`."""
        row = self._row(incarnation)
        asking = [entry.key for _, entry in sorted(row.entries.items()) if entry.undecided]
        return tuple(str(key) for key in asking if not _has_event(row, decision.sent_as(key)))

    def claim(self, workflows: Iterable[str], *, only: int | None = None) -> asyncio.Future[list[Claim]]:
        """See `Ledger.claim`."""
        wanted = frozenset(workflows)
        rows = self._rows.values() if only is None else [self._rows[only]] if only in self._rows else []
        return _acknowledged(lambda: [self._claim(row) for row in rows if _is_open(row, wanted)])

    async def unserved(self, workflows: Iterable[str]) -> dict[str, int]:
        """See `Ledger.unserved`."""
        names = (row.instance.ref.workflow for row in self._rows.values() if row.instance.status not in FINAL)
        return dict(Counter(name for name in names if name not in frozenset(workflows)))

    def put(self, incarnation: int, epoch: int, entry: Entry, *, consume: int | None) -> asyncio.Future[None]:
        """See `Ledger.put`."""
        return _acknowledged(lambda: self._put(incarnation, epoch, _kept(entry), consume))

    def deliver(
        self, incarnation: int, type: str, payload: bytes, at: float, *, decides: Key | None = None
    ) -> asyncio.Future[InboxEvent]:
        """See `Ledger.deliver`."""
        return _acknowledged(lambda: self._deliver(incarnation, type, payload, at, decides))

    def transition(self, incarnation: int, change: Change) -> asyncio.Future[Applied | None]:
        """See `Ledger.transition`."""
        return _acknowledged(lambda: self._transition(self._row(incarnation), change))

    def expire(self, now: float, most: int) -> asyncio.Future[list[Instance]]:
        """See `Ledger.expire`."""
        return _acknowledged(lambda: self._expire(now, most))

    async def next_expiry(self) -> float | None:
        """See `Ledger.next_expiry`."""
        return min((when for _, when in self._expiries()), default=None)

    def _row(self, incarnation: int) -> _Row:
        if incarnation not in self._rows:
            raise InstanceNotFound(f"instance.not_found: incarnation {incarnation} was deleted")
        return self._rows[incarnation]

    def _insert(self, birth: Birth) -> Instance | None:
        id = (birth.new.workflow, birth.new.id)
        if id in self._ids:
            return None
        self._last_incarnation += 1
        instance = birth.instance(self._last_incarnation)
        self._ids[id] = instance.ref.incarnation
        self._rows[instance.ref.incarnation] = _Row(instance, moments=birth.moments)
        return instance

    def _history(self, row: _Row) -> tuple[list[Moment], list[Entry]]:
        return list(row.moments), [_kept(entry) for entry in row.entries.values()]

    def _claim(self, row: _Row) -> Claim:
        row.epoch += 1
        return self._claimed(row)

    def _claimed(self, row: _Row) -> Claim:
        entries = [_kept(entry) for entry in row.entries.values()]
        return Claim(row.instance, row.epoch, entries, list(row.inbox.values()), list(row.moments))

    def _put(self, incarnation: int, epoch: int, entry: Entry, consume: int | None) -> None:
        row = self._row(incarnation)
        if row.epoch != epoch:
            raise Fenced(f'the lease of "{row.instance.ref.id}" is gone')
        row.entries[entry.ordinal] = entry
        if consume is not None:
            del row.inbox[consume]

    def _deliver(
        self, incarnation: int, type: str, payload: bytes, at: float, decides: Key | None
    ) -> InboxEvent:
        row = self._row(incarnation)
        if row.instance.status in FINAL:
            raise InstanceFinished(
                f'"{row.instance.ref.id}" is {row.instance.status}: nobody receives "{type}"'
            )
        if decides is not None:
            asks = any(entry.undecided for entry in row.entries.values() if entry.key == decides)
            if (refused := decision.refusal(decides, asks=asks, decided=_has_event(row, type))) is not None:
                raise refused
        self._last_event += 1
        event = InboxEvent(self._last_event, type, payload, at)
        row.inbox[event.number] = event
        return event

    def _transition(self, row: _Row, change: Change) -> Applied | None:
        if change.epoch is not None and row.epoch != change.epoch:
            raise Fenced(f'the lease of "{row.instance.ref.id}" is gone')
        plan = planned(row.instance, change, lambda: self._history(row))
        if plan is None:
            return None
        row.epoch += plan.rule.fences
        row.instance = plan.instance
        self._carry_out(row, plan)
        return Applied(plan, row.epoch, self._claimed(row) if Applied.goes_on(plan) else None)

    def _carry_out(self, row: _Row, plan: Plan) -> None:
        if plan.rule.effect is Effect.ERASE:
            self._erase(row.instance)
            return
        if plan.kept is not None:
            entries, row.moments = plan.kept
            forgotten = {decision.sent_as(entry.key) for entry in row.entries.values()}
            forgotten -= {decision.sent_as(entry.key) for entry in entries}
            row.inbox = {number: event for number, event in row.inbox.items() if event.type not in forgotten}
            row.entries = {entry.ordinal: entry for entry in entries}
        if plan.rule.effect is Effect.WIPE:
            row.inbox = {}
        for entry, due in plan.dues:
            row.entries[entry.ordinal].due = due
        row.moments += plan.moments

    def _expire(self, now: float, most: int) -> list[Instance]:
        gone = [instance for instance, when in self._expiries() if when <= now][:most]
        for instance in gone:
            self._erase(instance)
        return gone

    def _expiries(self) -> list[tuple[Instance, float]]:
        instances = [row.instance for row in self._rows.values()]
        ends = [(instance, instance.expires_at) for instance in instances]
        return [(instance, when) for instance, when in ends if when is not None]

    def _erase(self, instance: Instance) -> None:
        del self._ids[instance.ref.workflow, instance.ref.id]
        del self._rows[instance.ref.incarnation]


def _fits(instance: Instance, listing: Listing) -> bool:
    incarnation = instance.ref.incarnation
    seen = listing.after is not None and (
        incarnation >= listing.after if listing.newest_first else incarnation <= listing.after
    )
    return (
        instance.ref.workflow == listing.workflow
        and not seen
        and (listing.statuses is None or instance.status in listing.statuses)
        and (listing.since is None or instance.created_at >= listing.since)
        and (listing.until is None or instance.created_at < listing.until)
    )


def _has_event(row: _Row, type: str) -> bool:
    return any(event.type == type for event in row.inbox.values())


def _is_open(row: _Row, workflows: frozenset[str]) -> bool:
    return row.instance.status not in FINAL and row.instance.ref.workflow in workflows


def _kept(entry: Entry) -> Entry:
    """A copy that the driver's later changes do not reach."""
    kept = copy.copy(entry)
    kept.moments = list(entry.moments)
    return kept


def _acknowledged(write: Callable[[], T]) -> asyncio.Future[T]:
    """Runs `write` now; its outcome arrives in the next turn of the loop, as that of a commit does."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    try:
        outcome = write()
    except Exception as error:  # noqa: BLE001  # the waiter gets it
        future.get_loop().call_soon(_fail, future, error)
    else:
        future.get_loop().call_soon(_resolve, future, outcome)
    return future


def _resolve(future: asyncio.Future[T], outcome: T) -> None:
    if not future.done():
        future.set_result(outcome)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
