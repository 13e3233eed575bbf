"""Work that an agent has under way beside what it was asked: it keeps the agent alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from agents_sdk.given_up import told_as_error
from workflows import Clock

__all__ = ["Tasks"]


class Tasks:
    """The spawned tasks of one agent; `pinned` is entered for each, from its spawning to its end."""

    def __init__(
        self,
        clock: Clock,
        *,
        pinned: Callable[[], AbstractContextManager[None]],
        failed: Callable[[Exception], Awaitable[object]],
    ) -> None:
        self._clock = clock
        self._pinned = pinned
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Runs `work` on its own; what it raises goes to `failed`."""
        held = ExitStack()
        held.enter_context(self._pinned())
        held.callback(work.close)  # for a task that is cancelled before it begins
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: held.close())
        return task

    def __contains__(self, task: object) -> bool:
        return task in self._tasks

    async def cancel(self) -> None:
        """Cuts off all that is under way, and waits until it has ended."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, work: Coroutine[Any, Any, object]) -> None:
        with self._clock.busy():
            try:
                with told_as_error():
                    await work
            except Exception as error:  # noqa: BLE001  # nobody awaits it
                await self._failed(error)
