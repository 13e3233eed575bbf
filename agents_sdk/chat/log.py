"""The chunks of one answer on their way to the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agents_sdk.chat.rows import ChatRows
from workflows import Clock, Statement

__all__ = ["ChunkLog"]

_MANY = 10
_SOON = 0.05  # seconds


class ChunkLog:
    """Written behind the stream, which never waits for it: ten chunks or 50 ms make a write, one at a time.

    A faster stream makes larger writes. What was not written when the process ends was not acknowledged.
    """

    def __init__(self, rows: ChatRows, first: str, clock: Clock) -> None:
        self._rows = rows
        self._first = first
        self._clock = clock
        self._bodies: list[str] = []
        self._written = 0
        self._before: list[Statement] = []
        self._writing: asyncio.Future[None] | None = None
        self._not_soon: Callable[[], None] | None = None
        """Cancels the write that comes soon."""
        self._closed = False

    def replace(self) -> None:
        """What an earlier attempt has left goes with the first write."""
        self._before.append(self._rows.drop_chunks(self._first))

    def put(self, body: str) -> None:
        """The next chunk, as JSON."""
        if self._closed:
            return
        self._bodies.append(body)
        if self._writing is not None:
            return
        if len(self._bodies) >= _MANY:
            self._flush()
        else:
            self._flush_soon()

    async def flush(self) -> None:
        """Returns when all so far is on the disk."""
        self._forget_soon()
        if self._bodies and not self._closed:
            await self._write()
        elif self._writing is not None:
            await asyncio.shield(self._writing)

    def cut_off(self) -> None:
        """Writes what is left, and then no more: the turn is cut off."""
        if self._bodies and not self._closed:
            self._write()
        self.close()

    def close(self) -> None:
        """Writes no more; the end of the turn deletes everything."""
        self._closed = True
        self._bodies.clear()
        self._forget_soon()

    def _flush(self) -> None:
        self._forget_soon()
        if self._closed or self._writing is not None or not self._bodies:
            return
        self._writing = self._write()
        self._writing.add_done_callback(self._flushed)

    def _write(self) -> asyncio.Future[None]:
        put = self._rows.put_chunks(self._first, self._written, self._bodies)
        self._written += len(self._bodies)
        self._bodies.clear()
        statements = [*self._before, put]
        self._before.clear()
        return self._rows.write(statements)

    def _flushed(self, written: asyncio.Future[None]) -> None:
        self._writing = None
        if written.cancelled() or written.exception() is not None:
            self.close()  # a gap would be worse than an end; the store says why it cannot write
        elif len(self._bodies) >= _MANY:
            self._flush()
        elif self._bodies:
            self._flush_soon()

    def _flush_soon(self) -> None:
        if self._not_soon is None:
            self._not_soon = self._clock.call_later(_SOON, self._flush).cancel

    def _forget_soon(self) -> None:
        if self._not_soon is not None:
            self._not_soon()
            self._not_soon = None
