"""The tables of the workflows, and rows ↔ records; those of entries are in `entries`."""

from __future__ import annotations

import dataclasses
import sqlite3
from datetime import UTC, datetime
from typing import Any

import orjson

from workflows import decision
from workflows.backend import FOREVER, InboxEvent, Instance, Kept, Ref, Undoing
from workflows.claims import runs
from workflows.entry import Kind, Moment, State
from workflows.errors import StoreError
from workflows.failure import Failure
from workflows.ledger import Birth
from workflows.sqlite.checksum import checksum
from workflows.sqlite.intact import became, born, damage_of, shown_damaged
from workflows.types import UNUSED, CronFiring, RollbackStatus, Usage

__all__ = [
    "CHECKSUMS",
    "DECIDED_BY",
    "EVENT",
    "INSERT",
    "INSTANCE",
    "MIGRATIONS",
    "MOMENT",
    "UNDECIDED",
    "UPDATE",
    "birth_checksums",
    "birth_row",
    "changed_row",
    "damaged",
    "event_crc",
    "event_of",
    "instance_of",
    "moment_of",
    "moment_row",
    "only_row",
]

MIGRATIONS = (
    """
CREATE TABLE instance(
  id INTEGER PRIMARY KEY AUTOINCREMENT, workflow TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
  epoch INTEGER NOT NULL, params BLOB NOT NULL, output BLOB, error BLOB, created REAL NOT NULL, finished REAL,
  paused REAL, reason TEXT, unasked TEXT, UNIQUE(workflow, name)) STRICT;
CREATE INDEX instance_open ON instance(workflow, id) WHERE finished IS NULL;
CREATE TABLE entry(
  id INTEGER PRIMARY KEY, instance INTEGER NOT NULL, ordinal INTEGER NOT NULL, kind INTEGER NOT NULL,
  name TEXT NOT NULL, occurrence INTEGER NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL,
  due REAL, fixed INTEGER NOT NULL, result BLOB, error BLOB, config BLOB, active REAL NOT NULL,
  lasted REAL NOT NULL, moments BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE UNIQUE INDEX entry_place ON entry(instance, ordinal);
CREATE TABLE event(
  id INTEGER PRIMARY KEY AUTOINCREMENT, instance INTEGER NOT NULL, type TEXT NOT NULL, payload BLOB NOT NULL,
  at REAL NOT NULL) STRICT;
CREATE INDEX event_instance ON event(instance, id);
CREATE TABLE moment(
  id INTEGER PRIMARY KEY, instance INTEGER NOT NULL, place INTEGER NOT NULL, type TEXT NOT NULL,
  at REAL NOT NULL) STRICT;
CREATE UNIQUE INDEX moment_place ON moment(instance, place);
""",
    """
ALTER TABLE instance ADD COLUMN begun INTEGER NOT NULL DEFAULT 1;
ALTER TABLE instance ADD COLUMN success_retention REAL;
ALTER TABLE instance ADD COLUMN error_retention REAL;
ALTER TABLE instance ADD COLUMN expires REAL;
ALTER TABLE instance ADD COLUMN cron TEXT;
ALTER TABLE instance ADD COLUMN scheduled REAL;
ALTER TABLE instance ADD COLUMN parent INTEGER;
ALTER TABLE instance ADD COLUMN follows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instance ADD COLUMN undoing BLOB;
ALTER TABLE instance ADD COLUMN rollback TEXT;
ALTER TABLE instance ADD COLUMN used TEXT;
ALTER TABLE entry ADD COLUMN within INTEGER NOT NULL DEFAULT 0;
ALTER TABLE moment ADD COLUMN detail TEXT;
CREATE INDEX instance_expires ON instance(expires) WHERE expires IS NOT NULL;
CREATE INDEX instance_parent ON instance(parent) WHERE parent IS NOT NULL;
CREATE TABLE chunk(
  id INTEGER PRIMARY KEY, instance INTEGER NOT NULL, ordinal INTEGER NOT NULL, place INTEGER NOT NULL,
  attempt INTEGER NOT NULL, data BLOB) STRICT;
CREATE UNIQUE INDEX chunk_place ON chunk(instance, ordinal, place);
""",
    """
ALTER TABLE instance ADD COLUMN wake REAL;
ALTER TABLE instance ADD COLUMN awaits TEXT;
ALTER TABLE instance ADD COLUMN asks INTEGER NOT NULL DEFAULT 0;
DROP INDEX instance_open;
CREATE INDEX instance_awake ON instance(workflow, id) WHERE finished IS NULL AND wake IS NULL;
CREATE INDEX instance_wake ON instance(wake, id, workflow) WHERE wake IS NOT NULL;
CREATE INDEX instance_asks ON instance(workflow, id) WHERE asks;
""",
    """
CREATE TABLE process(id INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
ALTER TABLE instance ADD COLUMN process INTEGER;
ALTER TABLE instance ADD COLUMN claims INTEGER NOT NULL DEFAULT 1;
ALTER TABLE instance ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
ALTER TABLE instance ADD COLUMN tried INTEGER NOT NULL DEFAULT 0;
CREATE INDEX instance_claims ON instance(claims) WHERE claims > 1;
""",
    """
CREATE TABLE spent(
  instance INTEGER NOT NULL, step TEXT NOT NULL, tokens INTEGER NOT NULL, nanos INTEGER NOT NULL,
  PRIMARY KEY(instance, step)) WITHOUT ROWID, STRICT;
""",
    """
ALTER TABLE instance ADD COLUMN crc INTEGER;
ALTER TABLE instance ADD COLUMN became INTEGER;
ALTER TABLE event ADD COLUMN crc INTEGER;
ALTER TABLE chunk ADD COLUMN crc INTEGER;
""",  # a row without a checksum was written before
)

