"""A command applied to an instance at a time: what becomes of its row, its entries and its history.

Pure: both ledgers ask `planned` inside their transaction, and only carry out what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from workflows import lifecycle
from workflows.backend import Instance, NewMoment, Undoing
from workflows.entry import Entry, Key, Kind, Moment, last_order
from workflows.errors import StoreError, WorkflowError
from workflows.lifecycle import Command, Effect, Rule, Standing, Transition
from workflows.notice import Told, notices
from workflows.timers.timer import Together
from workflows.types import FINAL, UNUSED, RollbackStatus, Usage

__all__ = ["NOTHING", "Change", "Ending", "Plan", "planned", "standing", "used_by"]


class Ending(NamedTuple):
    """What a transition writes beside the status, and what subscribers see before it."""

    output: bytes | None = None
    error: bytes | None = None
    reason: str | None = None
    unasked: tuple[str, ...] = ()
    undoing: Undoing | None = None
    rollback: RollbackStatus | None = None
    before: tuple[NewMoment, ...] = ()


NOTHING = Ending()


class Change(NamedTuple):
    """A command that is applied at a time."""

    command: Command
    at: float
    order: int
    """The place of the first moment that it makes; `rewind` goes on after the history that it keeps."""
    idle: bool = True
    """No attempt runs."""
    free: bool = True
    """There is a slot, so that what begins anew starts at once."""
    epoch: int | None = None
    """Only while this is the instance's; None: whatever it is."""
    step: Key | None = None
    """To which step `rewind` goes back, unless an earlier one was undone."""
    ending: Ending = NOTHING
    told: Told | None = None
    """Who is told, when it ends the instance."""
    astray: bool = False
    """It ends a child that no step of its parent waits for any more: the parent is not told."""


class Plan(NamedTuple):
    """What a ledger writes."""

    rule: Rule
    instance: Instance
    """As it is afterwards."""
    moments: list[Moment]
    dues: tuple[tuple[Entry, float], ...] = ()
    forget_from: int | None = None
    """The ordinal of the first entry that is forgotten, with all after it."""
    kept: tuple[list[Entry], list[Moment]] | None = None
    """What is left of the journal and the history, when something was forgotten."""
    notices: Together | None = None
    """Timers that are written together with all this."""


Load = Callable[[], tuple[list[Moment], list[Entry]]]
"""Reads the history and the journal; called only when they matter."""


def planned(before: Instance, change: Change, load: Load) -> Plan | None:
    """What `change` does to an instance; None when nothing.

    Raises what the lifecycle raises, and `StoreError` for damage.
    """
    if before.damage is not None and change.command not in before.damage.leaves:
        raise StoreError(before.damage.reason)
    paused_for = 0.0 if before.paused_at is None else change.at - before.paused_at
    history: tuple[list[Moment], list[Entry]] = ([], [])
    if change.command in ("rewind", "restart") or (before.status == "paused" and change.command == "resume"):
        history = load()
    done = lifecycle.apply(
        standing(before),
        history[1],
        change.command,
        idle=change.idle,
        paused_for=paused_for,
        free=change.free,
    )
    if done is None:
        return None
    match done.rule.effect:
        case Effect.KEEP | Effect.SHIFT | Effect.ERASE:
            moments, instance = _shown(done.rule, change, change.order), _after(before, done, change)
            told = None if change.told is None else notices(change.told, instance)
            return Plan(done.rule, instance, moments, done.dues, notices=told)
        case Effect.WIPE:
            return _without(before, done, change, history, ordinal=0, seen=())
        case Effect.REWIND:
            ordinal = _ordinal(history[1], change)
            return _without(before, done, change, history, ordinal=ordinal, seen=lifecycle.BEGUN[:2])


def standing(instance: Instance) -> Standing:
    """What the lifecycle table asks about it."""
    return Standing(instance.status, instance.begun, instance.undoing is not None)


def used_by(entries: Iterable[Entry], before: Usage = UNUSED) -> Usage:
    """What calls of `step.do` and their compensations have used, together with what was used before."""
    done = [entry for entry in entries if entry.key.kind in (Kind.DO, Kind.ROLLBACK)]
    attempts, active = sum(entry.attempts for entry in done), sum(entry.active for entry in done)
    return Usage(before.steps + len(done), before.attempts + attempts, before.active + active)


def _without(
    before: Instance,
    done: Transition,
    change: Change,
    history: tuple[list[Moment], list[Entry]],
    *,
    ordinal: int,
    seen: tuple[str, ...],
) -> Plan:
    """Forgets the entries from `ordinal` on, and of the instance's own history all but `seen`."""
    moments, entries = history
    kept = [entry for entry in entries if entry.ordinal < ordinal]
    left = [moment for moment in moments if moment.type in seen]
    used = used_by((entry for entry in entries if entry.ordinal >= ordinal), before.used)
    shown = _shown(done.rule, change, last_order(left, kept) + 1)
    instance = _after(before, done, change)._replace(used=used)
    return Plan(done.rule, instance, shown, forget_from=ordinal, kept=(kept, left))


def _shown(rule: Rule, change: Change, order: int) -> list[Moment]:
    new = [*change.ending.before, *(NewMoment(name, change.at, {}) for name in rule.seen)]
    return [Moment(order + place, *moment) for place, moment in enumerate(new)]


def _after(before: Instance, done: Transition, change: Change) -> Instance:
    status, ending = done.rule.status, change.ending
    kept = done.rule.effect in (Effect.KEEP, Effect.SHIFT)
    goes_on = status not in FINAL and kept
    undone = kept and before.undoing is not None
    return before._replace(
        status=status,
        output=ending.output,
        error=ending.error,
        reason=ending.reason,
        unasked=before.unasked if undone else ending.unasked,
        finished_at=change.at if status in FINAL else None,
        paused_at=change.at if status == "paused" else None,
        begun=status != "queued" and (before.begun or status == "running"),
        undoing=(ending.undoing or before.undoing) if goes_on else None,
        rollback=ending.rollback,
        damage=None,
    )


def _ordinal(entries: Collection[Entry], change: Change) -> int:
    """Where `rewind` goes back to: to its step, or further, to the first one of which the effect is gone."""
    found = next((entry.ordinal for entry in entries if entry.key == change.step), None)
    if found is None:
        name = "" if change.step is None else change.step.name
        raise WorkflowError(f'(instance.cannot_restart) Step "{name}" not found in execution history')
    undone = {
        entry.key._replace(kind=Kind.DO)
        for entry in entries
        if entry.key.kind is Kind.ROLLBACK and entry.attempts
    }
    return min([found, *(entry.ordinal for entry in entries if entry.key in undone)])
