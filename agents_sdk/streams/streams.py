"""`self.streams`: named logs of JSON values, which readers follow from wherever they were."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager
from typing import Any

from agents_sdk.errors import InvalidChunk, NotRunning, StreamError
from agents_sdk.part import Part
from agents_sdk.security.log import audited
from agents_sdk.streams.rows import Rows
from agents_sdk.streams.stream import Row, StreamChunk, StreamState, StreamStatus, encoded
from workflows import Clock, Store

__all__ = ["Streams"]


class Streams(Part):
    """The streams of one agent; they outlive its lives, and readers end with the one in which they read."""

    def __init__(
        self,
        store: Store,
        owner: int,
        *,
        pinned: Callable[[], AbstractContextManager[None]],
        clock: Clock,
        whose: str,
    ) -> None:
        self._rows = Rows(store, owner)
        self._pinned = pinned
        self._clock = clock
        self._whose = whose
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._resting = False

    async def open(self, name: str, *, metadata: Any = None, tag: str | None = None) -> StreamStatus:
        """A new stream, with what is to be known of it; one that exists is returned as it is."""
        kept = None if metadata is None else encoded("metadata", metadata)
        row = await self._rows.open(_checked(name), tag=tag, metadata=kept, at=self._clock.now())
        return row.status()

    async def append(self, name: str, *values: Any) -> int:
        """Appends values, each JSON of at most 1 MiB; the offset of the last. Durable when it returns.

        Makes the stream, if there is none. Appending goes on in the order of the calls, awaited or not.
        Raises `StreamError` when it has ended.
        """
        if not values:
            raise InvalidChunk(f'nothing was given for stream "{name}": append one value, or several')
        chunks = [encoded("chunk", value) for value in values]
        written = self._rows.append(_checked(name), chunks, at=self._clock.now())
        written.add_done_callback(lambda _: self._ring(name))  # also when the caller was cancelled
        return await asyncio.shield(written)

    async def close(self, name: str, *, error: str | None = None) -> bool:
        """Ends a stream, with an error for its readers if one is given; false when it is not open."""
        state: StreamState = "closed" if error is None else "error"
        ended = await self._rows.end(name, state, error, at=self._clock.now())
        self._ring(name)
        return ended

    async def read(
        self, name: str, *, offset: int = 0, live: bool = True
    ) -> AsyncGenerator[StreamChunk, None]:
        """The chunks after `offset`, then whatever is appended, until the stream is closed.

        A reader that comes back with the offset of the last chunk that it has seen misses nothing. It may
        come before the stream; not `live`: it ends with what is there. Raises `StreamError` when the stream
        ended with an error, was deleted, or has no such offset, and `NotRunning` when the agent ends.
        """
        bell = asyncio.Event()
        self._bells.setdefault(name, set()).add(bell)
        seen: int | None = None
        try:
            while True:
                bell.clear()
                row = await self._look(name, seen, offset)
                while row is not None and offset < row.last:
                    with self._pinned():
                        page = await self._rows.page(row.number, offset)
                    if not page:
                        break  # it is being deleted
                    for chunk in page:
                        offset = chunk.offset
                        yield chunk
                if row is not None and row.state != "open":
                    if row.state == "error":
                        raise StreamError(f'stream "{name}" has failed: {row.error}')
                    return
                if not live:
                    return
                seen = seen if row is None else row.number
                await self._rung(bell, name, offset)
        finally:
            self._bells[name].discard(bell)
            if not self._bells[name]:
                del self._bells[name]

    async def status(self, name: str) -> StreamStatus | None:
        """How a stream is; None when there is none."""
        row = await self._rows.find(name)
        return None if row is None else row.status()

    async def list(
        self, *, tag: str | None = None, after: str = "", limit: int = 100
    ) -> builtins.list[StreamStatus]:
        """The streams, or those with this tag, by name; `after` is the last name of a page."""
        return [row.status() for row in await self._rows.list(tag, after=after, limit=limit)]

    async def delete(self, name: str) -> bool:
        """Deletes a stream and all that was appended to it; false when there is none."""
        deleted = await self._rows.delete(name)
        self._ring(name)
        if deleted:
            audited("delete", f"stream {name} of {self._whose}")
        return deleted

    def rest(self) -> None:
        """Readers end."""
        self._resting = True
        for name in self._bells:
            self._ring(name)

    async def _look(self, name: str, seen: int | None, offset: int) -> Row | None:
        """The stream as it is now: not another one than before, and none that is behind its reader."""
        with self._pinned():
            row = await self._rows.find(name)
        if seen is not None and (row is None or row.number != seen):
            raise StreamError(f'stream "{name}" was deleted while it was read')
        last = 0 if row is None else row.last
        if offset > last:
            raise StreamError(f'stream "{name}" has {last} chunks, not {offset}: it is another one by now')
        return row

    async def _rung(self, bell: asyncio.Event, name: str, offset: int) -> None:
        if not self._resting:
            with self._pinned(), self._clock.waiting():
                await bell.wait()
        if self._resting:
            raise NotRunning(f'the agent is stopping: read "{name}" again, after offset {offset}')

    def _ring(self, name: str) -> None:
        for bell in self._bells.get(name, ()):
            bell.set()


def _checked(name: str) -> str:
    if not name:
        raise InvalidChunk("a stream needs a name that is not empty")
    return name
