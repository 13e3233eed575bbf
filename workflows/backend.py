"""The seam: a journal, an inbox, a clock and a lease.

Above it the driver runs `run()`; below it a backend keeps the truth. A backend promises:

- what it has acknowledged survives the process;
- an instance has one lease at a time; what an older lease writes raises `Fenced`;
- an event is consumed in the same transaction as the entry that received it, so exactly once;
- unfinished instances are driven again when `serve` begins, or when what they wait for has come.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from workflows.entry import Entry, Key, Moment, Smooth
from workflows.lifecycle import Command
from workflows.rehearsal import Rehearsals
from workflows.spent import Spent
from workflows.sqlite.operation import Operation
from workflows.streams.chunks import Chunk
from workflows.types import UNUSED, CronFiring, RollbackStatus, Status, Usage

__all__ = [
    "FOREVER",
    "Activation",
    "Awaited",
    "Backend",
    "Complete",
    "Drive",
    "Errored",
    "Halted",
    "InboxEvent",
    "Instance",
    "Kept",
    "Listing",
    "NewInstance",
    "NewMoment",
    "Outcome",
    "Parked",
    "Ref",
    "Rollback",
    "Seen",
    "StepChunks",
    "Stopped",
    "Undoing",
    "Undone",
]


class Ref(NamedTuple):
    """One incarnation of an instance; an id that was deleted and taken again has another one."""

    workflow: str
    id: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many seconds an instance is kept once it has ended; None: until it is deleted."""

    success: float | None = None
    """After it is complete or was terminated."""
    error: float | None = None


FOREVER = Kept()


@dataclass(frozen=True, slots=True)
class NewInstance:
    """What `create` is given."""

    workflow: str
    id: str
    params: bytes
    kept: Kept = FOREVER
    firing: CronFiring | None = None
    parent: int | None = None
    """The incarnation of the instance whose step created it."""
    follows: bool = False
    """It is terminated when its parent ends before it."""
    also: Operation[object] | None = None
    """What else its creation writes into the engine's store: both are there, or neither."""


@dataclass(frozen=True, slots=True)
class Undoing:
    """A rollback that is under way: what failed, and how the instance ends afterwards."""

    error: bytes
    ends: Literal["errored", "terminated"]


@dataclass(frozen=True, slots=True)
class Damage:
    """The row of an instance is not what was written."""

    reason: str
    leaves: frozenset[Command]
    """What may be done to it yet."""


class Instance(NamedTuple):
    """An instance as it is kept."""

    ref: Ref
    status: Status
    params: bytes
    created_at: float
    output: bytes | None = None
    error: bytes | None = None
    finished_at: float | None = None
    paused_at: float | None = None
    reason: str | None = None
    unasked: tuple[str, ...] = ()
    begun: bool = True
    """It has left the queue once."""
    kept: Kept = FOREVER
    firing: CronFiring | None = None
    parent: int | None = None
    follows: bool = False
    undoing: Undoing | None = None
    rollback: RollbackStatus | None = None
    used: Usage = UNUSED
    """By steps that a restart has forgotten."""
    damage: Damage | None = None
    """It is shown as paused for this reason, with nothing of what cannot be believed."""

    @property
    def expires_at(self) -> float | None:
        """When its time is over; None when it is kept, or has not ended."""
        kept = self.kept.error if self.status == "errored" else self.kept.success
        return None if kept is None or self.finished_at is None else self.finished_at + kept


@dataclass(frozen=True, slots=True)
class Listing:
    """Which instances of a workflow are wanted: all conditions hold, and a None is no condition."""

    workflow: str
    statuses: frozenset[Status] | None = None
    since: float | None = None
    """Created at this instant or later."""
    until: float | None = None
    """Created before this instant."""
    after: int | None = None
    """The incarnation of the last one that was seen."""
    newest_first: bool = False
    most: int = 100


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """An event that was sent and has not been consumed."""

    number: int
    type: str
    payload: bytes
    at: float


class NewMoment(NamedTuple):
    """A moment that has no place in the order yet."""

    type: str
    at: float
    detail: dict[str, Any]


class Seen(NamedTuple):
    """A moment as subscribers get it: of a step when `entry` is given, else of the instance."""

    moment: Moment
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Complete:
    """`run()` returned. `unasked`: recorded steps that this run did not ask for."""

    output: bytes
    unasked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Errored:
    """An error left `run()`, or ended it past every `except`."""

    error: bytes
    unasked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollback:
    """An error left `run()`, and steps that have started are to be undone before the instance ends."""

    error: bytes
    unasked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """The compensations have run, or one of them failed for good."""

    rollback: RollbackStatus


@dataclass(frozen=True, slots=True)
class Halted:
    """The run cannot go on with today's code; the instance is paused with the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was let go: its lease is gone, or the engine stops. Nothing is recorded."""


class Awaited(NamedTuple):
    """A wait that is over once `due` has come, or an event of `type` is there."""

    due: float
    """Epoch seconds; infinite when no time ends it."""
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """The run was let go while all that it did was wait; it is driven again once one wait is over.

    Nothing is recorded. While the instance is paused, `resume` drives it again.
    """

    waits: tuple[Awaited, ...]


Outcome = Complete | Errored | Rollback | Undone | Halted | Parked | Stopped


