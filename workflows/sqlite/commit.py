"""Group commit in the writer's thread: one transaction, and a failed operation fails alone."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from workflows.failpoint import failpoint
from workflows.sqlite.group import Failed, Group
from workflows.sqlite.operation import Operation

__all__ = ["COMMIT", "GroupConnection", "commit_group", "is_fatal", "is_full", "primary_code"]

COMMIT = "commit this group"
"""Given to `executemany` of a `GroupConnection` with `[[group]]`, in place of SQL."""

_BROKEN = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class GroupConnection(sqlite3.Connection):
    """A connection whose `executemany` also commits a whole group.

    So a group crosses to aiosqlite's thread in one hop, by public methods only. `executemany` and not
    `execute`, so that the statements of the operations pay nothing for it.
    """

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """As in `sqlite3`; with `COMMIT` and `[[group]]`, commits the group and never raises."""
        if sql is not COMMIT:
            return super().executemany(sql, parameters)
        [[group]] = parameters
        commit_group(self, group)
        return self.cursor()


def commit_group(connection: sqlite3.Connection, group: Group) -> None:
    """Commits the group and says in it what came out; never raises."""
    before = connection.total_changes
    try:
        group.outcomes = _commit(connection, group.operations)
        group.rows = connection.total_changes - before
    except BaseException as error:  # noqa: BLE001  whatever it is, the waiters must hear of it
        group.error = error
        _roll_back(connection)


def primary_code(error: BaseException) -> int:
    """The SQLite result code without its extension; 0 when the error is not SQLite's."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def is_fatal(error: BaseException) -> bool:
    """After such an error nothing that this connection says about the disk can be believed."""
    return primary_code(error) in _BROKEN


def is_full(error: BaseException | None) -> bool:
    """There is no room on the disk: that passes."""
    return error is not None and primary_code(error) == sqlite3.SQLITE_FULL


def _commit(connection: sqlite3.Connection, operations: list[Operation[object]]) -> list[object]:
    connection.execute("BEGIN IMMEDIATE")
    failpoint("store.begun")
    try:
        outcomes = _carried_out(connection, operations)
    except BaseException as error:
        _roll_back(connection)
        if is_fatal(error) or is_full(error):
            raise
        if len(operations) == 1:
            return [Failed(error)]
        return _commit_without_failed(connection, operations)
    failpoint("store.before_commit")
    connection.execute("COMMIT")
    failpoint("store.committed")
    return outcomes


def _carried_out(connection: sqlite3.Connection, operations: list[Operation[object]]) -> list[object]:
    outcomes: list[object] = []
    for together, alike in groupby(operations, _together):
        if together is None:
            outcomes += [operation(connection) for operation in alike]
        else:
            outcomes += together(connection, list(alike))
    return outcomes


def _together(operation: Operation[object]) -> Any:
    return getattr(operation, "together", None)


def _commit_without_failed(
    connection: sqlite3.Connection, operations: list[Operation[object]]
) -> list[object]:
    connection.execute("BEGIN IMMEDIATE")
    outcomes = [_in_savepoint(connection, operation) for operation in operations]
    failpoint("store.before_commit_apart")
    connection.execute("COMMIT")
    return outcomes


def _in_savepoint(connection: sqlite3.Connection, operation: Operation[object]) -> object:
    connection.execute("SAVEPOINT operation")
    try:
        outcome = operation(connection)
    except BaseException as error:
        if is_fatal(error) or is_full(error) or not connection.in_transaction:
            raise  # or SQLite has undone the whole group by itself
        failpoint("store.operation_failed")
        connection.execute("ROLLBACK TO operation")
        outcome = Failed(error)
    connection.execute("RELEASE operation")
    return outcome


def _roll_back(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):  # the error that led here is the one to tell
        if connection.in_transaction:
            connection.execute("ROLLBACK")
