"""The far end of a connection: a server that takes messages one by one, or frames, and may be full."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from agents_sdk import Connection
from agents_sdk.sockets.frames import EXTENSION
from agents_sdk.sockets.outlet import outlet

__all__ = ["FarEnd", "settled", "turns"]


def settled() -> None:
    """Nothing is to be waited for."""


class FarEnd:
    """`got` is what has come, in order; a close comes as its code. `latest` are the last frames."""

    def __init__(
        self,
        id: str,
        *,
        frames: bool,
        unsettled: Callable[[], Awaitable[object] | None] = settled,
    ) -> None:
        self.connection = Connection(id, "ws://test/", settled=unsettled)
        self.got: list[str | bytes | int] = []
        self.writes = 0
        self.latest = b""
        self.room = asyncio.Event()
        self.room.set()
        self.writing: asyncio.Task[None] | None = None
        self._scope: dict[str, Any] = {"type": "websocket", "extensions": {EXTENSION: {}} if frames else {}}
        self._client = ClientProtocol(parse_uri("ws://test/"), state=OPEN, max_size=None)

    async def open(self) -> FarEnd:
        """The connection's writer has begun."""
        socket = WebSocket(self._scope, self._receive, self._send)
        await socket.accept()
        self.writing = asyncio.create_task(self._write(socket))
        await turns(1)
        return self

    async def _write(self, socket: WebSocket) -> None:
        with suppress(asyncio.CancelledError):  # it was dropped
            await self.connection.write_to(await outlet(socket, self._send))

    async def _receive(self) -> Message:
        return {"type": "websocket.connect"}

    async def _send(self, message: Any) -> None:
        await self.room.wait()
        if message["type"] == "websocket.send":
            self.writes += 1
            self.got.append(message["bytes"] if message.get("text") is None else message["text"])
        elif message["type"] == "websocket.close":
            self.got.append(message["code"])
        elif message["type"] == "perdure.frames":
            self._take(message["frames"])

    def _take(self, frames: bytes) -> None:
        self.writes += bool(frames)
        self.latest = frames
        self._client.receive_data(frames)
        for frame in self._client.events_received():
            assert isinstance(frame, Frame)
            content = bytes(frame.data)
            self.got.append(content.decode() if frame.opcode is Opcode.TEXT else content)


async def turns(count: int = 20) -> None:
    """So many turns of the loop: no time goes by."""
    for _ in range(count):
        await asyncio.sleep(0)
