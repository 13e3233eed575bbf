"""What each command does in each status: one table, and the function that applies it.

All transitions of an instance stand here, and nowhere else; this file does not know where rows are kept.
Every ledger applies it inside its own transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from workflows.entry import Entry, Moment, State
from workflows.errors import InstanceFinished
from workflows.types import FINAL, Status

__all__ = ["BEGUN", "ENDS", "Command", "Effect", "Rule", "Transition", "apply"]

Command = Literal["pause", "settle", "resume", "terminate", "restart", "complete", "error"]
"""`settle` (the last attempt before a pause ended), `complete` and `error` come from the engine."""


class Effect(Enum):
    """What a transition does to the journal and the inbox."""

    KEEP = "keep"
    SHIFT = "shift"
    """Move every `due` by the time that the instance was paused, unless the user named the instant."""
    WIPE = "wipe"
    """Forget entries, events and history: the instance begins anew."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One cell of the table."""

    status: Status
    seen: tuple[str, ...] = ()
    effect: Effect = Effect.KEEP
    fences: bool = False
    """The run that holds the lease loses it."""


@dataclass(frozen=True, slots=True)
class Transition:
    """What a command did: the new status, what subscribers see, the journal's new dues."""

    before: Status
    rule: Rule
    dues: tuple[tuple[Entry, float], ...] = ()

    def moments(self, at: float, order: int) -> list[Moment]:
        """What subscribers see of it, from place `order` on."""
        return [Moment(order + i, name, at, {}) for i, name in enumerate(self.rule.seen)]


BEGUN = ("workflow_queued", "workflow_started", "workflow_running")
"""What subscribers see of an instance that starts at once."""

ENDS = frozenset({"workflow_completed", "workflow_errored", "workflow_terminated"})
"""After one of these a subscription ends."""

_PAUSE_NOW = Rule("paused", ("workflow_waiting_for_pause", "workflow_paused"))
_PAUSE_SOON = Rule("waitingForPause", ("workflow_waiting_for_pause",))
_RUN = Rule("running", ("workflow_running",))
_TERMINATE = Rule("terminated", ("workflow_terminated",), fences=True)
_RESTART = Rule("running", BEGUN, Effect.WIPE, fences=True)
_COMPLETE = Rule("complete", ("workflow_completed",))
_ERROR = Rule("errored", ("workflow_errored",))

_TABLE: dict[tuple[Status, Command], Rule] = {
    ("running", "pause"): _PAUSE_SOON,
    ("running", "terminate"): _TERMINATE,
    ("running", "complete"): _COMPLETE,
    ("running", "error"): _ERROR,
    ("waitingForPause", "settle"): Rule("paused", ("workflow_paused",)),
    ("waitingForPause", "resume"): _RUN,
    ("waitingForPause", "terminate"): _TERMINATE,
    ("waitingForPause", "complete"): _COMPLETE,
    ("waitingForPause", "error"): _ERROR,
    ("paused", "resume"): Rule("running", ("workflow_running",), Effect.SHIFT),
    ("paused", "terminate"): _TERMINATE,
}


def apply(
    status: Status, entries: Iterable[Entry], command: Command, *, idle: bool, paused_for: float
) -> Transition | None:
    """The transition for `command`, or None when it changes nothing.

    `idle`: no attempt runs, so a pause need not wait. Raises `InstanceFinished` where the table has no answer
    because the instance is finished.
    """
    rule = _RESTART if command == "restart" else _TABLE.get((status, command))
    if rule is _PAUSE_SOON and idle:
        rule = _PAUSE_NOW
    if rule is None:
        if command == "terminate" and status in FINAL:
            raise InstanceFinished(
                "(instance.cannot_terminate) Cannot terminate instance since its on a finite state"
            )
        return None
    dues = tuple(_shifted(entries, paused_for)) if rule.effect is Effect.SHIFT else ()
    return Transition(status, rule, dues)


def _shifted(entries: Iterable[Entry], seconds: float) -> Iterable[tuple[Entry, float]]:
    for entry in entries:
        if entry.state is State.WAITING and entry.due is not None and not entry.fixed:
            yield entry, entry.due + seconds
