"""Whether the row of an instance is as it was written.

One checksum is over what it was created with, and stays; another is over what has become of it.
"""

from __future__ import annotations

from typing import Any

from workflows.backend import Damage, Instance, Kept, Ref
from workflows.lifecycle import Command
from workflows.sqlite.checksum import checksum, real

__all__ = ["became", "born", "damage_of", "shown_damaged"]

_UNBORN: tuple[Command, ...] = ("delete",)
_UNKNOWN: tuple[Command, ...] = ("restart", "terminate", "delete")


def born(
    incarnation: int,
    workflow: str,
    name: str,
    params: bytes,
    created: float,
    success: float | None,
    failure: float | None,
    cron: str | None,
    scheduled: float | None,
    parent: int | None,
    follows: bool,
) -> int:
    """The checksum of what it was created with, by columns, and of which row it is."""
    kept = (real(success), real(failure))
    named = (incarnation, workflow, name, float(created))
    return checksum((*named, *kept, cron, real(scheduled), parent, int(follows)), params)


def became(
    incarnation: int,
    status: str,
    output: bytes | None,
    error: bytes | None,
    finished: float | None,
    paused: float | None,
    reason: str | None,
    unasked: str | None,
    begun: bool,
    undoing: bytes | None,
    rollback: str | None,
    used: str | None,
) -> int:
    """The checksum of what has become of it, by columns, and of which row it is."""
    plain = (incarnation, status, real(finished), real(paused), reason, unasked, int(begun), rollback, used)
    return checksum(plain, output, error, undoing)


def damage_of(row: tuple[Any, ...]) -> Damage | None:
    """What the checksums say of the columns of `INSTANCE`."""
    incarnation, workflow, name, status, params, output, error, created, finished, paused, reason = row[:11]
    unasked, begun, success, failure, cron, scheduled, parent, follows, undoing, rollback, used = row[11:22]
    kept_born, kept_became = row[22:]
    try:
        if kept_born is not None and kept_born != born(
            incarnation, workflow, name, params, created, success, failure, cron, scheduled, parent, follows
        ):
            return _damage("what it was created with", _UNBORN)
        if kept_became is not None and kept_became != became(
            incarnation,
            status,
            output,
            error,
            finished,
            paused,
            reason,
            unasked,
            begun,
            undoing,
            rollback,
            used,
        ):
            return _damage("what has become of it", _UNKNOWN)
    except Exception:  # noqa: BLE001  # a flipped bit may make anything of a value, and of its type
        return _damage("what it was created with", _UNBORN)
    return None


def shown_damaged(row: tuple[Any, ...], damage: Damage | None = None) -> Instance:
    """The instance without what cannot be believed; without `damage`, that it cannot be read at all."""
    damage = damage or _damage("what has become of it", _UNKNOWN)
    remains = "restart" in damage.leaves
    created, success, failure, parent = row[7], row[13], row[14], row[17]
    return Instance(
        Ref(str(row[1]), str(row[2]), row[0]),
        "paused",
        row[4] if remains else b"",
        created if isinstance(created, float) else 0.0,
        reason=damage.reason,
        kept=Kept(success, failure) if remains else Kept(None, None),
        parent=parent if isinstance(parent, int) else None,
        follows=bool(row[18]),
        damage=damage,
    )


def _damage(what: str, leaves: tuple[Command, ...]) -> Damage:
    *others, last = leaves
    remedy = f"{', '.join(others)} or {last}" if others else last
    reason = f"the record of {what} is damaged: restore the file from a backup, or {remedy} the instance"
    return Damage(reason, frozenset(leaves))
