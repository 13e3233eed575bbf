"""Where the rows of an embedded backend are kept: its verbs are atomic, and durable when awaited.

Verbs that write are plain functions that return a future: the order of calls is the order of the writes. They
raise nothing themselves; the future has it.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from workflows.backend import InboxEvent, Instance, Listing, NewInstance, Ref
from workflows.change import Change, Plan
from workflows.claims import Tried
from workflows.entry import Entry, Key, Moment
from workflows.kin import Told
from workflows.lifecycle import BEGUN, QUEUED
from workflows.spent import Spent
from workflows.streams.chunks import Chunks
from workflows.timers.timer import Due
from workflows.types import FINAL, Usage

__all__ = ["Applied", "Birth", "Claim", "Delivered", "Ledger", "Suspect"]


class Birth(NamedTuple):
    """A new instance, at a time: it starts at once when there is a slot for it, else it is queued."""

    new: NewInstance
    at: float
    free: bool

    @property
    def moments(self) -> list[Moment]:
        """What subscribers see of it."""
        seen = BEGUN if self.free else QUEUED
        return [Moment(order, name, self.at, {}) for order, name in enumerate(seen, 1)]

    def instance(self, incarnation: int) -> Instance:
        """As it is kept under this incarnation."""
        new = self.new
        return Instance(
            Ref(new.workflow, new.id, incarnation),
            "running" if self.free else "queued",
            new.params,
            self.at,
            begun=self.free,
            kept=new.kept,
            firing=new.firing,
            parent=new.parent,
            follows=new.follows,
        )


class Claim(NamedTuple):
    """All that is known of an unfinished instance, leased with a new epoch."""

    instance: Instance
    epoch: int
    entries: list[Entry]
    inbox: list[InboxEvent]
    moments: list[Moment]
    damage: str | None = None
    """What of it cannot be read, and so is not among the entries: it must not run."""
    claims: int = 1
    """So many processes in a row have taken it up without anything of it having ended, with this one."""
    died_alone: bool = False
    """The process before this one died while the instance was tried alone, and nothing of it had ended."""


class Suspect(NamedTuple):
    """An instance that may end the process: it is to be taken up alone."""

    incarnation: int
    workflow: str
    claims: int
    """As in `Claim`, of the process before."""
    tried: Tried
    """How the process before has let it in."""


class Delivered(NamedTuple):
    """An event that was put into an inbox."""

    event: InboxEvent
    wakes: bool
    """Its receiver was parked, and waited for this: it is to be claimed."""


class Applied(NamedTuple):
    """A change that was written: what it did, and all that is known of the instance now."""

    plan: Plan
    epoch: int
    remains: Claim | None = None
    """What to go on from, where the run has lost its lease and the instance goes on."""
    dues: tuple[Due, ...] = ()
    """Timers that were written together with it."""
    told: Told | None = None
    """It was a child that has ended: the event that its parent got."""
    followers: tuple[Instance, ...] = ()
    """Unfinished children that follow it, when it has ended or begun anew."""

    @staticmethod
    def goes_on(plan: Plan) -> bool:
        """Another run takes over."""
        return plan.rule.fences and plan.instance.status not in FINAL


class Ledger(Protocol):
    """Rows of instances, entries, events and moments; those of streams have verbs of their own."""

    @property
    def chunks(self) -> Chunks:
        """What steps stream; an entry that is deleted takes its chunks with it."""

    async def room(self) -> None:
        """Waits while many writes are queued, for whoever can make ever more of them."""

    def insert(self, births: Sequence[Birth]) -> Future[list[Instance | None]]:
        """New instances with epoch 1, all or none, with what is `also` written; None where the id is taken.

        What an operation of `also` raises is the outcome, and nothing is written.
        """

    async def select(self, listing: Listing) -> list[Instance]:
        """What fits `listing`, by the statuses that are kept, in the order of creation."""

    def expire(self, now: float, most: int) -> Future[None]:
        """Erases up to `most` instances whose time is over, each of them as a whole."""

    async def next_expiry(self) -> float | None:
        """When the next one's time is over."""

    async def find(self, workflow: str, id: str) -> Instance | None:
        """The instance that has the id."""

    async def known(self, wanted: Sequence[tuple[str, str]]) -> list[Instance]:
        """Those that exist, of workflows and ids, without params and outputs; in any order."""

    async def read(self, incarnation: int) -> Instance | None:
        """The instance with this incarnation."""

    def history(self, incarnation: int) -> Future[tuple[list[Moment], list[Entry]]]:
        """What subscribers see of the instance itself, and its entries by ordinal.

        Shows every write that was called before it.
        """

    async def usage(self, incarnation: int) -> Usage:
        """Sums over the entries of `step.do` and of compensations: forgotten ones and descendants', too."""

    def spend(self, incarnation: int, step: str, spent: Spent) -> Future[None]:
        """Adds to what the step has spent; nothing when the instance was deleted.

        What a deleted child has spent, its parent has.
        """

    async def spent(self, incarnation: int) -> Spent:
        """Sums over the family: its first ancestor that is kept, and all descendants of that one."""

    async def undecided(self, incarnation: int) -> tuple[str, ...]:
        """Its steps that wait for a decision and have not got one, by ordinal."""

    async def awake(self, workflows: Iterable[str]) -> list[int]:
        """Incarnations that have something to run: they are neither ended, nor paused, nor parked.

        Those that wait for a decision are among them, as today's code may decide.
        """

    async def suspects(self, workflows: Iterable[str], after: int) -> list[Suspect]:
        """Those of `awake` that `after - 1` processes or more have taken up in vain, and this one has not.

        First those that the process before let in last. Without those of which it is certain: after `after`
        processes, the last of which tried it alone.
        """

    def claim(self, incarnations: Sequence[int], tried: Tried = Tried.NOT) -> Future[list[Claim]]:
        """Those of them that have not ended, each with its epoch raised, and not parked any more.

        `tried`: it is a suspect that is let in.
        """

    def acquit(self, resting: Sequence[int], undecided: Sequence[int]) -> Future[None]:
        """`resting` only wait, so a death says nothing of them; `undecided` are tried no more."""

    def let_go(self) -> Future[None]:
        """This process has let go of all instances in order, so that its end does not count."""

    def park(self, incarnation: int, epoch: int, wake: float, types: frozenset[str]) -> Future[bool]:
        """Until it is claimed, it waits for `wake`, which may be infinite, or an event of one of `types`.

        False, and nothing is written, when such an event is there. `Fenced` when the epoch has been raised.
        """

    async def wakes(
        self, workflows: Iterable[str], after: tuple[float, int], most: int
    ) -> list[tuple[float, int]]:
        """When those that are parked wake, and their incarnations: the next `most` of them after `after`."""

    async def astray(self, workflows: Iterable[str]) -> list[Ref]:
        """Unfinished children that follow, and that no step of an unfinished parent waits for."""

    async def unserved(self, workflows: Iterable[str]) -> dict[str, int]:
        """How many unfinished instances there are of each workflow that is not one of these."""

    def put(self, incarnation: int, epoch: int, entry: Entry, *, consume: int | None) -> Future[None]:
        """The entry as it is now, and the consumed event gone; `Fenced` when the epoch has been raised."""

    def deliver(
        self, incarnation: int, type: str, payload: bytes, at: float, *, decides: Key | None = None
    ) -> Future[Delivered]:
        """A new event; `InstanceFinished` when the instance is finished, `decision.refusal` of `decides`."""

    def transition(self, incarnation: int, change: Change) -> Future[Applied | None]:
        """Applies the lifecycle table; None when it changes nothing, `Fenced` when the epoch is another.

        The end of a child is told to its parent in the same transaction.
        """
