"""How the file is set up: its settings, its mark, and the versions of what is in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from workflows.errors import StoreError
from workflows.failpoint import failpoint
from workflows.sqlite.operation import Operation

__all__ = [
    "APPLICATION_ID",
    "CREATE",
    "Durability",
    "Step",
    "known",
    "migration",
    "reader_settings",
    "writer_settings",
]

APPLICATION_ID = int.from_bytes(b"Perd")
"""In the header of every file of ours."""

Durability: TypeAlias = Literal["full", "relaxed"]
"""`relaxed` may lose the last acknowledged writes in a power cut, never in a crash of the process."""

Step: TypeAlias = str | Operation[object]
"""One migration: a script of SQL, or an operation."""

CREATE = (
    f"PRAGMA application_id={APPLICATION_ID}",
    "CREATE TABLE schema(component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
)

_COMMON = (
    "PRAGMA busy_timeout=5000",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cell_size_check=ON",
    "PRAGMA mmap_size=0",
)


def writer_settings(durability: Durability) -> tuple[str, ...]:
    """For the one connection that writes and checkpoints."""
    return (
        *_COMMON,
        "PRAGMA auto_vacuum=INCREMENTAL",  # only heard before the first table
        "PRAGMA journal_mode=WAL",
        f"PRAGMA synchronous={'FULL' if durability == 'full' else 'NORMAL'}",
        "PRAGMA fullfsync=ON",  # macOS: a plain fsync leaves the bytes in the drive
        "PRAGMA checkpoint_fullfsync=ON",
        "PRAGMA wal_autocheckpoint=0",  # the writer does it, see `wal`
        "PRAGMA journal_size_limit=67108864",
        "PRAGMA cache_size=-65536",
        "PRAGMA secure_delete=OFF",
    )


def reader_settings() -> tuple[str, ...]:
    """For connections that never write, and never checkpoint."""
    return (*_COMMON, "PRAGMA wal_autocheckpoint=0", "PRAGMA query_only=ON")


def known(component: str, newest: int) -> Operation[int]:
    """Which version of `component` the file holds; refuses one that is newer than this release."""

    def check(connection: sqlite3.Connection) -> int:
        version = _version(connection, component)
        if version > newest:
            raise StoreError(
                f'the file holds version {version} of "{component}", this release knows {newest}: '
                "open it with the newer release"
            )
        return version

    return check


def migration(component: str, steps: Sequence[Step]) -> Operation[None]:
    """Brings `component` up to version `len(steps)`: all steps that are missing, or none."""

    def migrate(connection: sqlite3.Connection) -> None:
        version = _version(connection, component)
        for number, step in enumerate(steps[version:], version + 1):
            _run(connection, step)
            connection.execute(
                "INSERT INTO schema(component, version) VALUES(?, ?)"
                " ON CONFLICT(component) DO UPDATE SET version = excluded.version",
                (component, number),
            )
            failpoint("store.migrating")

    return migrate


def _version(connection: sqlite3.Connection, component: str) -> int:
    row = connection.execute("SELECT version FROM schema WHERE component = ?", (component,)).fetchone()
    return int(row[0]) if row else 0


def _run(connection: sqlite3.Connection, step: Step) -> None:
    if not isinstance(step, str):
        step(connection)
        return
    for statement in _statements(step):  # `executescript` would commit the transaction
        connection.execute(statement)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement:
        raise StoreError(f"a migration ends in the middle of a statement: {statement.strip()[:80]}")
