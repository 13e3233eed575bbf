"""The one writer of a file: whatever waits while it is idle is one group."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from typing import TypeVar

import aiosqlite

from workflows.clock import Clock
from workflows.errors import StoreError, StoreFailed
from workflows.sqlite.commit import COMMIT, is_fatal, primary_code
from workflows.sqlite.group import Group
from workflows.sqlite.operation import Operation

__all__ = ["Writer"]

T = TypeVar("T")

_ADVICE = {
    sqlite3.SQLITE_FULL: "; make room and write again",
    sqlite3.SQLITE_BUSY: "; another program has a transaction open on it: end that one, and write again",
}
"""Errors that pass, and what makes them pass."""


class Writer:
    """Commits what is written to it, in the order of the calls, until `finish` or a broken disk.

    `run` is its life, and belongs to one task. Nobody else writes through `connection`.
    """

    def __init__(self, connection: aiosqlite.Connection, *, name: str, clock: Clock) -> None:
        self._connection = connection
        self._name = name
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Group] = deque()
        self._current: Group | None = None
        self._wakeup: asyncio.Future[None] | None = None
        self.finishing = False
        """No new writes are taken."""
        self._broken: BaseException | None = None

    @property
    def broken(self) -> bool:
        """An error of the disk ended the writing for good."""
        return self._broken is not None

    def write(self, operation: Operation[T]) -> asyncio.Future[T]:
        """Queues; the future resolves after COMMIT. Cancelling it does not undo the write."""
        # The queue has no bound yet: this is the place where a full one would make callers wait.
        if self._broken is not None or self.finishing:
            raise self._refusal()
        future: asyncio.Future[T] = self._loop.create_future()
        if not self._queue or self._queue[-1].full:
            self._queue.append(Group())
        self._queue[-1].add(operation, future)
        if self._wakeup is not None:
            self._wake()
        return future

    def finish(self) -> None:
        """Refuses new writes; `run` returns when the queued ones are done."""
        self.finishing = True
        self._wake()

    async def run(self) -> None:
        """Commits group after group."""
        try:
            while self._queue or not self.finishing:
                if not self._queue:
                    self._wakeup = self._loop.create_future()
                    await self._wakeup
                with self._clock.busy():
                    while self._queue:
                        await self._commit(self._queue.popleft())
        finally:
            self.finishing = True
            for group in (self._current, *self._queue):
                if group is not None:
                    group.cancel()
            self._queue.clear()

    def _wake(self) -> None:
        # `run` goes on in the next turn of the loop, so all writes of this turn join one group.
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)
        self._wakeup = None

    async def _commit(self, group: Group) -> None:
        self._current = group
        try:
            await self._connection.executemany(COMMIT, [[group]])
        except asyncio.CancelledError:
            # The thread goes on. Its calls are in order: when the next one is back, the outcome is known.
            await self._connection.execute_fetchall("SELECT 1")
            self._settle(group)
            raise
        except Exception as error:  # noqa: BLE001  of aiosqlite itself: every waiter hears of it
            group.error = error
        self._current = None
        if self._queue and group.error is None:
            self._loop.call_soon(self._settle, group)  # after the next group was handed over
        else:
            self._settle(group)

    def _settle(self, group: Group) -> None:
        if group.error is None:
            group.settle(self._explained)
        elif is_fatal(group.error) or not isinstance(group.error, sqlite3.Error):
            self._broken = group.error
            for waiting in (group, *self._queue):
                waiting.refuse(self._refusal)
            self._queue.clear()
        else:
            error = group.error
            group.refuse(lambda: self._not_written(error))

    def _explained(self, error: BaseException) -> BaseException:
        return self._not_written(error) if primary_code(error) in _ADVICE else error

    def _not_written(self, error: BaseException) -> StoreError:
        advice = _ADVICE.get(primary_code(error), "")
        return _caused(StoreError(f"nothing was written to {self._name}: {error}{advice}"), error)

    def _refusal(self) -> StoreError:
        if self._broken is None:
            return StoreError(f"{self._name} is closed: nothing more can be written")
        text = (
            f"writing to {self._name} failed ({self._broken}) and stopped: check the disk, then start again"
        )
        return _caused(StoreFailed(text), self._broken)


def _caused(error: StoreError, cause: BaseException) -> StoreError:
    error.__cause__ = cause
    return error
