"""Which messages clears have deleted: a client that has not heard of it submits them again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from agents_sdk.chat.rows import ChatRows
from agents_sdk.chat.shapes import Message
from workflows import Statement

__all__ = ["Cleared"]

_MOST = 10_000
_SIZE = 16  # bytes


class Cleared:
    """The latest ones of one chat. Kept as digests: clients choose the ids, of any length."""

    def __init__(self, rows: ChatRows) -> None:
        self._rows = rows
        self._digests: dict[bytes, None] = {}

    async def load(self) -> None:
        """Reads what is stored."""
        kept = await self._rows.cleared()
        self._digests = dict.fromkeys(kept[at : at + _SIZE] for at in range(0, len(kept), _SIZE))

    def clear(self, ids: Iterable[str]) -> list[Statement]:
        """Deletes everything of the chat; these are the ids of what clients have seen of it."""
        for digest in map(_digest, ids):
            self._digests[digest] = self._digests.pop(digest, None)  # it is the latest one now
        for old in list(self._digests)[:-_MOST]:
            del self._digests[old]
        return self._rows.clear(b"".join(self._digests))

    def without(self, messages: Sequence[Message], stored: Iterable[Message]) -> list[Message]:
        """Those that no clear has deleted, or that were stored again since."""
        if not self._digests:
            return [*messages]
        there = {one["id"] for one in stored}
        return [one for one in messages if one["id"] in there or _digest(one["id"]) not in self._digests]


def _digest(id: str) -> bytes:
    return hashlib.blake2b(id.encode(), digest_size=_SIZE).digest()
