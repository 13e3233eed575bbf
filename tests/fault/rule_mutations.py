"""Lies about rules: what is counted, limited, at which time, under which name. For `mutated`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any

from workflows import claims, definition, operation
from workflows.embedded import EmbeddedBackend
from workflows.entry import Key, Kind
from workflows.names import Names
from workflows.sqlite import schema, store, tables
from workflows.timers.cron import Cron

__all__ = ["RULE_MUTATIONS"]


def _deaths_not_counted() -> None:
    """However many processes an instance has ended, it is run again."""
    vars(claims)["condemned"] = lambda *_: False


def _no_size_limit() -> None:
    """A result may have any size."""
    limited = operation.Limits
    vars(definition)["Limits"] = lambda **limits: limited(**{**limits, "value": 1 << 40})


def _cut_with_its_caller() -> None:
    """A change is cancelled with who has asked for it."""

    async def hurt(self: EmbeddedBackend, change: Coroutine[Any, Any, Any]) -> Any:
        return await change

    EmbeddedBackend._uninterrupted = hurt  # type: ignore[method-assign]


def _offset_unseen() -> None:
    """A time of day is taken for a rhythm."""
    Cron._on_the_wall = Cron._in_passing  # type: ignore[method-assign]


def _by_place() -> None:
    """Steps are known by when they are called, not by their names."""
    take = Names.take

    def by_place(self: Names, kind: Kind, name: object, *, alike: bool = False) -> Key:
        return take(self, kind, "step", alike=alike)

    Names.take = by_place  # type: ignore[method-assign]


def _changed_migration() -> None:
    """A migration that was released makes other tables now."""
    first, *others = tables.MIGRATIONS
    assert isinstance(first, str)
    vars(tables)["MIGRATIONS"] = (
        first.replace("ordinal INTEGER", "more INTEGER, ordinal INTEGER", 1),
        *others,
    )


def _piecemeal() -> None:
    """Each step of a migration is a transaction of its own."""
    run = schema._run

    def alone(connection: sqlite3.Connection, step: schema.Step) -> None:
        run(connection, step)
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")

    vars(schema)["_run"] = alone


def _newer_taken() -> None:
    """A file of a newer release is taken for one of this one."""
    known = store.known  # type: ignore[attr-defined]

    def taken(component: str, newest: int) -> Callable[[sqlite3.Connection], int]:
        return lambda connection: min(newest, known(component, 1 << 30)(connection))

    vars(store)["known"] = taken


def _no_copy() -> None:
    """Nothing is kept of a file that is migrated."""

    async def nothing(self: store.Store, target: str) -> None:
        return None

    store.Store._keep_copy = nothing  # type: ignore[method-assign]


RULE_MUTATIONS: dict[str, Callable[[], None]] = {
    "deaths-not-counted": _deaths_not_counted,
    "no-size-limit": _no_size_limit,
    "cut-with-its-caller": _cut_with_its_caller,
    "offset-unseen": _offset_unseen,
    "by-place": _by_place,
    "changed-migration": _changed_migration,
    "piecemeal-migration": _piecemeal,
    "newer-file-taken": _newer_taken,
    "no-copy-kept": _no_copy,
}
