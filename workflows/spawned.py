"""Tasks that nobody awaits: they are held until they have ended, as the loop itself does not hold them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextvars import Context
from typing import Any, TypeVar

__all__ = ["Spawned"]

T = TypeVar("T")


class Spawned:
    """The tasks that one object has under way; iterating gives those that have not ended.

    Each has a copy of `context`, by default an empty one: it does not see the context variables of whoever
    happens to spawn it.
    """

    __slots__ = ("_context", "_tasks")

    def __init__(self, context: Context | None = None) -> None:
        self._context = Context() if context is None else context
        self._tasks: set[asyncio.Future[Any]] = set()

    def __iter__(self) -> Iterator[asyncio.Future[Any]]:
        return iter([*self._tasks])

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
        """Runs `work` on its own."""
        task = asyncio.create_task(work, name=name, context=self._context.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def hold(self, work: asyncio.Future[Any]) -> None:
        """Something that is under way without a task, until `release`."""
        self._tasks.add(work)

    def release(self, work: asyncio.Future[Any]) -> None:
        """It has ended."""
        self._tasks.discard(work)
