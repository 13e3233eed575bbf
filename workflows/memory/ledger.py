"""The ledger that forgets: rows in dicts, for tests and for work that may be lost with the process."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from itertools import islice

from workflows import decision
from workflows.backend import InboxEvent, Instance, Listing, Ref
from workflows.change import Change, Plan, planned, used_by
from workflows.claims import Tried
from workflows.entry import Entry, Key, Moment
from workflows.errors import Fenced, InstanceFinished, InstanceNotFound
from workflows.kin import Told, astray, end_of, end_type, lets_go
from workflows.ledger import Applied, Birth, Claim, Delivered, Suspect
from workflows.lifecycle import Effect
from workflows.memory.acknowledged import acknowledged as _acknowledged
from workflows.memory.chunks import MemoryChunks
from workflows.memory.listing import fits
from workflows.memory.spending import MemorySpending
from workflows.spent import Spent
from workflows.sqlite.store import Store
from workflows.timers.table import add_together
from workflows.types import FINAL, UNUSED, Usage

__all__ = ["MemoryLedger"]


@dataclass(slots=True)
class _Row:
    instance: Instance
    epoch: int = 1
    entries: dict[int, Entry] = field(default_factory=dict)
    inbox: dict[int, InboxEvent] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    wake: float | None = None
    """When it wakes; None: it is not parked."""
    awaits: frozenset[str] = frozenset()
    """The types of events that wake it."""

    @property
    def awake(self) -> bool:
        goes_on = self.instance.status not in FINAL and self.instance.status != "paused"
        return goes_on and (self.wake is None or decision.asks(self.awaits))

    def wakes_up(self) -> None:
        self.wake, self.awaits = None, frozenset()

    def woken_by(self, type: str) -> bool:
        if type not in self.awaits:
            return False
        self.wakes_up()
        return True


class MemoryLedger:
    """`Ledger` over dicts; a write is visible at once and acknowledged in the next turn of the loop."""

    def __init__(self, store: Store | None = None) -> None:
        """`store` has what is written together with instances, as who hears of ends; it forgets, too."""
        self._store = store
        self._rows: dict[int, _Row] = {}
        self._ids: dict[tuple[str, str], int] = {}
        self._children: dict[int, dict[int, None]] = {}
        """Of those that are kept, by the incarnation of their parent."""
        self._last_incarnation = 0
        self._last_event = 0
        self.chunks = MemoryChunks(self._rows)
        self._spending = MemorySpending(self._rows)

    async def room(self) -> None:
        """See `Ledger.room`."""

    def insert(self, births: Sequence[Birth]) -> asyncio.Future[list[Instance | None]]:
        """See `Ledger.insert`."""
        also = [birth.new.also for birth in births if birth.new.also is not None]
        inserted = _acknowledged(lambda: [self._insert(birth) for birth in births])
        if not also:
            return inserted
        company = self._with_company(births, inserted)
        return asyncio.create_task(company, context=Context())  # not one of the run's that creates them

    async def find(self, workflow: str, id: str) -> Instance | None:
        """See `Ledger.find`."""
        incarnation = self._ids.get((workflow, id))
        return None if incarnation is None else self._rows[incarnation].instance

    async def known(self, wanted: Sequence[tuple[str, str]]) -> list[Instance]:
        """See `Ledger.known`."""
        return [self._rows[self._ids[one]].instance for one in set(map(tuple, wanted)) if one in self._ids]

    async def read(self, incarnation: int) -> Instance | None:
        """See `Ledger.read`."""
        row = self._rows.get(incarnation)
        return None if row is None else row.instance

    async def select(self, listing: Listing) -> list[Instance]:
        """See `Ledger.select`."""
        rows = sorted(self._rows.items(), reverse=listing.newest_first)
        fitting = (row.instance for _, row in rows if fits(row.instance, listing))
        return list(islice(fitting, listing.most))

    def history(self, incarnation: int) -> asyncio.Future[tuple[list[Moment], list[Entry]]]:
        """See `Ledger.history`."""
        return _acknowledged(lambda: self._history(self._row(incarnation)))

    async def usage(self, incarnation: int) -> Usage:
        """See `Ledger.usage`."""
        used = UNUSED
        for one in self._kin(incarnation):
            used = used_by(self._rows[one].entries.values(), _sum(used, self._rows[one].instance.used))
        spent = self._spending.of(self._kin(incarnation))
        return dataclasses.replace(used, tokens=spent.tokens, money=spent.money)

    def spend(self, incarnation: int, step: str, spent: Spent) -> asyncio.Future[None]:  # noqa: ARG002
        """See `Ledger.spend`."""
        return _acknowledged(lambda: self._spending.add(incarnation, spent))

    async def spent(self, incarnation: int) -> Spent:
        """See `Ledger.spent`."""
        while (row := self._rows.get(incarnation)) is not None and row.instance.parent in self._rows:
            incarnation = row.instance.parent
        return self._spending.of(self._kin(incarnation))

    async def undecided(self, incarnation: int) -> tuple[str, ...]:
        """See `Ledger.undecided`."""
        row = self._row(incarnation)
        asking = [entry.key for _, entry in sorted(row.entries.items()) if entry.undecided]
        return tuple(str(key) for key in asking if not _has_event(row, decision.sent_as(key)))

    async def awake(self, workflows: Iterable[str]) -> list[int]:
        """See `Ledger.awake`."""
        wanted = frozenset(workflows)
        return [one for one, row in self._rows.items() if row.awake and row.instance.ref.workflow in wanted]

    async def suspects(self, workflows: Iterable[str], after: int) -> list[Suspect]:  # noqa: ARG002
        """None: this ledger dies with its process."""
        return []

    def claim(
        self,
        incarnations: Sequence[int],
        tried: Tried = Tried.NOT,  # noqa: ARG002  # nobody counts
    ) -> asyncio.Future[list[Claim]]:
        """See `Ledger.claim`."""
        rows = [self._rows[one] for one in incarnations if one in self._rows]
        return _acknowledged(lambda: [self._claim(row) for row in rows if row.instance.status not in FINAL])

    def acquit(self, resting: Sequence[int], undecided: Sequence[int]) -> asyncio.Future[None]:  # noqa: ARG002
        """Nothing: this ledger dies with its process."""
        return _acknowledged(lambda: None)

    def let_go(self) -> asyncio.Future[None]:
        """Nothing: this ledger dies with its process."""
        return _acknowledged(lambda: None)

    def park(self, incarnation: int, epoch: int, wake: float, types: frozenset[str]) -> asyncio.Future[bool]:
        """See `Ledger.park`."""
        return _acknowledged(lambda: self._park(self._leased(incarnation, epoch), wake, types))

    async def wakes(
        self, workflows: Iterable[str], after: tuple[float, int], most: int
    ) -> list[tuple[float, int]]:
        """See `Ledger.wakes`."""
        wanted = frozenset(workflows)
        parked = (
            (row.wake, one)
            for one, row in self._rows.items()
            if row.wake is not None and row.wake < math.inf and row.instance.ref.workflow in wanted
        )
        return heapq.nsmallest(most, (due for due in parked if due > after))

    async def astray(self, workflows: Iterable[str]) -> list[Ref]:
        """See `Ledger.astray`."""
        wanted = frozenset(workflows)
        following = [one.instance for one in self._rows.values() if one.instance.follows]
        open_ = [one for one in following if one.status not in FINAL and one.ref.workflow in wanted]
        return [one.ref for one in open_ if self._is_astray(one)]

    async def unserved(self, workflows: Iterable[str]) -> dict[str, int]:
        """See `Ledger.unserved`."""
        names = (row.instance.ref.workflow for row in self._rows.values() if row.instance.status not in FINAL)
        return dict(Counter(name for name in names if name not in frozenset(workflows)))

    def put(self, incarnation: int, epoch: int, entry: Entry, *, consume: int | None) -> asyncio.Future[None]:
        """See `Ledger.put`."""
        return _acknowledged(lambda: self._put(incarnation, epoch, _kept(entry), consume))

    def deliver(
        self, incarnation: int, type: str, payload: bytes, at: float, *, decides: Key | None = None
    ) -> asyncio.Future[Delivered]:
        """See `Ledger.deliver`."""
        return _acknowledged(lambda: self._deliver(incarnation, type, payload, at, decides))

    def transition(self, incarnation: int, change: Change) -> asyncio.Future[Applied | None]:
        """See `Ledger.transition`."""
        applied = _acknowledged(lambda: self._transition(self._row(incarnation), change))
        return applied if change.told is None else asyncio.ensure_future(self._with_notices(applied))

    def expire(self, now: float, most: int) -> asyncio.Future[None]:
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
        if instance.parent is not None:
            self._children.setdefault(instance.parent, {})[instance.ref.incarnation] = None
        return instance

    def _history(self, row: _Row) -> tuple[list[Moment], list[Entry]]:
        return list(row.moments), [_kept(entry) for entry in row.entries.values()]

    def _claim(self, row: _Row) -> Claim:
        row.epoch += 1
        row.wakes_up()
        return self._claimed(row)

    def _park(self, row: _Row, wake: float, types: frozenset[str]) -> bool:
        if any(event.type in types for event in row.inbox.values()):
            return False
        row.wake, row.awaits = wake, types
        return True

    def _leased(self, incarnation: int, epoch: int) -> _Row:
        row = self._row(incarnation)
        if row.epoch != epoch:
            raise Fenced(f'the lease of "{row.instance.ref.id}" is gone')
        return row

    def _claimed(self, row: _Row) -> Claim:
        entries = [_kept(entry) for entry in row.entries.values()]
        return Claim(row.instance, row.epoch, entries, list(row.inbox.values()), list(row.moments))

    def _put(self, incarnation: int, epoch: int, entry: Entry, consume: int | None) -> None:
        row = self._leased(incarnation, epoch)
        row.entries[entry.ordinal] = entry
        if consume is not None:
            del row.inbox[consume]

    def _deliver(
        self, incarnation: int, type: str, payload: bytes, at: float, decides: Key | None
    ) -> Delivered:
        row = self._row(incarnation)
        if row.instance.status in FINAL:
            raise InstanceFinished(
                f'"{row.instance.ref.id}" is {row.instance.status}: nobody receives "{type}"'
            )
        if decides is not None:
            asks = any(entry.undecided for entry in row.entries.values() if entry.key == decides)
            if (refused := decision.refusal(decides, asks=asks, decided=_has_event(row, type))) is not None:
                raise refused
        return Delivered(self._sent(row, type, payload, at), row.woken_by(type))

    def _sent(self, row: _Row, type: str, payload: bytes, at: float) -> InboxEvent:
        self._last_event += 1
        event = InboxEvent(self._last_event, type, payload, at)
        row.inbox[event.number] = event
        return event

    def _told(self, before: Instance, plan: Plan, change: Change) -> Told | None:
        """The end of a child, in the inbox of its parent."""
        end, parent = None if change.astray else end_of(before, plan), before.parent
        row = None if parent is None else self._rows.get(parent)
        if end is None or row is None or row.instance.status in FINAL:
            return None
        type = end_type(before.ref.workflow, before.ref.id)
        event = self._sent(row, type, end.pack(), change.at)
        return Told(row.instance.ref.incarnation, row.epoch, event, row.woken_by(type))

    def _kin(self, incarnation: int) -> Iterator[int]:
        """It and its descendants."""
        ahead = [incarnation] if incarnation in self._rows else []
        while ahead:
            one = ahead.pop()
            yield one
            ahead += self._children.get(one, ())

    def _is_astray(self, child: Instance) -> bool:
        parent = None if child.parent is None else self._rows.get(child.parent)
        if parent is None or parent.instance.status in FINAL:
            return True
        return astray(child.ref.workflow, child.ref.id, parent.entries.values())

    def _followers(self, plan: Plan) -> tuple[Instance, ...]:
        if not lets_go(plan):
            return ()
        children = self._children.get(plan.instance.ref.incarnation, ())
        kept = (self._rows[child].instance for child in children)
        return tuple(one for one in kept if one.follows and one.status not in FINAL)

    def _transition(self, row: _Row, change: Change) -> Applied | None:
        if change.epoch is not None and row.epoch != change.epoch:
            raise Fenced(f'the lease of "{row.instance.ref.id}" is gone')
        plan = planned(row.instance, change, lambda: self._history(row))
        if plan is None:
            return None
        before, followers = row.instance, self._followers(plan)
        row.epoch += plan.rule.fences
        row.instance = plan.instance
        row.wakes_up()
        self._carry_out(row, plan)
        told = self._told(before, plan, change)
        remains = self._claimed(row) if Applied.goes_on(plan) else None
        return Applied(plan, row.epoch, remains, (), told, followers)

    async def _with_company(
        self, births: Sequence[Birth], inserted: asyncio.Future[list[Instance | None]]
    ) -> list[Instance | None]:
        """What is also written goes into the store, which forgets, too; when it fails, nobody is born."""
        born = await inserted
        also = [birth.new.also for birth, one in zip(births, born, strict=True) if one is not None]
        assert self._store is not None, "who writes more with an instance gives a store for it"
        try:
            await self._store.write(lambda connection: [op(connection) for op in also if op is not None])
        except BaseException:
            for one in born:
                if one is not None:
                    self._erase(one)
            raise
        return born

    async def _with_notices(self, done: asyncio.Future[Applied | None]) -> Applied | None:
        applied = await done
        if applied is None or (new := applied.plan.notices) is None:
            return applied
        assert self._store is not None, "who tells of ends gives a store for it"
        dues = await self._store.write(lambda connection: add_together(connection, new))
        return applied._replace(dues=dues)

    def _carry_out(self, row: _Row, plan: Plan) -> None:
        if plan.rule.effect is Effect.ERASE:
            self._erase(row.instance)
            return
        if plan.forget_from is not None:
            self.chunks.forget(row.instance.ref.incarnation, plan.forget_from)
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

    def _expire(self, now: float, most: int) -> None:
        for instance in [instance for instance, when in self._expiries() if when <= now][:most]:
            self._erase(instance)

    def _expiries(self) -> list[tuple[Instance, float]]:
        instances = [row.instance for row in self._rows.values()]
        ends = [(instance, instance.expires_at) for instance in instances]
        return [(instance, when) for instance, when in ends if when is not None]

    def _erase(self, instance: Instance) -> None:
        self._spending.bequeath(instance.ref.incarnation, instance.parent)
        del self._ids[instance.ref.workflow, instance.ref.id]
        del self._rows[instance.ref.incarnation]
        self.chunks.forget(instance.ref.incarnation)
        self._children.pop(instance.ref.incarnation, None)
        if instance.parent is not None:
            self._children.get(instance.parent, {}).pop(instance.ref.incarnation, None)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.steps + other.steps, one.attempts + other.attempts, one.active + other.active)


def _has_event(row: _Row, type: str) -> bool:
    return any(event.type == type for event in row.inbox.values())


def _kept(entry: Entry) -> Entry:
    """A copy that the driver's later changes do not reach."""
    return copy.copy(entry)
