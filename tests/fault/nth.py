"""Something that happens at the n-th place at which a coroutine is suspended, for n = 1, 2, 3 …"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from typing import Any

__all__ = ["CancelledAt", "Watched"]


class CancelledAt:
    """Cancels the task that is suspended for the n-th time, once; counts over all coroutines given to it.

    At once, before anything else happens, or one turn of the loop later, when what it waits for has begun.
    """

    def __init__(self, n: int, *, later: bool = False) -> None:
        self._left = n
        self._later = later
        self.reached = False
        """There is an n-th place."""
        self.done = False
        """The task was cancelled, and had not gone further than the coroutine that is watched."""

    def suspended(self, watched: Watched) -> None:
        """Called each time."""
        self._left -= 1
        if self._left:
            return
        self.reached = True
        task = asyncio.current_task()
        assert task is not None
        if self._later:
            asyncio.get_running_loop().call_soon(self._cancel, task, watched)
        else:
            self._cancel(task, watched)

    def _cancel(self, task: asyncio.Task[Any], watched: Watched) -> None:
        self.done = not watched.over and task.cancel()


class Watched(Awaitable[Any]):
    """Awaiting it awaits `coroutine`; tells `cancelled` each time that it waits."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], cancelled: CancelledAt) -> None:
        self._coroutine = coroutine
        self._cancelled = cancelled
        self.over = False

    def __await__(self) -> Generator[Any, Any, Any]:
        sent: object = None
        error: BaseException | None = None
        while True:
            try:
                waited = self._coroutine.send(sent) if error is None else self._coroutine.throw(error)
            except StopIteration as returned:
                self.over = True
                return returned.value
            except BaseException:
                self.over = True
                raise
            self._cancelled.suspended(self)
            try:
                sent, error = (yield waited), None
            except BaseException as thrown:  # noqa: BLE001  # it is thrown on
                error = thrown
