"""Sums of what was spent under a name, in the engine's file."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

from workflows import Operation, Spent, Store

__all__ = ["Account", "add", "read"]

Account = tuple[str, str]
"""A name, and the hour, day or month; "" for all times."""

_ADD = """
INSERT INTO llm_spent(name, period, tokens, nanos) VALUES(?, ?, ?, ?)
ON CONFLICT(name, period) DO UPDATE SET tokens = tokens + excluded.tokens, nanos = nanos + excluded.nanos
"""
_FORGET = "DELETE FROM llm_spent WHERE name = ? AND length(period) = length(?) AND period < ?"
_READ = "SELECT tokens, nanos FROM llm_spent WHERE name = ? AND period = ?"


def add(accounts: Collection[Account], spent: Spent) -> Operation[None]:
    """Adds to each of the accounts, and forgets the sums of their earlier hours, days and months."""
    rows = [(name, period, spent.tokens, spent.nanos) for name, period in accounts]
    over = [(name, period, period) for name, period in accounts]

    def write(connection: sqlite3.Connection) -> None:
        connection.executemany(_ADD, rows)
        connection.executemany(_FORGET, over)

    return write


async def read(store: Store, account: Account) -> Spent:
    """What was spent under a name."""
    rows = await store.read(_READ, account)
    return Spent.stored(*rows[0]) if rows else Spent()
