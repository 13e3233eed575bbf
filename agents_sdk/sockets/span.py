"""Messages that follow one another to a client, and are written together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agents_sdk.sockets.frames import framed

__all__ = ["LONGEST", "Own", "Span", "weight"]

LONGEST = 64 << 10
"""Bytes after which no further message is written along; one message may be larger."""
_OVERHEAD = 100  # bytes that a waiting message takes besides its content


class Span(Protocol):
    """Some messages, in both forms in which servers take them."""

    @property
    def messages(self) -> Sequence[str | bytes]:
        """One by one."""
        ...

    @property
    def frames(self) -> bytes:
        """All of them as they go over the wire."""
        ...


class Own:
    """Messages for one client."""

    def __init__(self, messages: Sequence[str | bytes]) -> None:
        self.messages = messages

    @property
    def frames(self) -> bytes:
        """See `Span`."""
        return b"".join(map(framed, self.messages))


def weight(message: str | bytes) -> int:
    """Bytes that a message takes while it waits, give or take."""
    return _OVERHEAD + len(message)
