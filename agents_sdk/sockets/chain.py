"""The chain: what an agent tells all its clients, kept once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property

from agents_sdk.sockets.frames import framed, unframed
from agents_sdk.sockets.own import LONGEST, weight

__all__ = ["Chain", "Link", "Stretch"]


class Link:
    """One message, and the next link; the last one is empty, and becomes the next message.

    Each client holds the link that it gets next. So a link lives as long as a client that has yet to get it,
    and nobody counts.
    """

    __slots__ = ("frame", "next", "place", "since")

    def __init__(self, place: int) -> None:
        self.place = place
        """The weight of all messages before it: of two links, the later one has the larger place."""
        self.frame = b""
        self.since = 0.0
        """When the message came, on the loop's clock."""
        self.next: Link | None = None


class Stretch:
    """Messages of a chain, from one link up to another."""

    def __init__(self, start: Link, end: Link, frames: Sequence[bytes], *, is_full: bool) -> None:
        self.start = start
        self.end = end
        self.is_full = is_full
        self._frames = frames

    @cached_property
    def messages(self) -> Sequence[str | bytes]:
        """One by one."""
        return list(map(unframed, self._frames))

    @cached_property
    def frames(self) -> bytes:
        """All of them, as they go over the wire."""
        return b"".join(self._frames)


class Chain:
    """Telling all costs the same for one client and for a thousand."""

    def __init__(self) -> None:
        self.end = Link(0)
        """The empty link: what is appended next."""
        self._latest: Stretch | None = None

    def append(self, message: str | bytes) -> Link:
        """The link of this message, which all get that hold this or an earlier one."""
        link = self.end
        link.frame = framed(message)
        link.since = asyncio.get_running_loop().time()
        link.next = self.end = Link(link.place + weight(link.frame))
        return link

    def stretch(self, start: Link, until: int) -> Stretch:
        """What follows from `start`, which is not empty, up to a place, or as much as is written at once.

        It is the same object for all that ask within one turn of the loop, so it is put together once.
        """
        if until < self.end.place:
            return _stretch(start, until)
        latest = self._latest
        if latest is None or latest.start is not start or not (latest.is_full or latest.end is self.end):
            latest = _stretch(start, until)
            if self._latest is None:
                asyncio.get_running_loop().call_soon(self._forget)
            self._latest = latest
        return latest

    def _forget(self) -> None:
        """Else it would hold what all have got."""
        self._latest = None


def _stretch(start: Link, until: int) -> Stretch:
    frames: list[bytes] = []
    link, enough = start, start.place + LONGEST
    while (following := link.next) is not None and link.place < until:
        if frames and following.place > enough:
            return Stretch(start, link, frames, is_full=True)
        frames.append(link.frame)
        link = following
    return Stretch(start, link, frames, is_full=False)
