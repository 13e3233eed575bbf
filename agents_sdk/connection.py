"""A WebSocket connection as its agent sees it, and all connections of an agent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

__all__ = ["Connection", "Connections"]

log = logging.getLogger("agents_sdk")

_QUEUE = 1_000
_TOO_SLOW = 1013


class Connection:
    """One client. What is sent is queued and written by the connection's own task, in order.

    A client that does not read, so that the queue is full, is closed with code 1013.
    """

    def __init__(self, id: str, socket: WebSocket) -> None:
        self.id = id
        self._socket = socket
        self._queue: asyncio.Queue[str | bytes | tuple[int, str]] = asyncio.Queue(_QUEUE)
        self._writer = asyncio.create_task(self._write(), name=f"connection {id}")
        self._closing: tuple[int, str] | None = None

    @property
    def is_open(self) -> bool:
        """What is sent may still arrive."""
        return self._closing is None and self._socket.application_state is WebSocketState.CONNECTED

    def send(self, message: str | bytes) -> None:
        """Queues a message; to a connection that is not open it is dropped."""
        if not self.is_open:
            return
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            log.warning("connection %s does not read and is closed", self.id)
            self.close(_TOO_SLOW, "too slow")
            self._writer.cancel()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the connection after what is queued."""
        if self._closing is None:
            self._closing = (code, reason)
            if not self._queue.full():
                self._queue.put_nowait(self._closing)

    async def closed(self) -> None:
        """Waits until nothing more is written; the socket is closed then."""
        try:
            await self._writer
        except asyncio.CancelledError:
            if not self._writer.cancelled():
                raise
        if self._closing is not None and self._socket.application_state is WebSocketState.CONNECTED:
            await _quietly_close(self._socket, *self._closing)

    def gone(self) -> None:
        """The client has left: nothing can be written any more."""
        self._closing = self._closing or (1006, "")
        self._writer.cancel()

    async def _write(self) -> None:
        while True:
            match await self._queue.get():
                case str(text):
                    await self._socket.send_text(text)
                case bytes(binary):
                    await self._socket.send_bytes(binary)
                case (code, reason):
                    return await _quietly_close(self._socket, code, reason)


class Connections:
    """The open connections of one agent."""

    def __init__(self) -> None:
        self._open: dict[str, list[Connection]] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter([one for same in self._open.values() for one in same])

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def get(self, id: str) -> Connection | None:
        """The latest connection with this id."""
        same = self._open.get(id)
        return same[-1] if same else None

    def add(self, connection: Connection) -> None:
        """It takes part in broadcasts from now on."""
        self._open.setdefault(connection.id, []).append(connection)

    def remove(self, connection: Connection) -> None:
        """It does not take part any more."""
        same = self._open.get(connection.id, [])
        if connection in same:
            same.remove(connection)
        if not same:
            self._open.pop(connection.id, None)

    def broadcast(self, message: str | bytes, *, without: Collection[str] = ()) -> None:
        """Sends to all, except those with an id in `without`."""
        for connection in self:
            if connection.id not in without:
                connection.send(message)

    async def close(self, code: int, reason: str) -> None:
        """Closes all and waits until that is written."""
        connections = list(self)
        for connection in connections:
            connection.close(code, reason)
        await asyncio.gather(*(connection.closed() for connection in connections), return_exceptions=True)


async def _quietly_close(socket: WebSocket, code: int, reason: str) -> None:
    try:
        await socket.close(code, reason)
    except (RuntimeError, WebSocketDisconnect):
        log.debug("the client was faster with closing")