INSTANCE = (
    "id, workflow, name, status, params, output, error, created, finished, paused, reason, unasked, begun, "
    "success_retention, error_retention, cron, scheduled, parent, follows, undoing, rollback, used, "
    "crc, became"
)
EVENT = "id, type, payload, at, crc"
MOMENT = "place, type, at, detail"
INSERT = """
INSERT INTO instance(workflow, name, status, epoch, params, created, begun, success_retention,
  error_retention, cron, scheduled, parent, follows, process)
VALUES(?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(workflow, name) DO NOTHING
"""
UPDATE = """
UPDATE instance
SET status = ?, epoch = ?, output = ?, error = ?, finished = ?, paused = ?, reason = ?, unasked = ?,
  begun = ?, expires = ?, undoing = ?, rollback = ?, used = ?, became = ?,
  wake = NULL, awaits = NULL, asks = 0, process = ?, claims = 1, tried = 0
WHERE id = ?
"""

CHECKSUMS = "UPDATE instance SET crc = ?, became = ? WHERE id = ?"
"""Of a new instance: only its insertion says which number it has."""

UNDECIDED = f"kind = {int(Kind.DO)} AND state = {int(State.WAITING)} AND due IS NULL"
"""See `Entry.undecided`."""
DECIDED_BY = f"'{decision.PREFIX}' || name || '-' || occurrence"
"""See `decision.sent_as`."""

_Row = tuple[Any, ...]


def instance_of(row: _Row) -> Instance:
    """From the columns of `INSTANCE`; of what the disk has changed, see `Instance.damage`."""
    damage = damage_of(row)
    if damage is not None:
        return shown_damaged(row, damage)
    try:
        return _instance(row)
    except Exception:  # noqa: BLE001  # there were no checksums when it was written
        return shown_damaged(row)


def _instance(row: _Row) -> Instance:
    incarnation, workflow, name, status, params, output, error, created, finished, paused, reason = row[:11]
    unasked, begun, success, failure, cron, scheduled, parent, follows, undoing, rollback, used = row[11:22]
    ends, ended = orjson.loads(rollback) if rollback else (None, None)
    return Instance(
        Ref(workflow, name, incarnation),
        status,
        params,
        created,
        output,
        error,
        finished,
        paused,
        reason,
        tuple(orjson.loads(unasked)) if unasked else (),
        bool(begun),
        FOREVER if success is None and failure is None else Kept(success, failure),
        None if cron is None else CronFiring(cron, datetime.fromtimestamp(scheduled, UTC)),
        parent,
        bool(follows),
        None if undoing is None or ends is None else Undoing(undoing, ends),
        None if ended is None else RollbackStatus(ended[0], None if ended[1] is None else Failure(*ended[1])),
        Usage(*orjson.loads(used)) if used else UNUSED,
    )


