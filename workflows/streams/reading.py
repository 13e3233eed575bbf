"""Reading what a step streams: what is there, page after page, then whatever a bell announces."""

from __future__ import annotations

from workflows.entry import Key
from workflows.streams.bell import Bell
from workflows.streams.chunks import PAGE_BYTES, PAGE_PARTS, Chunk, Chunks, Located

__all__ = ["Reading"]

_ANEW = Chunk(0, 1, None)


class Reading:
    """One reader, from the chunk after `offset` on. It holds one page, however slow it is."""

    def __init__(self, chunks: Chunks, incarnation: int, key: Key, offset: int, bell: Bell) -> None:
        self._chunks = chunks
        self._incarnation = incarnation
        self._key = key
        self._offset = offset
        self._unproven = offset > 0
        """It is not known yet whether a chunk has the offset that the reader came with."""
        self._located: Located | None = None
        self._bell = bell
        self._more = True

    async def page(self, *, live: bool) -> list[Chunk] | None:
        """What comes next; None at the end. `live`: somebody will ring the bell, so it is worth waiting."""
        bell = self._bell
        while True:
            if bell.error is not None:
                raise bell.error
            if bell.anew:
                bell.anew, self._located, self._more = False, None, True
                if self._offset:
                    return self._begun_anew()
            if not self._more:
                if bell.over or not live:
                    return None
                await bell.rung()
                self._more = True
                continue
            over = bell.over
            page = await self._look()
            if bell.anew:
                continue
            if self._unproven and not (page and page[0].place == self._offset):
                return self._begun_anew()
            self._more = over is not bell.over or _is_full(page)
            if self._unproven:
                self._unproven = False
                del page[0]
            if page:
                self._offset = page[-1].place
                return page

    async def _look(self) -> list[Chunk]:
        """A page, read after it was known whether the step had ended."""
        if self._located is None:
            self._located = await self._chunks.locate(self._incarnation, self._key)
            if self._located is None:
                return []
            self._bell.over = self._bell.over or self._located.ended
        after = self._offset - self._unproven
        return await self._chunks.parts(self._incarnation, self._located.ordinal, after)

    def _begun_anew(self) -> list[Chunk]:
        self._offset, self._unproven, self._more = 0, False, True
        return [_ANEW]


def _is_full(page: list[Chunk]) -> bool:
    return len(page) >= PAGE_PARTS or sum(chunk.size for chunk in page) >= PAGE_BYTES
