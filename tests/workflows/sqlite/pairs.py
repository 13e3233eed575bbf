"""A store with one table, and what the tests write into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from workflows.clock import SystemClock
from workflows.sqlite.store import Statement, Store

__all__ = ["PAIR", "insert", "keys", "opened"]

PAIR = "CREATE TABLE pair(key INTEGER PRIMARY KEY, value BLOB) STRICT"


@asynccontextmanager
async def opened(path: Path | str) -> AsyncIterator[Store]:
    """A store with the table `pair(key, value)`."""
    async with await Store.open(path, clock=SystemClock()) as store:
        await store.migrate("pairs", [PAIR])
        yield store


def insert(key: int, value: bytes | None = None) -> Statement:
    """One row; the same key twice breaks the primary key."""
    return Statement("INSERT INTO pair(key, value) VALUES(?, ?)", (key, value))


async def keys(store: Store) -> list[int]:
    """All keys, in order."""
    return [key for (key,) in await store.read("SELECT key FROM pair ORDER BY key")]
