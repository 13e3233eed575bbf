"""One client without a network: what it sends, and whether all of it was answered as it should be."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

from agents_sdk.protocol import ClientFrame, RpcRequest, parser
from tests.agents_sdk.security.calls import scope_of
from tests.agents_sdk.storm.agents import LAST
from tests.agents_sdk.storm.frames import Frames

__all__ = ["Visit"]

_MAY_CLOSE = {1008, 1009}
_PATIENCE = 10.0


@dataclass
class Visit:
    """Sends `count` messages and waits for what must come; `objections` says what was not as it should be."""

    frames: Frames
    count: int
    known: frozenset[type[ClientFrame]]
    id: str
    sent: int = 0
    messages: int = 0
    """Those that are no frames."""
    closed: int | None = None
    leaves: bool = False
    _due: Counter[str] = field(default_factory=Counter)
    """For each id of a call, how many answers must still come."""
    _connected: bool = False
    _heard: bool = False
    _wrong: list[str] = field(default_factory=list)
    _answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def to(self, app: ASGIApp, path: str) -> None:
        """The visit, from the upgrade to the end."""
        self.leaves = self.frames.chance() < 0.2
        await app(scope_of("websocket", f"{path}?_pk={self.id}"), self._receive, self._send)

    def objections(self, heard: int) -> list[str]:
        """What was wrong, when the agent has heard so many messages of it."""
        wrong = list(self._wrong)
        if self.closed is not None and self.closed not in _MAY_CLOSE:
            wrong.append(f"closed with {self.closed}")
        if self.closed is None and not self.leaves:
            due = {id: count for id, count in self._due.items() if count}
            if due:
                wrong.append(f"answers that did not come, or came too often: {due}")
            if heard != self.messages:
                wrong.append(f"of {self.messages} messages the agent heard {heard}")
        return wrong

    async def _receive(self) -> Message:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        if self.sent < self.count:
            self.sent += 1
            return self._sending(self.frames.next())
        if self.sent == self.count and not self.leaves:
            self.sent += 1
            return self._sending(LAST)
        if not self.leaves:
            try:
                await asyncio.wait_for(self._answered.wait(), _PATIENCE)
            except TimeoutError:
                self._wrong.append("nothing came any more")
        return {"type": "websocket.disconnect", "code": 1006 if self.leaves else 1000, "reason": ""}

    def _sending(self, message: str | bytes) -> Message:
        if isinstance(message, bytes):
            self.messages += 1
            return {"type": "websocket.receive", "bytes": message}
        match parser(self.known)(message):
            case None:
                self.messages += 1
            case RpcRequest(id=id):
                self._due[id] += 1
        return {"type": "websocket.receive", "text": message}

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.close":
            self.closed = message["code"]
            self._answered.set()
        if message["type"] != "websocket.send":
            return
        if message["text"] == LAST:
            self._heard = True
        else:
            frame: dict[str, Any] = json.loads(message["text"])
            if frame["type"] == "rpc" and (not frame["success"] or frame["done"]):
                self._due[frame["id"]] -= 1
        if self._heard and not any(self._due.values()):
            self._answered.set()
