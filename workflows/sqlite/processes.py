"""Which processes have had the file open and have not closed it in order, and which instances they held."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import orjson

from workflows.claims import Held, Tried
from workflows.entry import State
from workflows.sqlite.operation import Value

__all__ = ["HELD", "acquit", "begin", "end", "held_of", "suspects"]

HELD = "process, claims, ended, tried, process IN (SELECT id FROM process)"
"""The columns of `held_of`, and whether that process has not let go of it in order."""

_REMEMBERED = 1_000
"""Processes that died; what only older ones held counts as let go in order."""
_SUSPECTS = f"""
SELECT id, workflow, claims, tried FROM instance INDEXED BY instance_claims
WHERE claims > 1 AND claims >= ? - 1 AND NOT (tried = {int(Tried.ALONE)} AND claims >= ?)
  AND process <> ? AND process IN (SELECT id FROM process)
  AND workflow IN (SELECT value FROM json_each(?))
  AND ended = (SELECT count(*) FROM entry
    WHERE entry.instance = instance.id AND entry.state > {int(State.WAITING)})
ORDER BY tried DESC, id
"""  # noqa: S608  # constants only
_RESTS = "UPDATE instance SET process = NULL, claims = 1, tried = 0 WHERE id = ? AND process = ?"
_TRIED = "UPDATE instance SET tried = 0 WHERE id = ? AND process = ?"


def begin(connection: sqlite3.Connection) -> int:
    """The number of this process, which is in the file until `end`."""
    number = connection.execute("INSERT INTO process DEFAULT VALUES").lastrowid
    assert number is not None
    connection.execute("DELETE FROM process WHERE id <= ?", (number - _REMEMBERED,))
    return number


def end(connection: sqlite3.Connection, process: int) -> None:
    """It has let go of all its instances in order."""
    connection.execute("DELETE FROM process WHERE id = ?", (process,))


def held_of(row: Sequence[int]) -> Held:
    """From the first columns of `HELD`."""
    process, claims, ended, tried = row
    return Held(process, claims, ended, Tried(tried))


def suspects(workflows: Iterable[str], after: int, process: int) -> tuple[str, tuple[Value, ...]]:
    """The query for `Ledger.suspects`."""
    return _SUSPECTS, (after, after, process, orjson.dumps(sorted(workflows)).decode())


def acquit(
    connection: sqlite3.Connection, process: int, resting: Sequence[int], undecided: Sequence[int]
) -> None:
    """See `Ledger.acquit`."""
    connection.executemany(_RESTS, [(one, process) for one in resting])
    connection.executemany(_TRIED, [(one, process) for one in undecided])
