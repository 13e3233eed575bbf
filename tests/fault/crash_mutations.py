"""Lies that a durable engine could tell; put into a child on purpose, to see that the checker notices."""

from __future__ import annotations

import asyncio
import itertools
import re
import sqlite3
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from workflows.sqlite import connect
from workflows.sqlite.commit import COMMIT, GroupConnection
from workflows.sqlite.ledger import SqliteLedger

__all__ = ["MUTATIONS"]


def _acknowledge_before_commit() -> None:
    """A step is acknowledged when its write is queued."""
    write = SqliteLedger.put

    def hasty(ledger: SqliteLedger, *args: Any, **options: Any) -> asyncio.Future[None]:
        write(ledger, *args, **options).add_done_callback(lambda done: done.cancelled() or done.exception())
        return _done()

    _replace(hasty)


def _forget_to_journal() -> None:
    """Every fifth entry is acknowledged and never written."""
    write = SqliteLedger.put
    count = itertools.count(1)

    def forgetful(ledger: SqliteLedger, *args: Any, **options: Any) -> asyncio.Future[None]:
        return _done() if next(count) % 5 == 0 else write(ledger, *args, **options)

    _replace(forgetful)


def _rewrite(*rules: tuple[str, str]) -> None:
    """From now on every statement is another one."""

    @cache
    def rewritten(sql: str) -> str:
        for pattern, other in rules:
            sql = re.sub(pattern, other, sql)
        return sql

    class Rewriting(GroupConnection):
        """Says something else than it is told."""

        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            return super().execute(rewritten(sql), parameters)

        def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
            return super().executemany(sql if sql is COMMIT else rewritten(sql), parameters)

    vars(connect)["GroupConnection"] = Rewriting


def _no_unique_index() -> None:
    """Nothing keeps two records of one step apart."""
    _rewrite(
        ("CREATE UNIQUE INDEX entry_place", "CREATE INDEX entry_place"),
        (r"ON CONFLICT\s*\(instance, ordinal\)[\s\S]*", ""),
    )


def _no_epoch_check() -> None:
    """Whoever has lost the lease may write on."""
    _rewrite((r"\bAND (?:instance\.)?epoch = (\?|:epoch|column\d+)", r"AND \1 IS NOT NULL"))


def _replace(put: Callable[..., asyncio.Future[None]]) -> None:
    SqliteLedger.put = put  # type: ignore[method-assign]  # only in a child, which is about to be killed


def _done() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


MUTATIONS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "acknowledge-before-commit": _acknowledge_before_commit,
    "forget-to-journal": _forget_to_journal,
    "no-unique-index": _no_unique_index,
    "no-epoch-check": _no_epoch_check,
}
