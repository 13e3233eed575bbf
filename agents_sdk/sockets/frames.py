"""Frames that are made before they are written: one and the same for all clients.

A server does not mask its frames, and may leave any message uncompressed, whatever was negotiated: so the
frame of a message is the same bytes for everybody.
"""

from __future__ import annotations

from websockets.frames import Frame, Opcode

__all__ = ["EXTENSION", "framed", "unframed"]

EXTENSION = "perdure.frames"
"""The ASGI extension of servers that take `{"type": "perdure.frames", "frames": b"…"}`: whole frames, as many
as one likes, written as they are when there is room, as for `websocket.send`."""
_STARTS = {126: 4, 127: 10}
"""Where the content starts, by the second byte, when that is not the length itself."""


def framed(message: str | bytes) -> bytes:
    """The frame of a message."""
    if isinstance(message, str):
        return Frame(Opcode.TEXT, message.encode()).serialize(mask=False)
    return Frame(Opcode.BINARY, message).serialize(mask=False)


def unframed(frame: bytes) -> str | bytes:
    """The message of a frame that `framed` made."""
    content = frame[_STARTS.get(frame[1], 2) :]
    return content.decode() if frame[0] & 0x0F == Opcode.TEXT else content
