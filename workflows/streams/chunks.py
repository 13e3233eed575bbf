"""Chunks: what steps stream, kept in rows beside the entries.

A step has two kinds of them. *Parts* are what its function tells while it runs: their places are 1, 2, 3 …
over all attempts. *Rows* are a result that is too large for an entry: their places are -1, -2, -3 … and they
belong to one attempt.
"""

from __future__ import annotations

from asyncio import Future
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from workflows.entry import Entry, Key

__all__ = ["PAGE_BYTES", "PAGE_PARTS", "ROW", "Chunk", "Chunks", "LeasedChunks", "Located"]

T = TypeVar("T")

ROW = 256 * 1024
"""Bytes of a row of a result; only the last one is shorter."""
PAGE_BYTES = 1 << 20
"""A page of parts ends with the one that passes this many bytes."""
PAGE_PARTS = 256
"""A page has no more parts than this."""


class Chunk(NamedTuple):
    """One part, or the mark that an attempt has started over (its data is None)."""

    place: int
    attempt: int
    data: bytes | None

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data or b"")


class Located(NamedTuple):
    """Where the chunks of a step are, and whether it has its result or its final error."""

    ordinal: int
    ended: bool


class Chunks(Protocol):
    """The verbs of a ledger for chunks; writes are fenced, ordered and durable as `Ledger.put` is."""

    def append(self, incarnation: int, epoch: int, ordinal: int, *, attempt: int, part: bytes) -> Future[int]:
        """One more part, and its place."""

    def start_over(self, incarnation: int, epoch: int, ordinal: int, *, attempt: int) -> Future[None]:
        """A later attempt begins: the rows of earlier ones are gone, a mark follows their parts."""

    def spool(
        self, incarnation: int, epoch: int, ordinal: int, *, attempt: int, first: int, rows: Sequence[bytes]
    ) -> Future[None]:
        """Rows of a result, from number `first` on, counted from 1."""

    def discard(self, incarnation: int, epoch: int, ordinal: int) -> Future[None]:
        """Deletes the rows of a result that did not come to its end."""

    async def locate(self, incarnation: int, key: Key) -> Located | None:
        """The recorded `step.do` with this identity."""

    async def parts(self, incarnation: int, ordinal: int, after: int) -> list[Chunk]:
        """A page of parts and marks after a place; empty: there are no more."""

    async def rows(
        self, incarnation: int, ordinal: int, *, attempt: int, first: int, count: int
    ) -> list[bytes]:
        """At most `count` rows of a result, from number `first` on."""


class LeasedChunks:
    """`StepChunks` over a ledger: those of one entry, written under one lease."""

    __slots__ = ("_chunks", "_entry", "_epoch", "_incarnation", "_ring")

    def __init__(
        self, chunks: Chunks, incarnation: int, epoch: int, entry: Entry, ring: Callable[[Key], object]
    ) -> None:
        self._chunks = chunks
        self._incarnation = incarnation
        self._epoch = epoch
        self._entry = entry
        self._ring = ring

    def append(self, part: bytes) -> Future[int]:
        """See `StepChunks.append`."""
        entry = self._entry
        return self._rung(
            self._chunks.append(
                self._incarnation, self._epoch, entry.ordinal, attempt=entry.attempts, part=part
            )
        )

    def start_over(self) -> Future[None]:
        """See `StepChunks.start_over`."""
        entry = self._entry
        return self._rung(
            self._chunks.start_over(self._incarnation, self._epoch, entry.ordinal, attempt=entry.attempts)
        )

    def spool(self, first: int, rows: Sequence[bytes]) -> Future[None]:
        """See `StepChunks.spool`."""
        entry = self._entry
        return self._chunks.spool(
            self._incarnation, self._epoch, entry.ordinal, attempt=entry.attempts, first=first, rows=rows
        )

    def discard(self) -> Future[None]:
        """See `StepChunks.discard`."""
        return self._chunks.discard(self._incarnation, self._epoch, self._entry.ordinal)

    async def rows(self, *, attempt: int, first: int, count: int) -> list[bytes]:
        """See `StepChunks.rows`."""
        return await self._chunks.rows(
            self._incarnation, self._entry.ordinal, attempt=attempt, first=first, count=count
        )

    def _rung(self, written: Future[T]) -> Future[T]:
        written.add_done_callback(lambda _: self._ring(self._entry.key))
        return written
