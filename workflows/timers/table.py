"""The table of timers: the truth about what is due. Times are kept in whole milliseconds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from workflows.errors import InvalidCron, NonRetryableError, TooManyTimers
from workflows.sqlite.checksum import checksum
from workflows.sqlite.operation import Operation, Statement, Value
from workflows.timers.columns import policy_of, policy_values, when_of, written
from workflows.timers.cron import Cron
from workflows.timers.policy import TimerPolicy
from workflows.timers.rules import Advance
from workflows.timers.timer import Due, Every, Share, Timer, Together

__all__ = [
    "BY_IDS",
    "COLUMNS",
    "KEYS",
    "RUN_OF",
    "STEPS",
    "DamagedTimer",
    "Row",
    "add_together",
    "advance",
    "again",
    "begin",
    "bury",
    "count",
    "delete",
    "due_of",
    "dues",
    "from_row",
    "insert",
    "milliseconds",
    "moment",
    "redrive",
    "seal",
    "selection",
    "shown",
    "uncount",
]

STEPS = (
    """
    CREATE TABLE timer(
      id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, method TEXT NOT NULL, payload BLOB,
      kind TEXT NOT NULL, spec TEXT NOT NULL, tz TEXT NOT NULL,
      nominal INTEGER NOT NULL, due INTEGER NOT NULL,
      attempt INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL, catchup TEXT NOT NULL, key TEXT,
      state TEXT NOT NULL DEFAULT 'pending', skipped INTEGER NOT NULL DEFAULT 0, last_error TEXT) STRICT;
    CREATE INDEX timer_due ON timer(due, id) WHERE state = 'pending';
    CREATE INDEX timer_owner ON timer(owner, due, id);
    CREATE UNIQUE INDEX timer_key ON timer(owner, key) WHERE key IS NOT NULL AND state = 'pending';
    """,
    """
    ALTER TABLE timer ADD COLUMN realm TEXT NOT NULL DEFAULT 'agents';
    ALTER TABLE timer ADD COLUMN shared INTEGER;
    DROP INDEX timer_due;
    DROP INDEX timer_owner;
    DROP INDEX timer_key;
    CREATE INDEX timer_due ON timer(realm, due, id) WHERE state = 'pending';
    CREATE INDEX timer_owner ON timer(realm, owner, due, id);
    CREATE UNIQUE INDEX timer_key ON timer(realm, owner, key) WHERE key IS NOT NULL AND state = 'pending';
    CREATE INDEX timer_shared_by ON timer(shared) WHERE shared IS NOT NULL;
    CREATE TABLE timer_shared(id INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;
    """,  # before, agents were the only ones with timers
    """
    ALTER TABLE timer ADD COLUMN overlap TEXT NOT NULL DEFAULT 'skip';
    ALTER TABLE timer ADD COLUMN jitter INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE timer ADD COLUMN base_delay INTEGER NOT NULL DEFAULT 2000;
    ALTER TABLE timer ADD COLUMN max_delay INTEGER NOT NULL DEFAULT 600000;
    ALTER TABLE timer ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE timer ADD COLUMN run_of INTEGER;
    CREATE INDEX timer_run_of ON timer(run_of) WHERE run_of IS NOT NULL;
    """,
    "ALTER TABLE timer ADD COLUMN vain INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE timer ADD COLUMN crc INTEGER;",  # a row without one was written before
    """
    ALTER TABLE timer ADD COLUMN account TEXT;
    CREATE INDEX timer_account ON timer(realm, account) WHERE account IS NOT NULL;
    """,
)

_GIVEN = (
    "realm, owner, method, payload, kind, spec, tz, nominal, due, key,"
    " catchup, overlap, jitter, attempts, base_delay, max_delay, account"
)
COLUMNS = (
    "id, owner, method, payload, kind, spec, tz, nominal, due, attempt, key, state, skipped, last_error,"
    " begun, vain, run_of, catchup, overlap, jitter, attempts, base_delay, max_delay, realm, crc"
)
_NAMES = COLUMNS.split(", ")
_DUE = _NAMES.index("due")
RUN_OF = _NAMES.index("run_of")
"""Where a row has it."""
_SHARED = "coalesce(payload, (SELECT payload FROM timer_shared WHERE id = timer.shared))"
_FROM = f"SELECT {COLUMNS.replace('payload', _SHARED)} FROM timer"  # noqa: S608  our own words
_BY_ID = f"{_FROM} WHERE id = ?"
BY_IDS = f"{_FROM} WHERE state = 'pending' AND id IN (SELECT value FROM json_each(?))"  # noqa: S608
_BY_KEY = f"{_FROM} WHERE realm = ? AND owner = ? AND key = ? AND state = 'pending'"
KEYS = "SELECT id, owner, key FROM timer WHERE realm = ? AND run_of IS NULL ORDER BY id"
_INSERT = (
    f"INSERT INTO timer({_GIVEN}) VALUES({', '.join('?' for _ in _GIVEN.split(','))})"
    " ON CONFLICT(realm, owner, key) WHERE key IS NOT NULL AND state = 'pending' DO NOTHING"
    f" RETURNING {COLUMNS}"
)
_ON_ACCOUNT = "SELECT count(*) FROM (SELECT 1 FROM timer WHERE realm = ? AND account = ? LIMIT ?)"
_INSERT_SHARING = (
    "INSERT INTO timer(realm, owner, method, shared, kind, spec, tz, nominal, due, attempts, catchup)"
    " VALUES(?, ?, ?, ?, 'once', '', '', ?, ?, ?, 'one')"
)
_FORGET_SHARED = (
    "DELETE FROM timer_shared WHERE id = ? AND NOT EXISTS(SELECT 1 FROM timer WHERE shared = timer_shared.id)"
)
_DELETE = (
    "DELETE FROM timer WHERE id IN (SELECT ? UNION ALL SELECT id FROM timer WHERE run_of = ?)"
    " AND ? IN (realm, '') RETURNING shared"
)
_LONGEST_ERROR = 2_000
_TIMES = ("nominal", "due")
_LAST = 253_402_300_799_000
"""The end of the year 9999."""
_POLICY_FROM = _NAMES.index("catchup")
_UNKNOWN: dict[str, Value] = {
    "catchup": "one", "overlap": "skip", "jitter": 0, "attempts": 1, "base_delay": 0, "max_delay": 0,
}  # fmt: skip
Row = tuple[Any, ...]


class DamagedTimer(NonRetryableError):
    """What was asked for is not what the file has now."""

    def __init__(self, row: Row) -> None:
        super().__init__(
            f'the record of timer {row[0]} ("{row[2]}" of "{row[1]}") is damaged: '
            "restore the file from a backup, or cancel it and make it anew"
        )


def milliseconds(when: datetime) -> int:
    """Since the epoch."""
    return round(when.timestamp() * 1000)


def moment(when: int) -> datetime:
    """The way back, in UTC."""
    return datetime.fromtimestamp(when / 1000, UTC)


def due_of(row: Row) -> int:
    """Without reading the rest."""
    due: int = row[_DUE]
    return due


def dues(
    realm: str, owners: Collection[str] | None, after: tuple[int, int], room: int
) -> tuple[str, tuple[Value, ...]]:
    """The query for when the next timers of a realm are due, and which they are; of `owners`, if given."""
    of_these = "" if owners is None else " AND owner IN (SELECT value FROM json_each(?))"
    sql = (
        "SELECT due, id FROM timer WHERE state = 'pending' AND realm = ? AND (due, id) > (?, ?)"  # noqa: S608
        f"{of_these} ORDER BY due, id LIMIT ?"
    )
    listed = () if owners is None else (json.dumps(sorted(owners)),)
    return sql, (realm, *after, *listed, room)


def insert(
    realm: str,
    owner: str,
    method: str,
    payload: bytes | None,
    when: datetime | Cron | Every,
    *,
    nominal: datetime,
    due: datetime,
    policy: TimerPolicy,
    key: str | None,
    share: Share | None,
) -> Operation[tuple[Row, bool]]:
    """A new timer, or the pending one of this owner that has the key; and whether it is new.

    Raises `TooManyTimers` when a new one would be more than the share has room for.
    """
    what = (realm, owner, method, payload, *written(when), milliseconds(nominal), milliseconds(due), key)
    values = (*what, *policy_values(policy), None if share is None else share.of)

    def add(connection: sqlite3.Connection) -> tuple[Row, bool]:
        rows = connection.execute(_INSERT, values).fetchall()
        if rows:
            if share is not None and _on_account(connection, realm, share) > share.most:
                raise TooManyTimers(share.of, share.most)
            return seal(connection, rows[0]), True
        return connection.execute(_BY_KEY, (realm, owner, key)).fetchone(), False

    return add


def _on_account(connection: sqlite3.Connection, realm: str, share: Share) -> int:
    [count] = connection.execute(_ON_ACCOUNT, (realm, share.of, share.most + 1)).fetchone()
    return int(count)


def add_together(connection: sqlite3.Connection, new: Together) -> tuple[Due, ...]:
    """New timers, inside a transaction of something else: they are there when that is there."""
    due = round(new.due * 1000)
    shared = connection.execute("INSERT INTO timer_shared(payload) VALUES(?)", (new.payload,)).lastrowid
    added = []
    for realm, method in new.calls:
        values = (realm, new.owner, method, shared, due, due, new.attempts)
        timer = connection.execute(_INSERT_SHARING, values).lastrowid
        assert timer is not None
        seal(connection, connection.execute(_BY_ID, (timer,)).fetchone())
        added.append(Due(realm, new.owner, due, timer))
    return tuple(added)


def seal(connection: sqlite3.Connection, row: Row) -> Row:
    """A new row with its checksum: over what was asked for, which never changes, and which row it is."""
    crc = _checksum(row)
    connection.execute("UPDATE timer SET crc = ? WHERE id = ?", (crc, row[0]))
    return (*row[:-1], crc)


def delete(timer: int, realm: str | None = None) -> Operation[int]:
    """It is over, or nobody wants it any more: how many rows that was. What it shared goes with the last."""

    def forget(connection: sqlite3.Connection) -> int:
        rows = connection.execute(_DELETE, (timer, timer, realm or "")).fetchall()
        for (shared,) in rows:
            if shared is not None:
                connection.execute(_FORGET_SHARED, (shared,))
        return len(rows)

    return forget


def begin(timer: Timer, *, skipped: int) -> Statement:
    """Its call for this time is to come until it has ended, whatever the rule says after a crash."""
    return Statement(
        "UPDATE timer SET nominal = ?, attempt = ?, skipped = skipped + ?, begun = 1, vain = ?"
        " WHERE id = ? AND state = 'pending'",
        (milliseconds(timer.nominal), timer.attempt - 1, skipped, timer.vain, timer.id),
    )


def count(timer: Timer) -> Statement:
    """Its call may end the process."""
    return Statement("UPDATE timer SET vain = ? WHERE id = ? AND state = 'pending'", (timer.vain, timer.id))


def uncount(timer: Timer) -> Statement:
    """Its call has not ended the process."""
    return Statement("UPDATE timer SET vain = ? WHERE id = ?", (timer.vain - 1, timer.id))


def advance(timer: int, to: Advance, *, error: str | None) -> Statement:
    """On to the next time, with all its attempts."""
    return Statement(
        "UPDATE timer SET nominal = ?, due = ?, attempt = 0, vain = 0, begun = ?, skipped = skipped + ?,"
        " last_error = ? WHERE id = ? AND state = 'pending'",
        (
            milliseconds(to.nominal),
            milliseconds(to.due),
            int(to.promised),
            to.skipped,
            _short(error),
            timer,
        ),
    )


def again(timer: Timer, due: datetime, *, error: str) -> Statement:
    """Another attempt for the same time."""
    return Statement(
        "UPDATE timer SET nominal = ?, due = ?, attempt = ?, vain = 0, begun = 0, last_error = ?"
        " WHERE id = ? AND state = 'pending'",
        (milliseconds(timer.nominal), milliseconds(due), timer.attempt, _short(error), timer.id),
    )


def bury(timer: int, *, attempt: int, error: str) -> Statement:
    """Dead: kept to be seen, called no more unless somebody says so."""
    return Statement(
        "UPDATE timer SET state = 'dead', attempt = ?, last_error = ? WHERE id = ? AND state = 'pending'",
        (attempt, _short(error), timer),
    )


def redrive(timer: int, due: datetime, realm: str, owner: str | None = None) -> Operation[str | None]:
    """Pending again with all its attempts; not when its key was given to another one meanwhile.

    Says whose it is; None when there is nothing to drive again.
    """
    values = (milliseconds(due), timer, realm, owner or "")

    def drive(connection: sqlite3.Connection) -> str | None:
        rows = connection.execute(
            "UPDATE OR IGNORE timer SET state = 'pending', due = ?, attempt = 0, vain = 0"
            " WHERE id = ? AND state = 'dead' AND realm = ? AND ? IN (owner, '') RETURNING owner",
            values,
        ).fetchall()
        return str(rows[0][0]) if rows else None

    return drive


def selection(conditions: Iterable[tuple[str, Value]], limit: int | None) -> tuple[str, tuple[Value, ...]]:
    """The query for timers by conditions like `("owner = ?", "ann")`; those without a value do not count.

    Runs that are beside their timer are not told.
    """
    chosen = [(condition, value) for condition, value in conditions if value is not None]
    where = " AND ".join(["run_of IS NULL", *(condition for condition, _ in chosen)])
    sql = f"{_FROM} WHERE {where} ORDER BY due, id LIMIT ?"
    return sql, (*(value for _, value in chosen), -1 if limit is None else limit)


def shown(row: Row) -> Timer:
    """To be looked at: what cannot be called is shown for its next time, and says why.

    What is damaged is shown without its payload.
    """
    try:
        return from_row(row)
    except InvalidCron as error:
        return replace(_timer(_but(row, kind="once")), last_error=str(error))
    except DamagedTimer as error:
        times = {name: _within(value) for name, value in zip(_NAMES, row, strict=True) if name in _TIMES}
        told = _but(row, kind="once", payload=None, **times, **_UNKNOWN)
        return replace(_timer(told), last_error=str(error), damaged=True)


def from_row(row: Row) -> Timer:
    """Raises `InvalidCron` when its rule is not one any more: time zones come and go. Or `DamagedTimer`."""
    try:
        if row[-1] is not None and row[-1] != _checksum(row):
            raise DamagedTimer(row)
        return _timer(row)
    except (InvalidCron, DamagedTimer):
        raise
    except Exception as broken:  # a flipped bit may make anything of a value, and of its type
        raise DamagedTimer(row) from broken


def _within(when: object) -> int:
    return min(max(when, 0), _LAST) if isinstance(when, int) else 0


def _but(row: Row, **values: Value) -> Row:
    return tuple(values.get(name, value) for name, value in zip(_NAMES, row, strict=True))


def _checksum(row: Row) -> int:
    timer, owner, method, payload, kind, spec, tz = row[:7]
    *policy, realm = row[_POLICY_FROM:-1]
    return checksum((timer, realm, owner, method, kind, spec, tz, *policy), payload)


def _timer(row: Row) -> Timer:
    (timer, owner, method, payload, kind, spec, tz, nominal, due, attempt, *rest) = row[:-2]
    key, state, skipped, last_error, begun, vain, run_of, *policy = rest
    return Timer(
        id=timer,
        owner=owner,
        method=method,
        payload=payload,
        when=when_of(kind, spec, tz, moment(nominal)),
        nominal=moment(nominal),
        due=moment(due),
        attempt=attempt,
        policy=policy_of(*policy),
        key=key,
        state=state,
        skipped=skipped,
        last_error=last_error,
        begun=bool(begun),
        vain=vain,
        run_of=run_of,
    )


def _short(error: str | None) -> str | None:
    return None if error is None else error[:_LONGEST_ERROR]
