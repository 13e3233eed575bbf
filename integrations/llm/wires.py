"""Which wire a server is asked over, and how it is opened."""

from __future__ import annotations

import asyncio
import importlib
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from integrations.llm.endpoint import OPENAI_URL, Endpoint
from integrations.llm.wire import BackgroundWire, Wire

__all__ = ["WireName", "Wires", "wire_for"]

WireName: TypeAlias = Literal["chat", "responses"]

_OPENAI = urlsplit(OPENAI_URL).hostname


def wire_for(endpoint: Endpoint) -> WireName:
    """Responses for api.openai.com; of any other server only Chat Completions is sure."""
    return "responses" if urlsplit(endpoint.url).hostname == _OPENAI else "chat"


class Wires:
    """Opens the wire to one server when it is first used; not before, since loading openai takes a while."""

    def __init__(self, endpoint: Endpoint, name: WireName | None, *, timeout: float, stream: bool) -> None:
        if name not in (None, "chat", "responses"):
            raise ValueError(f'there is no wire {name!r}: use "chat" or "responses"')
        self.name: WireName = name or wire_for(endpoint)
        self._endpoint = endpoint
        self._timeout = timeout
        self._stream = stream
        self._opened: Wire | None = None

    async def wire(self) -> Wire:
        """The wire, opened."""
        if self._opened is None:
            # Half a second, which nobody else on the loop should wait for.
            await asyncio.to_thread(importlib.import_module, f"integrations.llm.{self.name}")
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    async def background(self) -> BackgroundWire:
        """The wire, for a model that works in the background."""
        wire = await self.wire()
        assert isinstance(wire, BackgroundWire)
        return wire

    async def close(self) -> None:
        """Lets the connections go; the next call opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    def _open(self) -> Wire:
        if self.name == "chat":
            from integrations.llm.chat import ChatWire

            return ChatWire(self._endpoint, timeout=self._timeout, stream=self._stream)
        from integrations.llm.responses import ResponsesWire

        return ResponsesWire(self._endpoint, timeout=self._timeout, stream=self._stream)
