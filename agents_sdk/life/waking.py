"""Agents that are owed work are woken, at the start of the app and after they could not start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from agents_sdk.directory import Directory
from agents_sdk.errors import NotRunning, UnknownAgent
from agents_sdk.life.host import StartFailed
from workflows import Clock

__all__ = ["Waking"]

_AT_ONCE = 32
_LONGEST = 300.0  # seconds between two tries to start an agent

_log = logging.getLogger(__name__)


class Waking:
    """Calls `wake` with the number of each agent that is owed work."""

    def __init__(self, directory: Directory, clock: Clock, wake: Callable[[int], Awaitable[None]]) -> None:
        self._directory = directory
        self._clock = clock
        self._wake = wake
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._tries: dict[int, int] = {}
        self._waiting: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Wakes those that are owed work from before."""
        self._spawn(self._wake_all())

    def again(self, id: int) -> None:
        """This one could not start: if it is owed work, it is woken in 2, 4, 8 … seconds."""
        if id not in self._waiting:
            self._waiting.add(id)
            self._spawn(self._wake_later(id))

    async def close(self) -> None:
        """Wakes no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wake_all(self) -> None:
        for id in await self._directory.owed():
            with self._clock.waiting():
                await self._free.acquire()
            self._spawn(self._wake_one(id)).add_done_callback(lambda _: self._free.release())

    async def _wake_later(self, id: int) -> None:
        self._tries[id] = tries = self._tries.get(id, 0) + 1
        try:
            await self._clock.sleep(min(_LONGEST, 2.0 ** min(tries, 16)))
        finally:
            self._waiting.discard(id)
        if await self._directory.is_owed(id):
            await self._wake_one(id)

    async def _wake_one(self, id: int) -> None:
        try:
            await self._wake(id)
        except StartFailed:
            return  # that was reported, and `again` was called
        except UnknownAgent as error:
            _log.warning("%s", error)
        self._tries.pop(id, None)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._run(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, work: Coroutine[Any, Any, None]) -> None:
        with self._clock.busy():
            try:
                await work
            except NotRunning:
                _log.debug("an agent is not woken, as its app stops", exc_info=True)
            except Exception:  # noqa: BLE001  # nobody waits for it
                _log.exception("an agent that is owed work could not be woken")
