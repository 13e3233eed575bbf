"""Where the rows of an embedded backend are kept: nine verbs, each one atomic and durable when awaited.

Verbs that write are plain functions that return a future: the order of calls is the order of the writes.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from workflows.backend import InboxEvent, Instance, NewInstance
from workflows.chunks import Chunks
from workflows.entry import Entry, Moment
from workflows.lifecycle import Command, Transition
from workflows.types import Usage

__all__ = ["NOTHING", "Applied", "Change", "Claim", "Ending", "Ledger"]


@dataclass(frozen=True, slots=True)
class Claim:
    """All that is known of an unfinished instance, leased with a new epoch."""

    instance: Instance
    epoch: int
    entries: list[Entry]
    inbox: list[InboxEvent]
    moments: list[Moment]


@dataclass(frozen=True, slots=True)
class Ending:
    """What a transition writes beside the status."""

    output: bytes | None = None
    error: bytes | None = None
    reason: str | None = None
    unasked: tuple[str, ...] = ()


NOTHING = Ending()


@dataclass(frozen=True, slots=True)
class Change:
    """A command that is applied at a time."""

    command: Command
    at: float
    order: int
    """The place of the first moment that it makes."""
    idle: bool = True
    """No attempt runs."""
    epoch: int | None = None
    """Only while this is the instance's; None: whatever it is."""
    ending: Ending = NOTHING


@dataclass(frozen=True, slots=True)
class Applied:
    """What a transition did, and the instance after it."""

    transition: Transition
    instance: Instance
    epoch: int


class Ledger(Protocol):
    """Rows of instances, entries, events and moments; those of streams have verbs of their own."""

    @property
    def chunks(self) -> Chunks:
        """What steps stream; an entry that is deleted takes its chunks with it."""

    def insert(self, new: Sequence[NewInstance], moments: Sequence[Moment]) -> Future[list[Instance | None]]:
        """New instances with epoch 1, running; None where the id is taken."""

    async def find(self, workflow: str, id: str) -> Instance | None:
        """The instance that has the id."""

    async def read(self, incarnation: int) -> Instance | None:
        """The instance with this incarnation."""

    def history(self, incarnation: int) -> Future[tuple[list[Moment], list[Entry]]]:
        """What subscribers see of the instance itself, and its entries by ordinal.

        Shows every write that was called before it.
        """

    async def usage(self, incarnation: int) -> Usage:
        """Sums over the entries of `step.do`."""

    def claim(self, workflows: Iterable[str]) -> Future[list[Claim]]:
        """Every unfinished instance of these workflows, each with its epoch raised."""

    def put(self, incarnation: int, epoch: int, entry: Entry, *, consume: int | None) -> Future[None]:
        """The entry as it is now, and the consumed event gone; `Fenced` when the epoch has been raised."""

    def deliver(self, incarnation: int, type: str, payload: bytes, at: float) -> Future[InboxEvent]:
        """A new event; `InstanceFinished` when the instance is finished."""

    def transition(self, incarnation: int, change: Change) -> Future[Applied | None]:
        """Applies the lifecycle table; None when it changes nothing, `Fenced` when the epoch is another."""
