"""What the ledger does to an instance inside one transaction: all that belongs to it, or nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterable, Sequence

import orjson

from workflows import decision
from workflows.backend import InboxEvent, Instance
from workflows.change import Change, Plan, planned
from workflows.claims import Tried, held
from workflows.entry import Entry, Key, Moment, State
from workflows.errors import Fenced, InstanceFinished, InstanceNotFound, StoreError, WorkflowError
from workflows.failpoint import failpoint
from workflows.kin import Told, end_of, end_type, lets_go
from workflows.ledger import Applied, Birth, Claim, Delivered
from workflows.lifecycle import Effect
from workflows.sqlite import parking, spending
from workflows.sqlite.entries import ENTRY, entry_of
from workflows.sqlite.processes import HELD, held_of
from workflows.sqlite.tables import (
    CHECKSUMS,
    DECIDED_BY,
    EVENT,
    INSERT,
    INSTANCE,
    MOMENT,
    UNDECIDED,
    UPDATE,
    birth_checksums,
    birth_row,
    changed_row,
    event_crc,
    event_of,
    instance_of,
    moment_of,
    moment_row,
    only_row,
)
from workflows.timers.table import add_together
from workflows.types import FINAL

__all__ = ["claim", "deliver", "expire", "history", "insert", "transition"]

_SHOW = f"INSERT INTO moment(instance, {MOMENT}) VALUES(?, ?, ?, ?, ?)"
_MOMENTS = f"SELECT {MOMENT} FROM moment WHERE instance = ? ORDER BY place"  # noqa: S608  # constants only
_ENTRIES = f"SELECT {ENTRY} FROM entry WHERE instance = ? ORDER BY ordinal"  # noqa: S608  # constants only
_ENTRY_AT = f"SELECT {ENTRY} FROM entry WHERE instance = ? AND ordinal = ?"  # noqa: S608  # constants only
_ORDINALS = "SELECT ordinal FROM entry WHERE instance = ? ORDER BY ordinal"
_PLACES = "SELECT place FROM moment WHERE instance = ?"
_ASKS = f"SELECT 1 FROM entry WHERE instance = ? AND {UNDECIDED} AND name = ? AND occurrence = ?"  # noqa: S608
_INBOX = f"SELECT {EVENT} FROM event WHERE instance = ? ORDER BY id"  # noqa: S608  # constants only
_DECIDED = "SELECT 1 FROM event WHERE instance = ? AND type = ?"
_FORGET_DECISIONS = f"""
DELETE FROM event WHERE instance = ? AND type IN (
  SELECT {DECIDED_BY} FROM entry WHERE instance = ? AND ordinal >= ?)
"""  # noqa: S608  # constants only
_CLAIM = """
UPDATE instance SET epoch = epoch + 1, wake = NULL, awaits = NULL, asks = 0, process = ?, claims = ?,
  ended = ?, tried = ?
