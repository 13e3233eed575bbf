"""Requests to an app as a server would hand them over, from wherever they come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Scope

__all__ = ["Answer", "call", "scope_of", "upgrade"]


@dataclass
class Answer:
    """What came back; `closed` holds the code of a socket, `frames` what was sent on it."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    accepted: bool = False
    frames: list[str] = field(default_factory=list)
    closed: int | None = None

    async def take(self, message: Message) -> None:
        """An ASGI `send`."""
        match message["type"]:
            case "http.response.start" | "websocket.http.response.start":
                self.status = message["status"]
                self.headers = {key.decode(): value.decode() for key, value in message["headers"]}
            case "http.response.body" | "websocket.http.response.body":
                self.body += message.get("body", b"")
            case "websocket.accept":
                self.accepted, self.status = True, 101
            case "websocket.send":
                self.frames.append(message.get("text") or "")
            case "websocket.close":
                self.closed = message.get("code", 1000)


def scope_of(
    kind: str,
    path: str,
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    *,
    server: tuple[str, int] | None = ("127.0.0.1", 8787),
    method: str = "GET",
    scheme: str | None = None,
) -> Scope:
    """The scope of a request; the host is 127.0.0.1 unless headers say another."""
    plain, _, query = path.partition("?")
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
    if not any(key == "host" for key, _ in pairs):
        pairs.insert(0, ("host", "127.0.0.1:8787"))
    scope: Scope = {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": scheme or ("http" if kind == "http" else "ws"),
        "path": plain,
        "raw_path": plain.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(key.encode(), value.encode()) for key, value in pairs if value != ""],
        "server": server,
        "client": ("192.0.2.1", 5000),
        "extensions": {"websocket.http.response": {}},
    }
    if kind == "http":
        scope["method"] = method
    return scope


async def call(
    app: ASGIApp,
    path: str,
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    *,
    method: str = "GET",
    body: list[bytes] | None = None,
    server: tuple[str, int] | None = ("127.0.0.1", 8787),
    scheme: str | None = None,
) -> Answer:
    """One HTTP request; `body` in the pieces that come."""
    answer = Answer()
    parts = list(body or [b""])

    async def receive() -> Message:
        if not parts:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    scope = scope_of("http", path, headers, server=server, method=method, scheme=scheme)
    await app(scope, receive, answer.take)
    return answer


async def upgrade(
    app: ASGIApp,
    path: str,
    headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
    *,
    server: tuple[str, int] | None = ("127.0.0.1", 8787),
    scheme: str | None = None,
) -> Answer:
    """One WebSocket, whose client leaves as soon as its upgrade is answered."""
    answer = Answer()
    steps = ["websocket.connect", "websocket.disconnect"]

    async def receive() -> Message:
        if not steps:
            await asyncio.Event().wait()
        return {"type": steps.pop(0), "code": 1000, "reason": ""}

    await app(scope_of("websocket", path, headers, server=server, scheme=scheme), receive, answer.take)
    return answer
