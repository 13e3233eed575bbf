"""Runs of one timer beside each other: each is a row of its own, which outlives a crash as any other does."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.sqlite.operation import Operation
from workflows.timers.rules import Advance
from workflows.timers.table import COLUMNS, advance, delete, milliseconds, seal
from workflows.timers.timer import Timer

__all__ = ["MOST", "Launched", "end_run", "launch"]

MOST = 100
"""Of one timer; further ones wait until one has ended."""

_WAIT = timedelta(seconds=1)
_LAUNCH = (  # noqa: S608  # constants only
    "INSERT INTO timer(realm, owner, method, payload, kind, spec, tz, nominal, due, catchup, overlap, jitter,"
    " attempts, base_delay, max_delay, run_of)"
    " SELECT realm, owner, method, payload, kind, spec, tz, ?, ?, catchup, overlap, jitter,"
    " attempts, base_delay, max_delay, id FROM timer WHERE id = ? AND state = 'pending'"
    " AND (SELECT count(*) FROM timer AS run WHERE run.run_of = timer.id) < ? RETURNING "
) + COLUMNS


@dataclass(frozen=True, slots=True)
class Launched:
    """What is due now: a new run, unless there are too many; and the timer again, unless it is gone."""

    run: tuple[int, int] | None
    timer: tuple[int, int] | None


def launch(timer: Timer, to: Advance, now: datetime) -> Operation[Launched]:
    """A run for the nominal time of `timer`, and the timer on to its next one: both, or neither."""
    due, later = milliseconds(timer.due), milliseconds(now + _WAIT)
    postpone = "UPDATE timer SET due = ? WHERE id = ? AND state = 'pending'"

    def both(connection: sqlite3.Connection) -> Launched:
        values = (milliseconds(timer.nominal), due, timer.id, MOST)
        rows = connection.execute(_LAUNCH, values).fetchall()
        if rows:
            seal(connection, rows[0])
            advance(timer.id, to, error=timer.last_error)(connection)
            return Launched((due, rows[0][0]), (milliseconds(to.due), timer.id))
        waits = connection.execute(postpone, (later, timer.id)).rowcount
        return Launched(None, (later, timer.id) if waits else None)

    return both


def end_run(run: Timer, *, error: str | None) -> Operation[int]:
    """A run is over; its timer says how it ended."""

    def end(connection: sqlite3.Connection) -> int:
        connection.execute("UPDATE timer SET last_error = ? WHERE id = ?", (error, run.run_of))
        return delete(run.id)(connection)

    return end
