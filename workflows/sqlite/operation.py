"""What can be written: a function of the connection, most often one statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

__all__ = ["Operation", "Statement", "Value"]

T = TypeVar("T")

Value: TypeAlias = int | float | str | bytes | None
"""What a column holds."""

Operation: TypeAlias = Callable[[sqlite3.Connection], T]
"""Runs in the writer's thread inside the transaction of its group; it neither begins nor commits.

It may be run again, when a neighbour in its group failed, so it depends on the connection only. All that it
wrote is undone when it raises. An attribute `size` (bytes that it will write) keeps groups of large ones
small. An attribute `together` is a function of the connection and of neighbours that have the same one: it
carries out all of them, and gives what each returns; when it raises, they are carried out one by one.
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; as an operation it returns the number of rows that it changed."""

    sql: str
    params: tuple[Value, ...] = ()

    def __call__(self, connection: sqlite3.Connection) -> int:
        return connection.execute(self.sql, self.params).rowcount

    @property
    def size(self) -> int:
        """Bytes of text and blobs, about."""
        return sum(len(param) for param in self.params if isinstance(param, bytes | str))