class StepChunks(Protocol):
    """What one step streams; writes are ordered by call and fenced like records."""

    def append(self, part: bytes) -> Future[int]:
        """One more part, and its place; the entry must have been recorded in this attempt."""

    def start_over(self) -> Future[None]:
        """An attempt after the first begins: whoever reads its parts sees a reset."""

    def spool(self, first: int, rows: Sequence[bytes]) -> Future[None]:
        """Rows of its result, from number `first` on; the entry must have been recorded in this attempt."""

    def discard(self) -> Future[None]:
        """The rows of this attempt are no result."""

    async def rows(self, *, attempt: int, first: int, count: int) -> list[bytes]:
        """At most `count` rows of its result, from number `first` on, counted from 1."""


class Activation(Protocol):
    """A leased instance, as the driver sees it."""

    ref: Ref
    params: bytes
    created_at: float
    epoch: int
    """Of the lease; higher for each one that follows."""
    firing: CronFiring | None
    undoing: Undoing | None
    """The run is there to undo what an earlier one has done."""
    status: Status
    """`running`, `waitingForPause` or `paused`."""
    journal: dict[Key, Entry]
    inbox: list[InboxEvent]
    """Oldest first; the driver takes out what it consumes."""
    running: int
    """How many attempts run; kept by the driver."""
    waiting: int
    """How many sleeps, waits and retry delays are under way, also while parked; kept by the driver."""
    late: int
    """How many of them are due, and go on as soon as the instance is open; kept by the driver."""

    def record(
        self, entry: Entry, moments: Iterable[NewMoment] | Smooth, *, consume: int | None = None
    ) -> Awaitable[None]:
        """Writes `entry` and what subscribers see of it; durable when awaited.

        The order of calls is the order of the journal. `consume` is the number of the event that the entry
        received. Raises `Fenced` when the lease is gone.
        """

    def spend(self, step: str, spent: Spent) -> Future[None]:
        """Adds to what the step has spent; written also when the lease is gone, in the order of the calls."""

    async def spent(self) -> Spent:
        """What the instance that all began with, and all its descendants, have spent."""

    def chunks(self, entry: Entry) -> StepChunks:
        """What the step of `entry` streams."""

    @property
    def open(self) -> bool:
        """It may run: it is `running`, and holds a slot where there is a limit."""

    def ask(self) -> None:
        """It has something to run: when it is not open for want of a slot, it gets one in its turn."""

    def settle(self) -> None:
        """The last attempt has ended while the instance was waiting for its pause."""

    def listen(
        self, changed: Callable[[], object] | None, cut_off: Callable[[], object] | None = None
    ) -> None:
        """`changed` is called when the status, an entry's `due`, the inbox or the lease has changed.

        `cut_off` is called when the lease is about to be taken away by a command: what is recorded in it is
        written before that.
        """

    def lease_ok(self) -> bool:
        """False: whatever the run does is refused, so it should stop."""


Drive = Callable[[Activation], Awaitable[Outcome]]


class Backend(Protocol):
    """The control side: what bindings, handles and the engine ask for."""

    rehearsals: Rehearsals
    """What tests change in its instances."""

    async def create(self, new: Sequence[NewInstance]) -> list[Instance | None]:
        """The created instances, durable, all or none; None where the id is taken."""

    async def select(self, listing: Listing) -> list[Instance]:
        """What fits `listing`, in the order of creation."""

    async def find(self, workflow: str, id: str) -> Instance | None:
        """The instance that has the id today; `waiting` while nothing of it runs."""

    async def known(self, wanted: Sequence[tuple[str, str]]) -> list[Instance]:
        """Those that exist, of workflows and ids: as in `select`, without their params and outputs."""

    async def usage(self, ref: Ref) -> Usage:
        """What the recorded steps of the instance have used."""

    async def undecided(self, ref: Ref) -> tuple[str, ...]:
        """Its steps that wait for a decision, in the order in which they started."""

    async def journal(self, ref: Ref) -> list[Entry]:
        """Its entries, in the order in which the steps started."""

    def watch(self, ref: Ref, cursor: int) -> AsyncIterator[Seen]:
        """Its moments after `cursor`, then live ones; ends after the one that ends the instance."""

    def stream(self, ref: Ref, key: Key, offset: int) -> AsyncIterator[Chunk]:
        """What a step has streamed after `offset`, then live; ends when the step or the instance has ended.

        A chunk without data says that a later attempt starts over.
        """

    async def send_event(self, ref: Ref, type: str, payload: bytes, *, decides: Key | None = None) -> None:
        """Durable when it returns; `InstanceFinished` when nobody can receive it any more.

        With `decides` it is refused unless that step waits for a decision and has not got one.
        """

    async def control(self, ref: Ref, command: Command, *, step: Key | None = None) -> None:
        """Applies a command of the lifecycle table; durable when it returns. `rewind` goes back to `step`."""

    async def finished(self, ref: Ref) -> Instance:
        """Waits until the instance is complete, errored or terminated."""

    async def serve(self, workflows: Iterable[str], drive: Drive) -> None:
        """Drives every unfinished instance of these workflows, and every new one, until `close`."""

    async def close(self) -> None:
        """Lets all runs go and returns when nothing of this backend is under way."""
