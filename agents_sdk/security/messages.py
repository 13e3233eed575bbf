"""The messages of a WebSocket, counted as they come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import Message, Receive, Send

from agents_sdk.connection import Closing
from agents_sdk.security.limits import is_deep

__all__ = ["Messages"]

_TOO_LARGE = Closing(1009, "message too large")
_TOO_DEEP = Closing(1008, "JSON nested too deep")
_TOO_MANY = Closing(1008, "too many messages")
_UTF8_MOST = 4


class Messages:
    """The two ends of a socket in ASGI; whoever sends more than they may is closed."""

    def __init__(
        self,
        receive: Receive,
        send: Send,
        *,
        longest: int,
        depth: int,
        may_send: Callable[[], bool],
        standing: Callable[[], Awaitable[Closing | None]],
    ) -> None:
        """`standing` says of each message how its sender is to be closed, if they may not stay."""
        self._receive = receive
        self._send = send
        self._longest = longest
        self._depth = depth
        self._may_send = may_send
        self._standing = standing
        self._closed = False

    async def receive(self) -> Message:
        """See ASGI."""
        message = await self._receive()
        if message["type"] != "websocket.receive" or self._closed:
            return message
        closing = self._objection(message) or await self._standing()
        if closing is None:
            return message
        await self.send({"type": "websocket.close", "code": closing.code, "reason": closing.reason})
        return {"type": "websocket.disconnect", "code": closing.code, "reason": closing.reason}

    async def send(self, message: Message) -> None:
        """See ASGI."""
        if self._closed:
            return
        self._closed = message["type"] == "websocket.close"
        await self._send(message)

    def _objection(self, message: Message) -> Closing | None:
        if not self._may_send():
            return _TOO_MANY
        text = message.get("text")
        if text is None:
            return _TOO_LARGE if len(message["bytes"]) > self._longest else None
        if len(text) > self._longest:
            return _TOO_LARGE
        if len(text) * _UTF8_MOST <= self._longest and text.count("[") + text.count("{") <= self._depth:
            return None
        encoded = text.encode()
        if len(encoded) > self._longest:
            return _TOO_LARGE
        is_json = text.lstrip()[:1] in ("{", "[")
        return _TOO_DEEP if is_json and is_deep(encoded, self._depth) else None
