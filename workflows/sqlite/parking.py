"""Instances that are a row and nothing else: when they wake, and which events wake them."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from typing import Any

import orjson

from workflows.decision import asks
from workflows.entry import Kind, State
from workflows.errors import Fenced
from workflows.failpoint import failpoint
from workflows.sqlite.operation import Value
from workflows.sqlite.tables import only_row

__all__ = ["astray", "awake", "park", "wakes", "woken"]

_PARK = "UPDATE instance SET wake = ?, awaits = ?, asks = ?, process = NULL WHERE id = ? AND epoch = ?"
_WAKE = "UPDATE instance SET wake = NULL, awaits = NULL, asks = 0 WHERE id = ?"
_IS_THERE = """
SELECT 1 FROM event WHERE instance = ? AND type IN (SELECT value FROM json_each(?)) LIMIT 1
"""
_OF_THESE = "workflow IN (SELECT value FROM json_each(?))"
_AWAKE = f"""
SELECT id FROM instance INDEXED BY instance_awake
WHERE finished IS NULL AND wake IS NULL AND status <> 'paused' AND {_OF_THESE}
UNION ALL SELECT id FROM instance INDEXED BY instance_asks WHERE asks AND {_OF_THESE} ORDER BY id
"""  # noqa: S608  # constants only
_WAKES = f"""
SELECT wake, id FROM instance INDEXED BY instance_wake
WHERE wake IS NOT NULL AND (wake, id) > (?, ?) AND wake < ? AND {_OF_THESE} ORDER BY wake, id LIMIT ?
"""  # noqa: S608  # constants only
_ASTRAY = f"""
SELECT workflow, name, id FROM instance AS child INDEXED BY instance_parent
WHERE parent IS NOT NULL AND follows AND finished IS NULL AND {_OF_THESE} AND NOT EXISTS(
  SELECT 1 FROM instance AS parent JOIN entry ON entry.instance = parent.id
  WHERE parent.id = child.parent AND parent.finished IS NULL
    AND entry.kind = {int(Kind.CHILD)} AND entry.state = {int(State.WAITING)}
    AND json_extract(CAST(entry.config AS TEXT), '$.workflow') = child.workflow
    AND json_extract(CAST(entry.config AS TEXT), '$.id') = child.name)
ORDER BY id
"""  # noqa: S608  # constants only


def park(
    connection: sqlite3.Connection, incarnation: int, epoch: int, wake: float, types: frozenset[str]
) -> bool:
    """See `Ledger.park`."""
    awaits = orjson.dumps(sorted(types)).decode() if types else None
    if awaits is not None and only_row(connection, _IS_THERE, incarnation, awaits) is not None:
        return False
    if connection.execute(_PARK, (wake, awaits, asks(types), incarnation, epoch)).rowcount != 1:
        raise Fenced(f"the lease of instance {incarnation} is gone")
    failpoint("instance.parked")
    return True


def woken(connection: sqlite3.Connection, incarnation: int, type: str, awaits: str | None) -> bool:
    """An event of `type` has come: where the instance waits for that, it is not parked any more."""
    if awaits is None or type not in orjson.loads(awaits):
        return False
    connection.execute(_WAKE, (incarnation,))
    failpoint("instance.woken")
    return True


def awake(workflows: Iterable[str]) -> tuple[str, tuple[Value, ...]]:
    """The query for `Ledger.awake`."""
    listed = _listed(workflows)
    return _AWAKE, (listed, listed)


def wakes(workflows: Iterable[str], after: tuple[float, int], most: int) -> tuple[str, tuple[Value, ...]]:
    """The query for `Ledger.wakes`."""
    return _WAKES, (*after, math.inf, _listed(workflows), most)


def astray(workflows: Iterable[str]) -> tuple[str, tuple[Value, ...]]:
    """The query for `Ledger.astray`."""
    return _ASTRAY, (_listed(workflows),)


def _listed(workflows: Iterable[str]) -> str:
    listed: Any = sorted(workflows)
    return orjson.dumps(listed).decode()
