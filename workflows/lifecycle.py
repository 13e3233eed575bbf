"""What each command does in each status: one table, and the function that applies it.

All transitions of an instance stand here, and nowhere else; this file does not know where rows are kept.
Every ledger applies it inside its own transaction, and the diagram in the documentation is drawn from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from workflows.entry import Entry, State
from workflows.errors import InstanceFinished
from workflows.types import FINAL, Status

__all__ = ["BEGUN", "ENDS", "QUEUED", "TABLE", "Command", "Effect", "Rule", "Standing", "Transition", "apply"]

Command = Literal[
    "start",
    "pause",
    "settle",
    "resume",
    "undo",
    "terminate",
    "restart",
    "rewind",
    "delete",
    "complete",
    "error",
]
"""From the engine: `start` (there is a slot), `settle` (the last attempt before a pause ended), `complete`,
`error`, and `undo` where an error left `run()`. From users: the others, `undo` as `terminate(rollback=True)`,
`rewind` as `restart(from_step=…)`."""


class Effect(Enum):
    """What a transition does to the journal and the inbox."""

    KEEP = "keep"
    SHIFT = "shift"
    """Move every `due` by the time that the instance was paused, unless the user named the instant."""
    WIPE = "wipe"
    """Forget entries, events and history: the instance begins anew."""
    REWIND = "rewind"
    """Forget a step and all that started after it; keep that it began, and the steps before."""
    ERASE = "erase"
    """Forget everything: the id may be taken again."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One cell of the table."""

    status: Status
    seen: tuple[str, ...] = ()
    effect: Effect = Effect.KEEP
    fences: bool = False
    """The run that holds the lease loses it."""


class Standing(NamedTuple):
    """What the table asks about an instance."""

    status: Status
    begun: bool = True
    """It has left the queue once."""
    undoing: bool = False
    """Its rollback is under way."""


class Transition(NamedTuple):
    """What a command does: the new status, what subscribers see, the journal's new dues."""

    rule: Rule
    dues: tuple[tuple[Entry, float], ...] = ()


QUEUED = ("workflow_queued",)
"""What subscribers see of an instance that waits for a slot."""

_STARTED = ("workflow_started", "workflow_running")

BEGUN = (*QUEUED, *_STARTED)
"""What subscribers see of an instance that starts at once."""

ENDS = frozenset({"workflow_completed", "workflow_errored", "workflow_terminated"})
"""After one of these a subscription ends."""

_PAUSE_NOW = Rule("paused", ("workflow_waiting_for_pause", "workflow_paused"))
_PAUSE_SOON = Rule("waitingForPause", ("workflow_waiting_for_pause",))
_RUN = Rule("running", ("workflow_running",))
_UNDO = Rule("running", ("rollback_started",), fences=True)
_TERMINATE = Rule("terminated", ("workflow_terminated",), fences=True)
_COMPLETE = Rule("complete", ("workflow_completed",))
_ERROR = Rule("errored", ("workflow_errored",))
_RESTART = Rule("running", BEGUN, Effect.WIPE, fences=True)
_REWIND = Rule("running", ("workflow_running",), Effect.REWIND, fences=True)
_DELETE = Rule("terminated", (), Effect.ERASE, fences=True)

_ANY: dict[Command, Rule] = {"restart": _RESTART, "rewind": _REWIND, "delete": _DELETE}
"""What these do is the same in every status."""

TABLE = MappingProxyType[tuple[Status, Command], Rule](
    {
        ("queued", "start"): Rule("running", _STARTED),
        ("queued", "pause"): _PAUSE_NOW,
        ("queued", "terminate"): _TERMINATE,
        ("queued", "undo"): _TERMINATE,
        ("running", "pause"): _PAUSE_SOON,
        ("running", "undo"): _UNDO,
        ("running", "terminate"): _TERMINATE,
        ("running", "complete"): _COMPLETE,
        ("running", "error"): _ERROR,
        ("waitingForPause", "settle"): Rule("paused", ("workflow_paused",)),
        ("waitingForPause", "resume"): _RUN,
        ("waitingForPause", "undo"): _UNDO,
        ("waitingForPause", "terminate"): _TERMINATE,
        ("waitingForPause", "complete"): _COMPLETE,
        ("waitingForPause", "error"): _ERROR,
        ("paused", "resume"): Rule("running", ("workflow_running",), Effect.SHIFT),
        ("paused", "undo"): _UNDO,
        ("paused", "terminate"): _TERMINATE,
    }
    | {(status, command): rule for status in get_args(Status) for command, rule in _ANY.items()}
)


def apply(
    standing: Standing,
    entries: Iterable[Entry],
    command: Command,
    *,
    idle: bool,
    paused_for: float,
    free: bool = True,
) -> Transition | None:
    """The transition for `command`, or None when it changes nothing.

    `idle`: no attempt runs, so a pause need not wait. `free`: there is a slot, so what begins anew starts at
    once. Raises `InstanceFinished` where the table has no answer because the instance is finished.
    """
    rule = TABLE.get((standing.status, command))
    if rule is None:
        if command in ("terminate", "undo") and standing.status in FINAL:
            raise InstanceFinished(
                "(instance.cannot_terminate) Cannot terminate instance since its on a finite state"
            )
        return None
    if rule is _PAUSE_SOON and idle:
        rule = _PAUSE_NOW
    elif rule is _UNDO and not standing.begun:
        rule = _TERMINATE
    elif rule is _UNDO and standing.undoing:
        return None
    elif (command == "restart" and not free) or (command == "resume" and not standing.begun):
        rule = Rule("queued", QUEUED, rule.effect, rule.fences)
    dues = tuple(_shifted(entries, paused_for)) if rule.effect is Effect.SHIFT else ()
    return Transition(rule, dues)


def _shifted(entries: Iterable[Entry], seconds: float) -> Iterable[tuple[Entry, float]]:
    for entry in entries:
        if entry.state is State.WAITING and entry.due is not None and not entry.fixed:
            yield entry, entry.due + seconds
