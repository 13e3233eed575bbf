"""A write of which all bad news comes with its future, also that nothing more is written."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from workflows.errors import StoreError
from workflows.sqlite.operation import Operation
from workflows.sqlite.store import Store

__all__ = ["promised"]

T = TypeVar("T")


def promised(store: Store, write: Operation[T]) -> asyncio.Future[T]:
    """See `Store.write`; this one raises nothing, as it is called where nobody would catch it."""
    try:
        return store.write(write)
    except StoreError as error:
        refused: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        refused.set_exception(error)
        return refused