def birth_row(birth: Birth, process: int) -> _Row:
    """The columns of `INSERT`; `process` is going to run it."""
    new = birth.new
    firing = (None, None) if new.firing is None else (new.firing.cron, new.firing.scheduled_time.timestamp())
    kept = (new.kept.success, new.kept.error)
    status = "running" if birth.free else "queued"
    return (
        new.workflow,
        new.id,
        status,
        new.params,
        birth.at,
        birth.free,
        *kept,
        *firing,
        new.parent,
        new.follows,
        process if birth.free else None,
    )


def birth_checksums(incarnation: int, row: _Row) -> _Row:
    """The columns of `CHECKSUMS`, from those of `INSERT`."""
    workflow, name, status, params, created, begun, *given = row[:-1]
    unchanged = (None,) * 6
    return (
        born(incarnation, workflow, name, params, created, *given),
        became(incarnation, status, *unchanged, begun, None, None, None),
        incarnation,
    )


def changed_row(instance: Instance, epoch: int, process: int) -> _Row:
    """The columns of `UPDATE`, and which instance it is; `process` runs it, if it has something to run."""
    ends = None if instance.undoing is None else instance.undoing.ends
    ended = None if instance.rollback is None else dataclasses.astuple(instance.rollback)
    status, number = instance.status, instance.ref.incarnation
    came_to = (instance.output, instance.error, instance.finished_at, instance.paused_at, instance.reason)
    unasked = orjson.dumps(instance.unasked).decode() if instance.unasked else None
    undone = (
        None if instance.undoing is None else instance.undoing.error,
        orjson.dumps((ends, ended)).decode() if ends or ended else None,
        _used(instance.used),
    )
    crc = became(number, status, *came_to, unasked, instance.begun, *undone)
    holder = process if runs(status) else None
    return (
        status, epoch, *came_to, unasked, instance.begun, instance.expires_at, *undone, crc, holder, number
    )  # fmt: skip


def _used(used: Usage) -> str | None:
    """What was spent is kept apart."""
    return orjson.dumps((used.steps, used.attempts, used.active)).decode() if used != UNUSED else None


def damaged(what: str) -> StoreError:
    """Something of an instance cannot be read."""
    return StoreError(
        f"the record of {what} is damaged: restore the file from a backup, or restart or delete the instance"
    )


def event_crc(incarnation: int, event: InboxEvent) -> int:
    """The checksum of an event, and of whose inbox it is in."""
    return checksum((incarnation, event.number, event.type, float(event.at)), event.payload)


def event_of(incarnation: int, row: _Row) -> InboxEvent:
    """From the columns of `EVENT`; `StoreError` for what the disk has changed."""
    *columns, crc = row
    event = InboxEvent(*columns)
    try:
        whole = crc is None or crc == event_crc(incarnation, event)
    except Exception as broken:  # as above
        raise damaged(f'event {event.number} "{event.type}"') from broken
    if not whole:
        raise damaged(f'event {event.number} "{event.type}"')
    return event


def moment_row(incarnation: int, moment: Moment) -> _Row:
    """The columns of `instance` and `MOMENT`."""
    detail = orjson.dumps(moment.detail).decode() if moment.detail else None
    return (incarnation, moment.order, moment.type, moment.at, detail)


def moment_of(row: _Row) -> Moment:
    """From the columns of `MOMENT`; `StoreError` for what the disk has changed."""
    place, type, at, detail = row
    try:
        return Moment(place, type, at, orjson.loads(detail) if detail else {})
    except Exception as broken:  # as above
        raise damaged(f"{type}, in the history,") from broken


def only_row(connection: sqlite3.Connection, sql: str, *params: object) -> _Row | None:
    """The row of a query that finds one at most."""
    row: _Row | None = connection.execute(sql, params).fetchone()
    return row
