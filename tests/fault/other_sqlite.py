"""A connector of the store over apsw, which brings a SQLite of its own and opens files on a `Disk`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import aiosqlite
import apsw

from tests.fault.disk import Disk
from workflows.sqlite.commit import COMMIT, commit_group
from workflows.sqlite.connect import Connector

__all__ = ["on_disk"]

_ERRORS: dict[type[apsw.Error], type[sqlite3.Error]] = {
    apsw.ConstraintError: sqlite3.IntegrityError,
    apsw.CorruptError: sqlite3.DatabaseError,
    apsw.NotADBError: sqlite3.DatabaseError,
}
_CHUNK = 64


def on_disk(disk: Disk) -> Connector:
    """Connections whose files lie on this disk."""

    def connector(path: str, *, writes: bool) -> aiosqlite.Connection:
        def connect() -> sqlite3.Connection:
            return cast("sqlite3.Connection", _Connection(disk, path, writes=writes))

        return aiosqlite.Connection(connect, _CHUNK)

    return connector


class _Rows:
    """What a statement came to, as a cursor of `sqlite3` gives it."""

    def __init__(self, rows: list[tuple[Any, ...]], changed: int) -> None:
        self._rows = iter(rows)
        self.rowcount = changed

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows


class _Connection:
    """As much of a `sqlite3.Connection` as operations use."""

    def __init__(self, disk: Disk, path: str, *, writes: bool) -> None:
        self._writes = writes
        with _translated():
            self._apsw = apsw.Connection(path, vfs=disk.name)

    @property
    def total_changes(self) -> int:
        return self._apsw.total_changes()

    @property
    def in_transaction(self) -> bool:
        return self._apsw.in_transaction

    def execute(self, sql: str, parameters: Any = (), /) -> _Rows:
        before = self._apsw.total_changes()
        with _translated():
            rows = list(self._apsw.execute(sql, parameters))
        return _Rows(rows, self._apsw.total_changes() - before)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> _Rows:
        if sql is COMMIT and self._writes:
            [[group]] = parameters
            commit_group(cast("sqlite3.Connection", self), group)
            return _Rows([], 0)
        return _Rows([], sum(self.execute(sql, one).rowcount for one in parameters))

    def close(self) -> None:
        with suppress(apsw.Error):  # `sqlite3` does not tell either that the log could not be written back
            self._apsw.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        kind = next((ours for theirs, ours in _ERRORS.items() if isinstance(error, theirs)), None)
        translated = (kind or sqlite3.OperationalError)(str(error))
        translated.sqlite_errorcode = getattr(error, "extendedresult", 0)
        raise translated from error
