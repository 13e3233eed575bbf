"""Something that happens at the n-th place at which a coroutine is suspended, for n = 1, 2, 3 …"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any

__all__ = ["CancelledAt", "Watched"]


class CancelledAt:
    """Cancels the task that is suspended for the n-th time, once; counts over all coroutines given to it."""

    def __init__(self, n: int) -> None:
        self._left = n
        self.done = False

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            task = asyncio.current_task()
            assert task is not None
            self.done = task.cancel()  # thrown at this very place, before anything else happens


class Watched(Awaitable[Any]):
    """Awaiting it awaits `coroutine`; calls `suspended` each time that it waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], suspended: CancelledAt) -> None:
        self._coroutine = coroutine
        self._suspended = suspended

    def __await__(self) -> Generator[Any, Any, Any]:
        sent: object = None
        error: BaseException | None = None
        while True:
            try:
                waited = self._coroutine.send(sent) if error is None else self._coroutine.throw(error)
            except StopIteration as returned:
                return returned.value
            self._suspended()
            try:
                sent, error = (yield waited), None
            except BaseException as thrown:  # noqa: BLE001  # it is thrown on
                error = thrown
