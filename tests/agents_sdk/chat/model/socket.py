"""A socket without a network: what a server does for an ASGI app, and nothing that takes time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message

__all__ = ["Socket", "get"]

_SCOPE = {
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "client": ("127.0.0.1", 5000),
    "server": ("127.0.0.1", 80),
    "root_path": "",
    "headers": [(b"host", b"127.0.0.1")],
}


def _scope(type: str, scheme: str, path: str, query: str = "") -> dict[str, Any]:
    return {
        **_SCOPE,
        "type": type,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
    }


class Socket:
    """One connection; `took` is called with each frame at once."""

    def __init__(self, app: ASGIApp, path: str, id: str, took: Callable[[dict[str, Any]], None]) -> None:
        self._come: asyncio.Queue[Message] = asyncio.Queue()
        self._come.put_nowait({"type": "websocket.connect"})
        self._took = took
        self.is_open = True
        scope = _scope("websocket", "ws", path, f"_pk={id}") | {"subprotocols": []}
        self._serving = asyncio.ensure_future(app(scope, self._come.get, self._send))

    def send(self, frame: dict[str, Any]) -> None:
        """Says something, if anybody listens."""
        if self.is_open:
            self._come.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    def drop(self) -> None:
        """The network is gone."""
        self.is_open = False
        self._come.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def ended(self) -> None:
        """Returns when the server has let it go."""
        await self._serving

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.send" and self.is_open:
            self._took(json.loads(message["text"]))
        elif message["type"] == "websocket.close" and self.is_open:
            self.drop()


async def get(app: ASGIApp, path: str) -> Any:
    """The JSON at a path."""
    body: list[bytes] = []
    status: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])
        else:
            body.append(message.get("body", b""))

    await app(_scope("http", "http", path) | {"method": "GET"}, receive, send)
    assert status == [200], status
    return json.loads(b"".join(body))
