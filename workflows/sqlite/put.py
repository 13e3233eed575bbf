"""Writes of entries: those that are committed together are few statements.

A statement of many rows costs half of what the rows cost one by one, and the thread that runs it holds the
interpreter only at its beginning and its end. Handing a value over costs more than the rest of its column,
and None costs most; so what is alike in smooth rows stands in their statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from workflows.entry import Entry
from workflows.errors import Fenced
from workflows.failpoint import failpoint
from workflows.sqlite.entries import ENTRY, SMOOTH, SMOOTH_ALIKE, entry_row, is_smooth, smooth_row

__all__ = ["Put"]

_SIZES = tuple(1 << power for power in reversed(range(9)))
"""How many rows a statement has: few different ones, which the connection keeps prepared."""


class Put:
    """Writes one entry, and takes the event that it received out of the inbox."""

    __slots__ = ("consume", "row", "size", "together")

    together: Callable[[sqlite3.Connection, Sequence[Put]], list[None]]
    """See `Operation`: raises when the lease of one of them is gone."""

    def __init__(self, incarnation: int, epoch: int, entry: Entry, consume: int | None) -> None:
        if is_smooth(entry):
            self.row = (incarnation, epoch, *smooth_row(incarnation, entry))
            self.together = _put_smooth
        else:
            self.row = (incarnation, epoch, *entry_row(incarnation, entry))
            self.together = _put
        self.consume = consume
        self.size = 200 + len(entry.result or b"") + len(entry.error or b"")

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.together(connection, [self])


class _Rows:
    """Rows of which the same columns are handed over; `alike` is what the others are."""

    def __init__(self, columns: str, alike: Mapping[str, object]) -> None:
        self._handed_over = 2 + columns.count(",") + 1
        self._columns = ", ".join(["instance", columns, *alike])
        handed_over = [f"column{number}" for number in range(3, self._handed_over + 1)]
        self._values = ", ".join(["column1", *handed_over, *map(str, alike.values())])
        self._statements: dict[int, str] = {}

    def put(self, connection: sqlite3.Connection, puts: Sequence[Put]) -> list[None]:
        """See `Put.together`."""
        for some in self._split(puts, connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)):
            values = tuple(chain.from_iterable([put.row for put in some]))
            if connection.execute(self._statement(len(some)), values).rowcount != len(some):
                raise Fenced(f"the lease of instance {some[0].row[0]} is gone")
        failpoint("entry.written")
        received = [(put.consume,) for put in puts if put.consume is not None]
        if received:
            connection.executemany("DELETE FROM event WHERE id = ?", received)
            failpoint("event.consumed")
        return [None] * len(puts)

    def _split(self, puts: Sequence[Put], most: int) -> Iterator[Sequence[Put]]:
        done = 0
        for size in _SIZES:
            while size <= min(most // self._handed_over, len(puts) - done):
                yield puts[done : done + size]
                done += size

    def _statement(self, rows: int) -> str:
        """Writes entries whose leases are still those that they name; other rows it leaves out."""
        if (statement := self._statements.get(rows)) is None:
            row = f"({', '.join('?' * self._handed_over)})"
            statement = self._statements[rows] = f"""
INSERT INTO entry({self._columns})
SELECT {self._values} FROM (VALUES {", ".join([row] * rows)}) CROSS JOIN instance
WHERE instance.id = column1 AND instance.epoch = column2
ON CONFLICT(instance, ordinal) DO UPDATE SET
  state = excluded.state, attempts = excluded.attempts, due = excluded.due, result = excluded.result,
  error = excluded.error, active = excluded.active, lasted = excluded.lasted, moments = excluded.moments,
  crc = excluded.crc
"""  # noqa: S608  # constants only
        return statement


_put = _Rows(ENTRY, {}).put
_put_smooth = _Rows(SMOOTH, SMOOTH_ALIKE).put
