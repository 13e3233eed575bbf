"""Outlets: how messages are handed to the server that runs the app."""

from __future__ import annotations

from typing import Protocol

from starlette.types import Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from agents_sdk.sockets.frames import EXTENSION
from agents_sdk.sockets.span import Span

__all__ = ["Framed", "Outlet", "Plain", "outlet"]

_LOST = 1006


class Outlet(Protocol):
    """Where the messages of one connection go; raises `WebSocketDisconnect` when its client has left."""

    async def write(self, span: Span) -> None:
        """Returns when there is room for more."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """After what was written."""
        ...


class Plain:
    """Message by message, as every ASGI server takes them."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def write(self, span: Span) -> None:
        """See `Outlet`."""
        for message in span.messages:
            if isinstance(message, str):
                await self._socket.send_text(message)
            else:
                await self._socket.send_bytes(message)

    async def close(self, code: int, reason: str) -> None:
        """See `Outlet`."""
        await self._socket.close(code, reason)


class Framed(Plain):
    """All at once, in frames that are made for all clients together: for servers with the extension."""

    def __init__(self, socket: WebSocket, send: Send) -> None:
        super().__init__(socket)
        self._send = send

    async def write(self, span: Span) -> None:
        """See `Outlet`."""
        try:
            await self._send({"type": EXTENSION, "frames": span.frames})
        except OSError as error:
            raise WebSocketDisconnect(_LOST) from error


def outlet(socket: WebSocket, send: Send) -> Outlet:
    """The best that the server of this socket has; `send` is the ASGI way to it."""
    extensions = socket.scope.get("extensions") or ()
    return Framed(socket, send) if EXTENSION in extensions else Plain(socket)
