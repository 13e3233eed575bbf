"""A result that is too large for an entry: written into rows while the attempt makes it."""

from __future__ import annotations

import asyncio
import functools
import zlib
from collections.abc import AsyncIterable
from typing import cast

from workflows.backend import StepChunks
from workflows.errors import NotStorable
from workflows.marks import Mark
from workflows.run import Run
from workflows.streams.chunks import ROW
from workflows.streams.stream import Spooled

__all__ = ["Spool", "is_spooled"]

_CHUNK_LIMIT = 16 << 20
_BATCH = 8
"""Rows that are written at once: 2 MiB."""
_SLICE = _BATCH * ROW


def is_spooled(value: object) -> bool:
    """A result that is kept in rows: bytes above the size of one, and what `async for` goes through."""
    return len(value) > ROW if type(value) is bytes else _is_stream(type(value))  # type: ignore[arg-type]  # types have a hash


@functools.lru_cache(maxsize=1024)
def _is_stream(kind: type) -> bool:
    return issubclass(kind, AsyncIterable)


class Spool:
    """The rows of one attempt's result. When two writes are under way, whoever makes it has to wait."""

    def __init__(self, run: Run, chunks: StepChunks, begun: Mark, attempt: int) -> None:
        self._run = run
        self._chunks = chunks
        self._begun = begun
        self._attempt = attempt
        self._limit = run.limits.stream
        self._buffer = bytearray()
        self._size = self._crc = self._rows = 0
        self._under_way: asyncio.Future[None] | None = None
        self._done = False

    async def take(self, value: object) -> Spooled | NotStorable:
        """All of `value`, durable; or what is wrong with it, and then nothing of it is kept."""
        try:
            refusal = await (self._take_bytes(value) if type(value) is bytes else self._take_stream(value))
            if refusal is not None:
                return refusal
            await self._flush()
            self._done = True
            return Spooled(self._size, self._rows, self._attempt, self._crc, type(value) is bytes)
        finally:
            self.close()

    def close(self) -> None:
        """The attempt is over: nothing is written any more, and of an unfinished result nothing is kept."""
        if not self._done:
            self._done = True
            if self._rows and not self._run.let_go:
                self._run.heed(self._chunks.discard())

    async def _take_bytes(self, value: bytes) -> NotStorable | None:
        if len(value) > self._limit:
            return self._too_long()
        view = memoryview(value)
        for first in range(0, len(value), _SLICE):
            await self._add(view[first : first + _SLICE])
        return None

    async def _take_stream(self, value: object) -> NotStorable | None:
        if getattr(value, "ag_frame", value) is None:
            return NotStorable("the generator has been read already: return a new one")
        stream = aiter(cast("AsyncIterable[object]", value))
        number = 0
        try:
            async for chunk in stream:
                number += 1
                if (refusal := self._refusal(chunk, number)) is not None:
                    return refusal
                await self._add(chunk)  # type: ignore[arg-type]  # not refused: it is like bytes
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()
        return None

    def _refusal(self, chunk: object, number: int) -> NotStorable | None:
        if not isinstance(chunk, bytes | bytearray | memoryview):
            return NotStorable(
                f"chunk {number} of the stream is a {type(chunk).__qualname__}; "
                "yield bytes, bytearray or memoryview"
            )
        size = chunk.nbytes if isinstance(chunk, memoryview) else len(chunk)
        if size > _CHUNK_LIMIT:
            return NotStorable(
                f"chunk {number} of the stream is {size:,} bytes and the limit is {_CHUNK_LIMIT:,}: "
                "yield smaller ones"
            )
        return self._too_long() if self._size + size > self._limit else None

    def _too_long(self) -> NotStorable:
        return NotStorable(
            f"it is more than {self._limit:,} bytes: raise the limit by `Engine(…, stream_limit=…)`, "
            "or keep it in a file and return its name"
        )

    async def _add(self, chunk: bytes | bytearray | memoryview) -> None:
        """Copies, because a generator may use its buffer again."""
        buffer = self._buffer
        before = len(buffer)
        buffer += chunk.tobytes() if isinstance(chunk, memoryview) else chunk
        self._size += len(buffer) - before
        while len(buffer) >= ROW:
            batch = len(buffer) // ROW * ROW if len(buffer) < _SLICE else _SLICE
            await self._write(bytes(buffer[:batch]))
            del buffer[:batch]

    async def _flush(self) -> None:
        if self._buffer:
            await self._write(bytes(self._buffer))
        if self._under_way is not None:
            await self._under_way

    async def _write(self, batch: bytes) -> None:
        if self._done or self._run.let_go:
            raise asyncio.CancelledError
        self._begun.now()
        self._crc = zlib.crc32(batch, self._crc)
        rows = [batch[first : first + ROW] for first in range(0, len(batch), ROW)]
        written = self._chunks.spool(self._rows + 1, rows)
        self._run.heed(written)
        self._rows += len(rows)
        before, self._under_way = self._under_way, written
        if before is not None:
            await before