WHERE id = ?
"""
_CLAIMED = f"""
SELECT {HELD}, epoch, {INSTANCE} FROM instance
WHERE id IN (SELECT value FROM json_each(?)) AND finished IS NULL ORDER BY id
"""  # noqa: S608  # constants only
_MOVE = "UPDATE entry SET due = ?, crc = ? WHERE instance = ? AND ordinal = ?"
_BEGUN_ANEW = "UPDATE instance SET ended = ? WHERE id = ?"
_PARENT = "SELECT epoch, awaits FROM instance WHERE id = ? AND finished IS NULL"
_OWNED = ("entry", "event", "moment", "chunk", "spent")
"""Tables whose rows belong to an instance."""


def insert(connection: sqlite3.Connection, birth: Birth, process: int) -> Instance | None:
    """A new instance; None when its id is taken."""
    row = birth_row(birth, process)
    cursor = connection.execute(INSERT, row)
    if cursor.rowcount != 1:
        return None
    incarnation = cursor.lastrowid
    assert incarnation is not None
    connection.execute(CHECKSUMS, birth_checksums(incarnation, row))
    _show(connection, incarnation, birth.moments)
    failpoint("instance.inserted")
    if birth.new.also is not None:
        birth.new.also(connection)
    return birth.instance(incarnation)


def claim(
    connection: sqlite3.Connection, incarnations: Sequence[int], process: int, tried: Tried
) -> list[Claim]:
    """See `Ledger.claim`."""
    rows = connection.execute(_CLAIMED, (orjson.dumps(incarnations).decode(),)).fetchall()
    claims, taken = [], []
    for *before, died, epoch, row in ((*row[:6], row[6:]) for row in rows):
        instance = instance_of(row)
        found = _claimed(connection, instance, epoch + 1)
        after, died_alone = held(
            held_of(before),
            process,
            died=bool(died),
            ended=_ended(found.entries),
            status=instance.status,
            tried=tried,
        )
        taken.append((after.process, after.claims, after.ended, after.tried, instance.ref.incarnation))
        claims.append(found._replace(claims=after.claims, died_alone=died_alone))
    connection.executemany(_CLAIM, taken)
    failpoint("instance.claimed")
    return claims


def history(connection: sqlite3.Connection, incarnation: int) -> tuple[list[Moment], list[Entry]]:
    """What subscribers see of the instance itself, and its entries by ordinal; `StoreError` for damage."""
    moments = connection.execute(_MOMENTS, (incarnation,)).fetchall()
    entries = connection.execute(_ENTRIES, (incarnation,)).fetchall()
    # A refused row must not leave a statement open: the file could not be closed.
    return [moment_of(row) for row in moments], [entry_of(incarnation, row) for row in entries]


def _readable(
    connection: sqlite3.Connection, incarnation: int
) -> tuple[list[Moment], list[Entry], str | None]:
    """As `history`, without what is damaged; and what that is. Of moments only their places are left then."""
    try:
        return *history(connection, incarnation), None
    except StoreError as error:
        damage = str(error)
    places = connection.execute(_PLACES, (incarnation,)).fetchall()
    entries: list[Entry] = []
    for (ordinal,) in connection.execute(_ORDINALS, (incarnation,)).fetchall():
        with contextlib.suppress(StoreError):
            row = only_row(connection, _ENTRY_AT, incarnation, ordinal)
            entries += [] if row is None else [entry_of(incarnation, row)]
    return [Moment(place, "", 0.0, {}) for (place,) in places], entries, damage


def deliver(
    connection: sqlite3.Connection,
    incarnation: int,
    type: str,
    payload: bytes,
    at: float,
    decides: Key | None,
) -> Delivered:
    """A new event in the inbox."""
    row = only_row(connection, "SELECT name, status, awaits FROM instance WHERE id = ?", incarnation)
    if row is None:
        raise _deleted(incarnation)
    id, status, awaits = row
    if status in FINAL:
        raise InstanceFinished(f'"{id}" is {status}: nobody receives "{type}"')
    if decides is not None and (refused := _refusal(connection, incarnation, decides)) is not None:
        raise refused
    event = _sent(connection, incarnation, type, payload, at)
    return Delivered(event, parking.woken(connection, incarnation, type, awaits))


def transition(
    connection: sqlite3.Connection, incarnation: int, change: Change, process: int
) -> Applied | None:
    """Carries out what the lifecycle says."""
    epoch, before = _known(connection, incarnation)
    if change.epoch is not None and epoch != change.epoch:
        raise Fenced(f'the lease of "{before.ref.id}" is gone')
    loaded = _readable if change.command == "restart" else history  # all of it is going to be forgotten
    plan = planned(before, change, lambda: loaded(connection, incarnation)[:2])
    if plan is None:
        return None
    epoch += plan.rule.fences
    _carry_out(connection, incarnation, plan, epoch, process)
    told = _told(connection, before, plan, change)
    remains = _claimed(connection, plan.instance, epoch) if Applied.goes_on(plan) else None
    dues = () if plan.notices is None else add_together(connection, plan.notices)
    return Applied(plan, epoch, remains, dues, told, _followers(connection, plan))


def expire(connection: sqlite3.Connection, now: float, most: int) -> None:
    """Erases up to `most` instances whose time is over."""
    rows = connection.execute(
        "SELECT id FROM instance WHERE expires <= ? ORDER BY expires LIMIT ?", (now, most)
    )
    for (incarnation,) in rows.fetchall():
        _erase(connection, incarnation)


def _sent(
    connection: sqlite3.Connection, incarnation: int, type: str, payload: bytes, at: float
) -> InboxEvent:
    cursor = connection.execute(
        "INSERT INTO event(instance, type, payload, at) VALUES(?, ?, ?, ?)", (incarnation, type, payload, at)
    )
    assert cursor.lastrowid is not None
    event = InboxEvent(cursor.lastrowid, type, payload, at)
    crc = event_crc(incarnation, event)
    connection.execute("UPDATE event SET crc = ? WHERE id = ?", (crc, event.number))
    failpoint("event.sent")
    return event


def _told(connection: sqlite3.Connection, before: Instance, plan: Plan, change: Change) -> Told | None:
    """The end of a child, in the inbox of its parent."""
    end, parent = None if change.astray else end_of(before, plan), before.parent
    if end is None or parent is None:
        return None
    row = only_row(connection, _PARENT, parent)
    if row is None:
        return None
    type = end_type(before.ref.workflow, before.ref.id)
    event = _sent(connection, parent, type, end.pack(), change.at)
    return Told(parent, row[0], event, parking.woken(connection, parent, type, row[1]))


def _followers(connection: sqlite3.Connection, plan: Plan) -> tuple[Instance, ...]:
    if not lets_go(plan):
        return ()
    rows = connection.execute(
        f"SELECT {INSTANCE} FROM instance WHERE parent = ? AND follows AND finished IS NULL",  # noqa: S608
        (plan.instance.ref.incarnation,),
    )
    return tuple(instance_of(row) for row in rows)


def _carry_out(
    connection: sqlite3.Connection, incarnation: int, plan: Plan, epoch: int, process: int
) -> None:
    if plan.rule.effect is Effect.ERASE:
        _erase(connection, incarnation)
        return
    if plan.forget_from is not None:
        connection.execute(_FORGET_DECISIONS, (incarnation, incarnation, plan.forget_from))
        for table in ("entry", "chunk"):
            connection.execute(
                f"DELETE FROM {table} WHERE instance = ? AND ordinal >= ?",  # noqa: S608
                (incarnation, plan.forget_from),
            )
    if plan.kept is not None:
        connection.execute("DELETE FROM moment WHERE instance = ?", (incarnation,))
        _show(connection, incarnation, plan.kept[1])
        connection.execute(_BEGUN_ANEW, (_ended(plan.kept[0]), incarnation))
    if plan.rule.effect is Effect.WIPE:
        connection.execute("DELETE FROM event WHERE instance = ?", (incarnation,))
    for entry, due in plan.dues:
        crc = dataclasses.replace(entry, due=due).checksum(incarnation)
        connection.execute(_MOVE, (due, crc, incarnation, entry.ordinal))
    _show(connection, incarnation, plan.moments)
    connection.execute(UPDATE, changed_row(plan.instance, epoch, process))
    failpoint("instance.changed")


def _refusal(connection: sqlite3.Connection, incarnation: int, step: Key) -> WorkflowError | None:
    asks = only_row(connection, _ASKS, incarnation, step.name, step.occurrence)
    decided = only_row(connection, _DECIDED, incarnation, decision.sent_as(step))
    return decision.refusal(step, asks=asks is not None, decided=decided is not None)


def _erase(connection: sqlite3.Connection, incarnation: int) -> None:
    spending.bequeath(connection, incarnation)
    for table in _OWNED:
        connection.execute(f"DELETE FROM {table} WHERE instance = ?", (incarnation,))  # noqa: S608
    failpoint("instance.emptied")
    connection.execute("DELETE FROM instance WHERE id = ?", (incarnation,))


def _claimed(connection: sqlite3.Connection, instance: Instance, epoch: int) -> Claim:
    incarnation = instance.ref.incarnation
    moments, entries, damage = _readable(connection, incarnation)
    damage = damage if instance.damage is None else instance.damage.reason
    inbox: list[InboxEvent] = []
    for row in connection.execute(_INBOX, (incarnation,)).fetchall():
        try:
            inbox.append(event_of(incarnation, row))
        except StoreError as error:
            damage = damage or str(error)
    return Claim(instance, epoch, entries, inbox, moments, damage)


def _known(connection: sqlite3.Connection, incarnation: int) -> tuple[int, Instance]:
    row = only_row(connection, f"SELECT epoch, {INSTANCE} FROM instance WHERE id = ?", incarnation)  # noqa: S608
    if row is None:
        raise _deleted(incarnation)
    return row[0], instance_of(row[1:])


def _ended(entries: Iterable[Entry]) -> int:
    return sum(entry.state > State.WAITING for entry in entries)


def _deleted(incarnation: int) -> InstanceNotFound:
    return InstanceNotFound(f"instance.not_found: incarnation {incarnation} was deleted")


def _show(connection: sqlite3.Connection, incarnation: int, moments: Iterable[Moment]) -> None:
    connection.executemany(_SHOW, [moment_row(incarnation, moment) for moment in moments])
