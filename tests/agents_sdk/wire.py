"""A raw client: what a test sends over a socket, and what comes back."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

__all__ = ["GREETING", "Client", "client"]

GREETING = 3
"""Frames of a connect, of an agent that has a state."""
_PATIENCE = 5.0


class Client:
    """One socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._ids = itertools.count(1)

    async def next(self, count: int = 1) -> list[Any]:
        """The next messages; JSON objects parsed."""
        texts = [await asyncio.wait_for(self.socket.recv(), _PATIENCE) for _ in range(count)]
        return [json.loads(text) if str(text).startswith("{") else text for text in texts]

    async def send(self, message: str | bytes | dict[str, Any]) -> None:
        """A message, or a frame."""
        await self.socket.send(json.dumps(message) if isinstance(message, dict) else message)

    async def ask(self, method: str, *args: Any) -> str:
        """Sends a call, and gives its id."""
        id = str(next(self._ids))
        await self.send({"type": "rpc", "id": id, "method": method, "args": list(args)})
        return id

    async def call(self, method: str, *args: Any) -> dict[str, Any]:
        """What the one frame that answers a call has besides its type and id; other frames are skipped."""
        id = await self.ask(method, *args)
        while True:
            [frame] = await self.next()
            if isinstance(frame, dict) and frame.get("id") == id:
                return {key: value for key, value in frame.items() if key not in ("type", "id")}

    async def closed(self) -> tuple[int | None, str | None]:
        """Waits until the server closes; the code and the reason."""
        await asyncio.wait_for(self.socket.wait_closed(), _PATIENCE)
        return self.socket.close_code, self.socket.close_reason


@asynccontextmanager
async def client(url: str, *, greeting: int = GREETING) -> AsyncIterator[Client]:
    """Connected, after so many frames of greeting."""
    async with connect(url) as socket:
        one = Client(socket)
        await one.next(greeting)
        yield one
