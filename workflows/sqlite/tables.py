"""The tables of the workflows, and rows ↔ records.

Entries are found by (instance, ordinal), both integers: an index over names would be the larger part of the
file.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson

from workflows.backend import InboxEvent, Instance, Ref
from workflows.entry import Entry, Key, Kind, Moment, State
from workflows.errors import StoreError

__all__ = [
    "ENTRY",
    "INSTANCE",
    "MIGRATIONS",
    "PUT",
    "entry_of",
    "entry_row",
    "event_of",
    "instance_of",
    "moment_of",
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
ALTER TABLE moment ADD COLUMN detail TEXT;
CREATE INDEX instance_expires ON instance(expires) WHERE expires IS NOT NULL;
CREATE INDEX instance_parent ON instance(parent) WHERE parent IS NOT NULL;
CREATE TABLE chunk(
  id INTEGER PRIMARY KEY, instance INTEGER NOT NULL, ordinal INTEGER NOT NULL, place INTEGER NOT NULL,
  attempt INTEGER NOT NULL, data BLOB) STRICT;
CREATE UNIQUE INDEX chunk_place ON chunk(instance, ordinal, place);
""",
)

INSTANCE = "id, workflow, name, status, params, output, error, created, finished, paused, reason, unasked"
ENTRY = (
    "ordinal, kind, name, occurrence, state, attempts, due, fixed, result, error, config, active, lasted, "
    "moments, crc"
)
PUT = f"""
INSERT INTO entry(instance, {ENTRY})
SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM instance WHERE id = ? AND epoch = ?
ON CONFLICT(instance, ordinal) DO UPDATE SET
  state = excluded.state, attempts = excluded.attempts, due = excluded.due, result = excluded.result,
  error = excluded.error, active = excluded.active, lasted = excluded.lasted, moments = excluded.moments,
  crc = excluded.crc
"""  # noqa: S608  # constants only
"""Writes an entry when the lease is still the one that it names: else it changes no row."""

_Row = tuple[Any, ...]


def instance_of(row: _Row) -> Instance:
    """From the columns of `INSTANCE`."""
    incarnation, workflow, name, status, params, output, error, created, finished, paused, reason, unasked = (
        row
    )
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
    )


def entry_row(entry: Entry) -> _Row:
    """The columns of `ENTRY`."""
    return (
        entry.ordinal,
        int(entry.key.kind),
        entry.key.name,
        entry.key.occurrence,
        int(entry.state),
        entry.attempts,
        entry.due,
        entry.fixed,
        entry.result,
        entry.error,
        entry.config,
        entry.active,
        entry.lasted,
        orjson.dumps([tuple(moment) for moment in entry.moments]),
        entry.checksum(),
    )


def entry_of(row: _Row) -> Entry:
    """From the columns of `ENTRY`; refuses what the disk has changed."""
    ordinal, kind, name, occurrence, state, attempts, due, fixed = row[:8]
    result, error, config, active, lasted, moments, crc = row[8:]
    entry = Entry(
        Key(Kind(kind), name, occurrence),
        ordinal,
        State(state),
        attempts,
        due,
        bool(fixed),
        result,
        error,
        config,
        active,
        lasted,
        [Moment(*moment) for moment in orjson.loads(moments)],
    )
    if entry.checksum() != crc:
        raise StoreError(f"the record of step {entry.key} is damaged: restore the file from a backup")
    return entry


def event_of(row: _Row) -> InboxEvent:
    """From `id, type, payload, at`."""
    return InboxEvent(*row)


def moment_of(row: _Row) -> Moment:
    """From `place, type, at`."""
    place, type, at = row
    return Moment(place, type, at, {})


def only_row(connection: sqlite3.Connection, sql: str, *params: object) -> _Row | None:
    """The row of a query that finds one at most."""
    row: _Row | None = connection.execute(sql, params).fetchone()
    return row
