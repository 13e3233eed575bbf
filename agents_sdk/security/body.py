"""The body of an HTTP request, counted as it comes."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request, empty_receive
from starlette.types import Message, Receive, Scope

from agents_sdk.security.limits import Limits, is_deep

__all__ = ["Body"]


class Body:
    """An ASGI `receive` that raises `HTTPException` when more comes than may.

    What a hook has read of it comes once more for the agent.
    """

    def __init__(self, scope: Scope, receive: Receive, limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._headers = Headers(scope=scope)
        self._is_json = "json" in self._headers.get("content-type", "").lower()
        self._size = 0
        self._kept: list[Message] = []
        self._keeps = True
        self._again: list[Message] = []

    @property
    def is_too_large(self) -> bool:
        """It says so itself, before any of it has come."""
        said = self._headers.get("content-length", "")
        return said.isdecimal() and int(said) > self._limits.body

    def rewind(self, *, last: bool) -> None:
        """All that has come comes once more; after the last time, nothing is kept that is not looked at."""
        self._again = list(self._kept)
        self._keeps = self._is_json or not last

    def receive_of(self, request: HTTPConnection) -> Receive:
        """What reads the body of a request: of one that a hook has made, its own."""
        if isinstance(request, Request) and request.receive is not empty_receive:
            return request.receive
        return self.receive

    async def receive(self) -> Message:
        """See ASGI."""
        if self._again:
            return self._again.pop(0)
        message = await self._receive()
        if message["type"] != "http.request":
            return message
        self._size += len(message.get("body", b""))
        if self._size > self._limits.body:
            raise HTTPException(413, "Content Too Large")
        if self._keeps:
            self._kept.append(message)
        if self._is_json and not message.get("more_body"):
            whole = b"".join(one.get("body", b"") for one in self._kept)
            if is_deep(whole, self._limits.json_depth):
                raise HTTPException(400, "Bad Request: the JSON nests too deep")
        return message
