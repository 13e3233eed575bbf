"""Parents and children: how a parent learns of a child's end, and which children follow their parent.

The end of a child is an event in the inbox of its parent, written in the transaction that ends the child. So
a parent waits for a child as it waits for any event, and neither a crash nor the child's deletion hides the
end from it. The type of that event has dots, which no event of a user's may have.

Pure: ledgers ask inside their transactions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import orjson

from workflows.backend import InboxEvent, Instance
from workflows.change import Plan
from workflows.entry import Entry, Kind, State
from workflows.lifecycle import Effect
from workflows.types import FINAL, Status

__all__ = ["ChildId", "End", "Told", "astray", "child_of", "end_of", "end_type", "lets_go", "noted"]


class ChildId(NamedTuple):
    """Which child a step waits for, as its entry says."""

    workflow: str
    id: str
    follows: bool


class Told(NamedTuple):
    """The event that tells a parent of the end of a child."""

    parent: int
    epoch: int
    """Of the parent, when it was told."""
    event: InboxEvent
    wakes: bool
    """The parent was parked, and waited for this: it is to be claimed."""


@dataclass(frozen=True, slots=True)
class End:
    """How a child ended."""

    status: Status | Literal["deleted"]
    stored: bytes = b""
    """Its output or its error."""

    def pack(self) -> bytes:
        """As the payload of an event; the output is not read, so that it stays what it was."""
        return self.status.encode() + b"\n" + self.stored

    @classmethod
    def unpack(cls, payload: bytes) -> End:
        """The inverse of `pack`."""
        status, _, stored = payload.partition(b"\n")
        return cls(status.decode(), stored)  # type: ignore[arg-type]  # `pack` wrote one of them

    @classmethod
    def of(cls, instance: Instance) -> End:
        """Of an instance that has ended."""
        return cls(instance.status, instance.output or instance.error or b"")


def end_type(workflow: str, id: str) -> str:
    """The type of the event that tells of the end of this child."""
    return f"child.{workflow}.{id}"


def end_of(before: Instance, plan: Plan) -> End | None:
    """What the parent is told, when `plan` ends a child."""
    instance = plan.instance
    if instance.parent is None or before.status in FINAL:
        return None
    if plan.rule.effect is Effect.ERASE:
        return End("deleted")
    return End.of(instance) if instance.status in FINAL else None


def lets_go(plan: Plan) -> bool:
    """Children that follow the instance may have lost the step that waits for them."""
    erases = plan.rule.effect in (Effect.WIPE, Effect.REWIND, Effect.ERASE)
    return erases or plan.instance.status in FINAL


def noted(child: ChildId) -> bytes:
    """What the entry of a step keeps, so that `child_of` finds it."""
    return orjson.dumps(child._asdict())


def child_of(entry: Entry) -> ChildId:
    """The child that the step of `entry` waits for."""
    assert entry.config is not None, "it is written when the step starts"
    return ChildId(**orjson.loads(entry.config))


def astray(workflow: str, id: str, parent: Iterable[Entry]) -> bool:
    """No step in the journal of its parent waits for this child, so one that follows has nobody to follow."""
    return not any(
        entry.key.kind is Kind.CHILD
        and entry.state is State.WAITING
        and child_of(entry)[:2] == (workflow, id)
        for entry in parent
    )
