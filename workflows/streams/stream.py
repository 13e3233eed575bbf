"""What users read of streams: the bytes that a step returned, and what it told while it ran."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from workflows.durable import Durable
from workflows.errors import StoreError

__all__ = ["Spooled", "StepStream", "StreamPart", "StreamReset", "Streamed", "Whole"]

_PREFIX = b'{"$":"stream","v":'
_PAGE = 4
"""Rows that are read at once: 1 MiB."""


@dataclass(frozen=True, slots=True)
class StreamPart:
    """Something that a step's function told while it ran; `attempt` is the one that told it.

    Come back with `offset` to get what follows.
    """

    offset: int
    attempt: int
    value: Any


@dataclass(frozen=True, slots=True)
class StreamReset:
    """A later attempt starts over: what the step has told before does not count any more."""

    offset: int
    attempt: int


class Streamed(Durable[int]):
    """A part on its way to the disk; gives its offset once it is durable.

    `await` it on an event loop, or call `.result()` in a thread; or do neither: it is written all the same,
    in the order of the calls, and before the step itself is recorded.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Spooled:
    """What an entry keeps of a result that is in rows."""

    size: int
    rows: int
    attempt: int
    crc: int
    whole: bool
    """It was returned as `bytes`, and comes back as `bytes`."""

    def dump(self) -> bytes:
        """As the result of an entry."""
        return _PREFIX + orjson.dumps([self.size, self.rows, self.attempt, self.crc, self.whole]) + b"}"

    @classmethod
    def load(cls, stored: bytes) -> Spooled | None:
        """What `dump` gave; None when the result of an entry is something else."""
        return cls(*orjson.loads(stored[len(_PREFIX) : -1])) if stored.startswith(_PREFIX) else None


class Rows(Protocol):
    """Where the rows of a step's result are."""

    async def rows(self, *, attempt: int, first: int, count: int) -> list[bytes]:
        """At most `count` rows, from number `first` on, counted from 1."""


class StepStream(AsyncIterable[bytes]):
    """The bytes that a step streamed, the same on the first run and on every replay.

    Each `async for` starts anew and reads from the disk as it goes; so what is large stays out of memory.
    """

    def __init__(self, rows: Rows, spooled: Spooled, step: str) -> None:
        self._rows = rows
        self._spooled = spooled
        self._step = step

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._spooled.size

    async def read(self) -> bytes:
        """All of it."""
        return b"".join([chunk async for chunk in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        spooled, crc = self._spooled, 0
        for first in range(1, spooled.rows + 1, _PAGE):
            count = min(_PAGE, spooled.rows + 1 - first)
            page = await self._rows.rows(attempt=spooled.attempt, first=first, count=count)
            if len(page) != count:
                raise StoreError(
                    f"the stream of step {self._step} is gone: its instance began anew, or was deleted"
                )
            for row in page:
                crc = zlib.crc32(row, crc)
                yield row
        if crc != spooled.crc:
            raise StoreError(f"the stream of step {self._step} is damaged: restore the file from a backup")

    def __repr__(self) -> str:
        return f"<StepStream of step {self._step}, {self.size:,} bytes>"


@dataclass(frozen=True, slots=True)
class Whole:
    """The outcome of a step that returned `bytes` which are in rows."""

    stream: StepStream

    async def value(self) -> Any:
        """The bytes."""
        return await self.stream.read()
