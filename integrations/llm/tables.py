"""What this package keeps in the engine's file: who has spent what, and who may ask when."""

from __future__ import annotations

from weakref import WeakSet

from workflows import Store

__all__ = ["STEPS", "Tables"]

STEPS = (
    """
CREATE TABLE llm_spent(
  name TEXT NOT NULL, period TEXT NOT NULL, tokens INTEGER NOT NULL, nanos INTEGER NOT NULL,
  PRIMARY KEY(name, period)) WITHOUT ROWID, STRICT;
CREATE TABLE llm_turn(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL,
  tokens INTEGER NOT NULL, UNIQUE(name, key)) STRICT;
CREATE INDEX llm_turn_at ON llm_turn(name, at);
CREATE TABLE llm_sent(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at REAL NOT NULL, tokens INTEGER NOT NULL) STRICT;
CREATE INDEX llm_sent_at ON llm_sent(name, at);
CREATE TABLE llm_closed(name TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID, STRICT;
""",
    "ALTER TABLE llm_sent ADD COLUMN estimate INTEGER",  # what stood for `tokens` until they were reported
)


class Tables:
    """Makes the tables in a file when it is first used."""

    def __init__(self) -> None:
        self._made: WeakSet[Store] = WeakSet()

    async def made(self, store: Store) -> Store:
        """`store`, with the tables in it."""
        if store not in self._made:
            await store.migrate("llm", STEPS)
            self._made.add(store)
        return store
