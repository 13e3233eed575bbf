"""The one writer of a file: whatever waits while it is idle is one group."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from typing import TypeVar

import aiosqlite

from workflows.clock import Clock
from workflows.errors import StoreError, StoreFailed
from workflows.failpoint import failpoint
from workflows.sqlite.commit import COMMIT, is_fatal, is_full, primary_code
from workflows.sqlite.group import MOST_OPERATIONS, Group
from workflows.sqlite.health import GOOD, Health
from workflows.sqlite.operation import Operation
from workflows.sqlite.wal import WriteAheadLog

__all__ = ["Writer"]

T = TypeVar("T")

_MOST_GROUPS = 3
"""How many may wait: about 10,000 operations, or 20 MB."""
_AGAIN = 0.5
"""Seconds until a full disk is tried again."""
_IDLE = 10.0
"""Seconds without a commit after which the log is emptied."""

_ADVICE = {
    sqlite3.SQLITE_FULL: "; make room and write again",
    sqlite3.SQLITE_BUSY: "; another program has a transaction open on it: end that one, and write again",
}
"""Errors that pass, and what makes them pass."""

_log = logging.getLogger(__name__)


class Writer:
    """Commits what is written to it, in the order of the calls, until `finish` or a broken disk.

    `run` is its life, and belongs to one task. Nobody else writes through `connection`. Time limits are those
    of a disk, not of workflows: they are real seconds on every clock.
    """

    def __init__(
        self, connection: aiosqlite.Connection, *, name: str, clock: Clock, wal: WriteAheadLog | None
    ) -> None:
        self._connection = connection
        self._name = name
        self._clock = clock
        self._wal = wal
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Group] = deque()
        self._current: Group | None = None
        self._wakeup: asyncio.Future[None] | None = None
        self._outside: deque[asyncio.Future[None]] = deque()
        self._look: asyncio.TimerHandle | None = None
        self._idle = False
        self.patience = 30.0
        """How many seconds a group waits for room on a full disk."""
        self.finishing = False
        """No new writes are taken."""
        self._broken: BaseException | None = None
        self._full: BaseException | None = None

    @property
    def _over(self) -> bool:
        return self._broken is not None or self.finishing

    @property
    def broken(self) -> bool:
        """An error of the disk ended the writing for good."""
        return self._broken is not None

    @property
    def health(self) -> Health:
        """See `Store.health`."""
        if self._over:
            return Health(ok=False, reason=str(self._refusal()))
        if self._full is not None:
            return Health(ok=False, reason=str(self._not_written(self._full)))
        return GOOD

    @property
    def crowded(self) -> bool:
        """The queue is full: two groups that are, and a third one."""
        return len(self._queue) >= _MOST_GROUPS

    def write(self, operation: Operation[T]) -> asyncio.Future[T]:
        """Queues; the future resolves after COMMIT. Cancelling it does not undo the write."""
        if self._broken is not None or self.finishing:
            raise self._refusal()
        if self._full is not None and self.crowded:
            raise self._not_written(self._full)
        failpoint("store.queued")
        future: asyncio.Future[T] = self._loop.create_future()
        queue = self._queue
        if not queue or queue[-1].full:
            queue.append(Group())
        queue[-1].add(operation, future)
        if self._wakeup is not None:
            self._wake()
        return future

    async def room(self) -> None:
        """Returns when there is room in the queue, in the order of the calls; at once when it is over."""
        if not (self.crowded or self._outside) or self._over:
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._outside.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._make_room()  # its turn is the next one's
            raise

    def finish(self) -> None:
        """Refuses new writes; `run` returns when the queued ones are done."""
        self.finishing = True
        self._make_room()
        self._wake()

    async def run(self) -> None:
        """Commits group after group."""
        try:
            while self._queue or not self.finishing:
                if not self._queue:
                    self._wakeup = self._loop.create_future()
                    await self._wakeup
                with self._clock.busy():
                    await self._work()
        except Exception as error:  # noqa: BLE001  a mistake of ours: nobody may wait for ever
            self._break(error, *([] if self._current is None else [self._current]))
            self._current = None
        finally:
            self.finishing = True
            if self._look is not None:
                self._look.cancel()
            for group in (self._current, *self._queue):
                if group is not None:
                    group.cancel()
            self._queue.clear()
            self._make_room()

    async def _work(self) -> None:
        while self._queue:
            await self._commit(self._queue.popleft())
            if self._wal is not None and self._wal.due:
                await self._write_back(self._wal)
            if not self._queue:
                await asyncio.sleep(0)  # who got an answer may write again at once: that needs no waking
        if self._idle and self._wal is not None and not self._wal.empty and self._broken is None:
            await self._write_back(self._wal, empty=True)
        self._idle = False

    def _wake(self) -> None:
        # `run` goes on in the next turn of the loop, so all writes of this turn join one group.
        if self._wakeup is not None and not self._wakeup.done():
            self._wakeup.set_result(None)
        self._wakeup = None

    async def _commit(self, group: Group) -> None:
        self._current = group
        failpoint("store.taken")
        try:
            await self._carry_out(group)
        except asyncio.CancelledError:
            # The thread goes on. Its calls are in order: when the next one is back, the outcome is known.
            await self._connection.execute_fetchall("SELECT 1")
            if group.decided:
                self._settle(group)
            raise
        except Exception as error:  # noqa: BLE001  of aiosqlite itself: every waiter hears of it
            group.error = error
        self._current = None
        if self._queue and group.error is None:
            self._loop.call_soon(self._settle, group)  # after the next group was handed over
        else:
            self._settle(group)

    async def _carry_out(self, group: Group) -> None:
        """In the writer's thread; a full disk is tried again until there is room, or the patience is over."""
        until: float | None = None
        while True:
            await self._connection.executemany(COMMIT, [[group]])
            if not is_full(group.error):
                break
            if self._full is None:
                _log.error("there is no room for %s: make some; until then nothing is written", self._name)
            self._full = group.error
            now = self._loop.time()
            until = now + self.patience if until is None else until
            if now >= until or self.finishing:
                return
            group.error = None
            await asyncio.sleep(min(_AGAIN, until - now))
        if self._full is not None and group.error is None:
            self._full = None
            _log.warning("%s is written again", self._name)

    def _settle(self, group: Group) -> None:
        if group.error is None:
            group.settle(self._explained)
            failpoint("store.acknowledged")
            if self._wal is not None and group.rows:
                self._wal.add(group.rows, group.size)
                if self._look is None:
                    self._look = self._loop.call_later(
                        _IDLE, self._look_for_rest, self._wal, self._wal.commits
                    )
        elif is_fatal(group.error) or not isinstance(group.error, sqlite3.Error):
            self._break(group.error, group)
        else:
            error = group.error
            group.refuse(lambda: self._not_written(error))
        if self._outside:
            self._make_room()

    def _break(self, error: BaseException, *groups: Group) -> None:
        """Nothing is written any more, and everybody hears why."""
        self._broken = error
        _log.critical("%s", self._refusal())
        for waiting in (*groups, *self._queue):
            waiting.refuse(self._refusal)
        self._queue.clear()

    def _make_room(self) -> None:
        free = (_MOST_GROUPS - len(self._queue)) * MOST_OPERATIONS
        while self._outside and (free > 0 or self._over):
            turn = self._outside.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def _look_for_rest(self, wal: WriteAheadLog, commits: int) -> None:
        """Looks whether anything was committed since it looked last."""
        self._look = None
        if wal.commits != commits:
            self._look = self._loop.call_later(_IDLE, self._look_for_rest, wal, wal.commits)
        elif not self._queue:
            self._idle = True
            self._wake()

    async def _write_back(self, wal: WriteAheadLog, *, empty: bool = False) -> None:
        failpoint("store.before_write_back")
        try:
            await (wal.empty_it(self._connection) if empty else wal.write_back(self._connection))
        except sqlite3.Error as error:
            if is_fatal(error):
                self._break(error)
            else:
                _log.warning("the log of %s could not be written back now: %s", self._name, error)
        failpoint("store.written_back")

    def _explained(self, error: BaseException) -> BaseException:
        return self._not_written(error) if primary_code(error) in _ADVICE else error

    def _not_written(self, error: BaseException | None) -> StoreError:
        advice = _ADVICE.get(primary_code(error) if error is not None else 0, "")
        return _caused(StoreError(f"nothing was written to {self._name}: {error}{advice}"), error)

    def _refusal(self) -> StoreError:
        if self._broken is None:
            return StoreError(f"{self._name} is closed: nothing more can be written")
        text = (
            f"writing to {self._name} failed ({self._broken}) and stopped: check the disk, then start again"
        )
        return _caused(StoreFailed(text), self._broken)


def _caused(error: StoreError, cause: BaseException | None) -> StoreError:
    error.__cause__ = cause
    return error
