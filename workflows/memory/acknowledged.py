"""Writes of a ledger in memory, acknowledged as those to a disk are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

__all__ = ["acknowledged"]

T = TypeVar("T")


def acknowledged(write: Callable[[], T]) -> asyncio.Future[T]:
    """Runs `write` now; its outcome arrives in the next turn of the loop, as that of a commit does."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    try:
        outcome = write()
    except Exception as error:  # noqa: BLE001  # the waiter gets it
        future.get_loop().call_soon(_fail, future, error)
    else:
        future.get_loop().call_soon(_resolve, future, outcome)
    return future


def _resolve(future: asyncio.Future[T], outcome: T) -> None:
    if not future.done():
        future.set_result(outcome)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
