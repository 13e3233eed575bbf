"""Makes a file look as a process has left it that was killed at a certain moment."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from workflows.entry import Kind, State
from workflows.sqlite.entries import ENTRY, entry_of

__all__ = ["changed", "step"]


def changed(path: str, *statements: str) -> None:
    """Carries out statements, as if nothing after them had been written."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def step(path: str, kind: Kind, state: State, *, keep: bool = True) -> None:
    """The only step of this kind is in this state; its result is forgotten unless it is kept."""
    with closing(sqlite3.connect(path)) as connection, connection:
        query = f"SELECT instance, {ENTRY} FROM entry WHERE kind = ?"
        [(incarnation, *row)] = connection.execute(query, (kind,)).fetchall()
        entry = entry_of(incarnation, tuple(row))
        entry.state, entry.result = state, entry.result if keep else None
        connection.execute(
            "UPDATE entry SET state = ?, result = ?, crc = ? WHERE kind = ?",
            (entry.state, entry.result, entry.checksum(incarnation), kind),
        )
