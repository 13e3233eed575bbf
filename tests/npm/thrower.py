"""`Thrower`: its name says in which hook it raises."""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk import Agent, Connection

__all__ = ["Thrower"]


class Thrower(Agent[None, Any]):
    async def on_start(self) -> None:
        self._raise_in("start")

    async def on_connect(self, connection: Connection, request: HTTPConnection) -> None:
        self._raise_in("conn")
        connection.send("hi")

    async def on_request(self, request: Request) -> Response:
        self._raise_in("req")
        return PlainTextResponse("ok")

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        if message == "boom":
            raise RuntimeError("a secret of on_message")
        connection.send(f"ok:{message if isinstance(message, str) else message.decode()}")

    async def on_error(self, error: Exception) -> Response | None:
        if self.name.endswith("-swallow"):
            return None
        raise error

    def _raise_in(self, hook: str) -> None:
        if self.name.startswith(hook):
            raise RuntimeError(f"a secret of on_{hook}")
