"""The threads in which plain functions run: so many at a time, first come first served.

Who waits for a thread has not begun: its time limit does not run yet. A thread is free again when its
function has ended, which may be long after the attempt gave it up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

__all__ = ["Threads"]

_MOST = 64


class Threads:
    """The threads of one engine."""

    def __init__(self, most: int = _MOST) -> None:
        self._executor = ThreadPoolExecutor(most, thread_name_prefix="step")
        self._loop = asyncio.get_running_loop()
        self._free = most
        self._queue: deque[asyncio.Future[None]] = deque()

    async def turn(self) -> None:
        """Returns once a thread is kept for the caller, who calls `run` without awaiting anything else."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release()  # it was given at the same moment
            raise

    def run(self, call: Callable[[], object]) -> asyncio.Future[object]:
        """Runs `call` in the thread that `turn` has kept."""
        try:
            running = self._executor.submit(call)
        except BaseException:
            self._release()
            raise
        running.add_done_callback(self._ended)
        return asyncio.wrap_future(running, loop=self._loop)

    def close(self) -> None:
        """Starts nothing more; what runs is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _ended(self, _: Future[object]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
