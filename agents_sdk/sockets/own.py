"""Messages of one client that are written together, and how much that is."""

from __future__ import annotations

from collections.abc import Sequence

from agents_sdk.sockets.frames import framed

__all__ = ["LONGEST", "Own", "weight"]

LONGEST = 64 << 10
"""Bytes after which no further message is written along; one message may be larger."""
_OVERHEAD = 100  # bytes that a waiting message takes besides its content


class Own:
    """Messages for one client."""

    def __init__(self, messages: Sequence[str | bytes]) -> None:
        self.messages = messages
        """One by one."""

    @property
    def frames(self) -> bytes:
        """All of them, as they go over the wire."""
        return b"".join(map(framed, self.messages))


def weight(message: str | bytes) -> int:
    """Bytes that a message takes while it waits, give or take."""
    return _OVERHEAD + len(message)
