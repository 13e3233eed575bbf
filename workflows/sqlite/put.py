"""Writes of entries: those that are committed together are few statements.

A statement of many rows costs half of what the rows cost one by one, and the thread that runs it holds the
interpreter only at its beginning and its end.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain

from workflows.entry import Entry
from workflows.errors import Fenced
from workflows.failpoint import failpoint
from workflows.sqlite.tables import ENTRY, entry_row

__all__ = ["Put"]

_COLUMNS = 2 + ENTRY.count(",") + 1
"""The instance, the columns of `ENTRY`, and the epoch of the lease."""
_SIZES = tuple(1 << power for power in reversed(range(9)))
"""How many rows a statement has: few different ones, which the connection keeps prepared."""


class Put:
    """Writes one entry, and takes the event that it received out of the inbox."""

    __slots__ = ("_consume", "_row", "size")

    def __init__(self, incarnation: int, epoch: int, entry: Entry, consume: int | None) -> None:
        self._row = (incarnation, *entry_row(incarnation, entry), epoch)
        self._consume = consume
        self.size = 200 + len(entry.result or b"") + len(entry.error or b"")

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.together(connection, [self])

    @staticmethod
    def together(connection: sqlite3.Connection, puts: Sequence[Put]) -> list[None]:
        """See `Operation`: raises when the lease of one of them is gone."""
        for some in _split(puts, connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // _COLUMNS):
            values = tuple(chain.from_iterable([put._row for put in some]))  # noqa: SLF001  # its own class
            if connection.execute(_statement(len(some)), values).rowcount != len(some):
                raise Fenced(f"the lease of instance {some[0]._row[0]} is gone")  # noqa: SLF001
        failpoint("entry.written")
        received = [(put._consume,) for put in puts if put._consume is not None]  # noqa: SLF001
        if received:
            connection.executemany("DELETE FROM event WHERE id = ?", received)
            failpoint("event.consumed")
        return [None] * len(puts)


def _split(puts: Sequence[Put], most: int) -> Iterator[Sequence[Put]]:
    done = 0
    for size in _SIZES:
        while size <= min(most, len(puts) - done):
            yield puts[done : done + size]
            done += size


@functools.cache
def _statement(rows: int) -> str:
    """Writes entries whose leases are still those that they name; other rows it leaves out."""
    values = ", ".join([f"({', '.join('?' * _COLUMNS)})"] * rows)
    columns = ", ".join(f"column{number}" for number in range(1, _COLUMNS))
    return f"""
INSERT INTO entry(instance, {ENTRY})
SELECT {columns} FROM (VALUES {values}) CROSS JOIN instance
WHERE instance.id = column1 AND instance.epoch = column{_COLUMNS}
ON CONFLICT(instance, ordinal) DO UPDATE SET
  state = excluded.state, attempts = excluded.attempts, due = excluded.due, result = excluded.result,
  error = excluded.error, active = excluded.active, lasted = excluded.lasted, moments = excluded.moments,
  crc = excluded.crc
"""  # noqa: S608  # constants only
