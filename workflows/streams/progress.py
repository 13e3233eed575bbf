"""What an attempt tells while it runs: parts, in the order of the calls, from the loop or from threads."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from workflows import codec
from workflows.backend import StepChunks
from workflows.durable import on_loop
from workflows.errors import AttemptEnded, NotStorable, StoreError, WorkflowFatalError
from workflows.marks import Mark
from workflows.run import Run
from workflows.streams.stream import Streamed
from workflows.typed import too_large

__all__ = ["Progress"]

_MOST_PARTS = 1_000
_MOST_BYTES = 8 << 20


class _Part:
    """One part that is not durable yet."""

    __slots__ = ("queued", "stored", "written")

    def __init__(self, stored: bytes) -> None:
        self.stored = stored
        self.queued = False
        """It has been given to the backend."""
        self.written: Future[int] = Future()
        self.written.set_running_or_notify_cancel()  # who stops waiting does not stop the write


class Progress:
    """The parts of one attempt, made when it tells the first one.

    `begun` gives its start mark; it is called on the loop.
    """

    def __init__(self, run: Run, chunks: StepChunks, begun: Callable[[], Mark], step: str) -> None:
        self._run = run
        self._chunks = chunks
        self._begun = begun
        self._step = step
        self._loop = run.ended.get_loop()
        self._lock = threading.Lock()
        self._parts: deque[_Part] = deque()
        """Those that are not durable yet, oldest first."""
        self._unwritten = self._total = 0
        self._closed = False

    def write(self, value: object) -> Streamed:
        """One more part; `NotStorable` when it is no plain value, `AttemptEnded` when it is too late."""
        stored = codec.encode(value)
        limits = self._run.limits
        if (refusal := too_large(stored, f"a part that step {self._step} streams", limits.value)) is not None:
            raise refusal
        part = _Part(stored)
        here = on_loop(self._loop)
        with self._lock:
            if self._closed:
                raise self._over()
            if here and self._full():
                raise WorkflowFatalError(
                    f"step {self._step} streams faster than the disk can write: await ctx.stream(…)"
                )
            if self._total + len(stored) > limits.stream:
                raise NotStorable(
                    f"step {self._step} has streamed more than {limits.stream:,} bytes: raise the limit by "
                    "`Engine(…, stream_limit=…)`, or stream less"
                )
            self._total += len(stored)
            self._unwritten += len(stored)
            self._parts.append(part)
        if here:
            self._queue(part)
        else:
            self._loop.call_soon_threadsafe(self._queue, part)
            self._hold_back()
        return Streamed(part.written, self._loop)

    async def drained(self) -> None:
        """Returns when every part so far is durable; raises when the last one could not be written."""
        while self._parts:
            await asyncio.wrap_future(self._parts[-1].written)

    def close(self) -> None:
        """The attempt is over: no part is taken any more."""
        with self._lock:
            self._closed = True
            late = [part for part in self._parts if not part.queued]
        for part in late:
            self._fail(part, self._over())

    def _queue(self, part: _Part) -> None:
        if part.written.done():
            return
        if self._run.let_go:
            self._fail(part, self._over())
            return
        part.queued = True
        self._begun().now()
        try:
            appended = self._chunks.append(part.stored)
        except StoreError as error:
            self._fail(part, error)
            return
        self._run.heed(appended)
        appended.add_done_callback(lambda done: self._written(part, done))

    def _written(self, part: _Part, appended: asyncio.Future[int]) -> None:
        if appended.cancelled():
            self._fail(part, self._over())
        elif (error := appended.exception()) is not None:
            self._fail(part, error)
        else:
            part.written.set_result(appended.result())
            self._drop(part)

    def _fail(self, part: _Part, error: BaseException) -> None:
        part.written.set_exception(error)
        self._drop(part)

    def _drop(self, part: _Part) -> None:
        with self._lock:
            self._parts.remove(part)  # most often the first one: they are written in order
            self._unwritten -= len(part.stored)

    def _full(self) -> bool:
        return len(self._parts) >= _MOST_PARTS or self._unwritten >= _MOST_BYTES

    def _hold_back(self) -> None:
        """A thread that is faster than the disk waits for it."""
        while True:
            with self._lock:
                if self._closed or not self._full():
                    return
                oldest = self._parts[0]
            oldest.written.exception()

    def _over(self) -> AttemptEnded:
        return AttemptEnded(
            f"the attempt of step {self._step} that streams this is over: what it streams now is dropped"
        )
