"""Two lies that a durable engine could tell; put into a child on purpose, to see that the checker notices."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

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
}
