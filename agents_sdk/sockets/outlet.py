"""Outlets: how messages are handed to the server that runs the app."""

from __future__ import annotations

import logging
from typing import Protocol

from starlette.types import Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from agents_sdk.sockets.frames import EXTENSION
from agents_sdk.sockets.outbox import Span

__all__ = ["Framed", "Outlet", "Plain", "outlet"]

_log = logging.getLogger(__name__)

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


async def outlet(socket: WebSocket, send: Send) -> Outlet:
    """The best that the server of this socket has, which was accepted; `send` is the ASGI way to it.

    That the server takes frames does not say that all which stands before it lets them through: it is tried
    with none.
    """
    if EXTENSION not in (socket.scope.get("extensions") or ()):
        return Plain(socket)
    try:
        await send({"type": EXTENSION, "frames": b""})
    except Exception:  # noqa: BLE001  # whoever refuses does so in its own way
        _log.debug("frames do not get through to the server", exc_info=True)
        return Plain(socket)
    return Framed(socket, send)
