"""Whether what is kept of a chat is as it was written: checksums, and what is raised where they differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agents_sdk.checksum import checksum, is_whole, joined
from workflows import StoreError

__all__ = ["alone", "damaged", "in_order", "turn_crc"]


def damaged(what: str) -> StoreError:
    """The disk has changed it: it is not shown to anybody, and nothing is written in its place."""
    return StoreError(
        f"the record of {what} of this chat is damaged, and was left as it is: restore the file from a backup"
    )


def turn_crc(
    agent: int,
    first: str,
    kind: str,
    answer: str,
    after: str | None,
    ids: bytes,
    body: bytes,
    tools: bytes,
    created: float,
) -> int:
    """The checksum of what a turn was accepted with; how often it was taken up, and as what, is not in it."""
    return checksum(joined(ids, body, tools), agent, first, kind, answer, after, float(created))


def in_order(rows: Iterable[tuple[int, bytes, int | None]], agent: int, first: str) -> Iterator[bytes]:
    """The chunks of an answer; raises at one that is damaged."""
    for seq, body, crc in rows:
        if not is_whole(crc, body, agent, first, seq):
            raise damaged(f'the answer to "{first}"')
        yield body


def alone(rows: Sequence[Any], what: str, *whose: str | float) -> Any:
    """The values of the only row, without its checksum; None when there is none."""
    if not rows:
        return None
    *blobs, crc = rows[0]
    if not is_whole(crc, blobs[0] if len(blobs) == 1 else joined(*blobs), *whose):
        raise damaged(what)
    return blobs
