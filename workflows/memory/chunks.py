"""The chunks of steps in memory, beside the rows of `MemoryLedger`."""

from __future__ import annotations

from asyncio import Future
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from workflows.entry import Entry, Key
from workflows.errors import Fenced
from workflows.memory.acknowledged import acknowledged
from workflows.streams.chunks import PAGE_BYTES, PAGE_PARTS, Chunk, Located

__all__ = ["MemoryChunks"]


class _Row(Protocol):
    """What this needs to know of an instance."""

    @property
    def epoch(self) -> int: ...
    @property
    def entries(self) -> dict[int, Entry]: ...


@dataclass(slots=True)
class _Streamed:
    """What one step has streamed."""

    parts: list[Chunk] = field(default_factory=list)
    rows: list[tuple[int, bytes]] = field(default_factory=list)
    """Of a result: the attempt, and the bytes."""


class MemoryChunks:
    """`Chunks` over dicts; `instances` are the rows of the ledger."""

    def __init__(self, instances: Mapping[int, _Row]) -> None:
        self._instances = instances
        self._steps: defaultdict[tuple[int, int], _Streamed] = defaultdict(_Streamed)

    def append(self, incarnation: int, epoch: int, ordinal: int, *, attempt: int, part: bytes) -> Future[int]:
        """See `Chunks.append`."""

        def write() -> int:
            parts = self._leased(incarnation, epoch, ordinal).parts
            parts.append(Chunk(len(parts) + 1, attempt, part))
            return len(parts)

        return acknowledged(write)

    def start_over(self, incarnation: int, epoch: int, ordinal: int, *, attempt: int) -> Future[None]:
        """See `Chunks.start_over`."""

        def write() -> None:
            streamed = self._leased(incarnation, epoch, ordinal)
            streamed.rows.clear()
            if streamed.parts and streamed.parts[-1].attempt < attempt:
                streamed.parts.append(Chunk(len(streamed.parts) + 1, attempt, None))

        return acknowledged(write)

    def spool(
        self, incarnation: int, epoch: int, ordinal: int, *, attempt: int, first: int, rows: Sequence[bytes]
    ) -> Future[None]:
        """See `Chunks.spool`."""

        def write() -> None:
            kept = self._leased(incarnation, epoch, ordinal).rows
            assert len(kept) == first - 1, "rows are written in order"
            kept.extend((attempt, row) for row in rows)

        return acknowledged(write)

    def discard(self, incarnation: int, epoch: int, ordinal: int) -> Future[None]:
        """See `Chunks.discard`."""

        def write() -> None:
            self._leased(incarnation, epoch, ordinal).rows.clear()

        return acknowledged(write)

    async def locate(self, incarnation: int, key: Key) -> Located | None:
        """See `Chunks.locate`."""
        instance = self._instances.get(incarnation)
        entries = instance.entries.values() if instance is not None else ()
        return next((Located(entry.ordinal, entry.ended) for entry in entries if entry.key == key), None)

    async def parts(self, incarnation: int, ordinal: int, after: int) -> list[Chunk]:
        """See `Chunks.parts`."""
        page: list[Chunk] = []
        size = 0
        for chunk in self._read(incarnation, ordinal).parts[after : after + PAGE_PARTS]:
            if size >= PAGE_BYTES:
                break
            page.append(chunk)
            size += chunk.size
        return page

    async def rows(
        self, incarnation: int, ordinal: int, *, attempt: int, first: int, count: int
    ) -> list[bytes]:
        """See `Chunks.rows`."""
        rows = self._read(incarnation, ordinal).rows[first - 1 : first - 1 + count]
        return [row for by, row in rows if by == attempt]

    def forget(self, incarnation: int, from_ordinal: int = 0) -> None:
        """Deletes the chunks of entries that are deleted: all, or those from an ordinal on."""
        for step in [step for step in self._steps if step[0] == incarnation and step[1] >= from_ordinal]:
            del self._steps[step]

    def _leased(self, incarnation: int, epoch: int, ordinal: int) -> _Streamed:
        instance = self._instances.get(incarnation)
        if instance is None or instance.epoch != epoch:
            raise Fenced(f"the lease of instance {incarnation} is gone")
        return self._steps[incarnation, ordinal]

    def _read(self, incarnation: int, ordinal: int) -> _Streamed:
        return self._steps.get((incarnation, ordinal)) or _Streamed()
