"""What steps have spent: a row per step, which outlives restarts."""

from __future__ import annotations

import sqlite3

from workflows.spent import Spent
from workflows.sqlite.operation import Operation

__all__ = ["FAMILY", "KIN", "bequeath", "sum_of", "write"]

KIN = """
kin(id) AS (
  SELECT id FROM root UNION SELECT instance.id FROM instance JOIN kin ON instance.parent = kin.id)
"""
"""An instance, the only row of `root`, and all its descendants; in a recursive `WITH`.

`UNION` and not `UNION ALL`: it also ends where the disk has made one its own ancestor.
"""
FAMILY = """
up(id, parent) AS (
  SELECT id, parent FROM instance WHERE id = ?
  UNION SELECT instance.id, instance.parent FROM instance JOIN up ON instance.id = up.parent),
root(id) AS (SELECT id FROM up WHERE parent IS NULL OR parent NOT IN (SELECT id FROM up))
"""
"""The first ancestor that is kept, as the `root` of `KIN`."""
_ADD = """
INSERT INTO spent(instance, step, tokens, nanos) SELECT id, ?, ?, ? FROM instance WHERE id = ?
ON CONFLICT(instance, step) DO UPDATE SET tokens = tokens + excluded.tokens, nanos = nanos + excluded.nanos
"""
_BEQUEATH = """
INSERT INTO spent(instance, step, tokens, nanos)
SELECT heir.id, '', sum(spent.tokens), sum(spent.nanos)
FROM spent JOIN instance AS child ON child.id = spent.instance JOIN instance AS heir ON heir.id = child.parent
WHERE spent.instance = ? GROUP BY heir.id
ON CONFLICT(instance, step) DO UPDATE SET tokens = tokens + excluded.tokens, nanos = nanos + excluded.nanos
"""


def write(incarnation: int, step: str, spent: Spent) -> Operation[None]:
    """Adds to what a step has spent."""
    row = (step, spent.tokens, spent.nanos, incarnation)

    def add(connection: sqlite3.Connection) -> None:
        connection.execute(_ADD, row)

    return add


def bequeath(connection: sqlite3.Connection, incarnation: int) -> None:
    """What an instance has spent that is going to be erased becomes its parent's, if that is kept."""
    connection.execute(_BEQUEATH, (incarnation,))


def sum_of(root: str) -> str:
    """The query for the tokens and the billionths that all below `root` have spent."""
    return f"""
WITH RECURSIVE {root}, {KIN}
SELECT coalesce(sum(tokens), 0), coalesce(sum(nanos), 0) FROM kin JOIN spent ON spent.instance = kin.id
"""  # noqa: S608  # constants only
