"""A client that may break the rules of RFC 6455: it writes bytes, and reads by a library of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    Request,
    TextMessage,
)

__all__ = ["BINARY", "CLOSE", "CONTINUED", "PING", "TEXT", "Raw", "frame", "raw"]

CONTINUED, TEXT, BINARY, CLOSE, PING = 0, 1, 2, 8, 9
_PATIENCE = 10.0
_MASK = b"\x12\x34\x56\x78"


def frame(
    opcode: int,
    content: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    claimed: int | None = None,
) -> bytes:
    """A frame of a client, however wrong; `claimed` is the length that it says."""
    length = len(content) if claimed is None else claimed
    mask = 0x80 if masked else 0
    head = bytes([fin << 7 | reserved << 4 | opcode])
    if length < 126:
        head += bytes([mask | length])
    elif length < 1 << 16:
        head += bytes([mask | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([mask | 127]) + length.to_bytes(8, "big")
    if not masked:
        return head + content
    return head + _MASK + bytes(byte ^ _MASK[at % 4] for at, byte in enumerate(content))


@dataclass
class Raw:
    """One socket after its upgrade."""

    writer: asyncio.StreamWriter
    _reader: asyncio.StreamReader
    _client: WSConnection
    _come: list[Event] = field(default_factory=list)

    async def text(self) -> str:
        """The next message."""
        whole = ""
        while True:
            event = await self.event()
            assert isinstance(event, TextMessage | BytesMessage), event
            if isinstance(event, TextMessage):
                whole += event.data
            if event.message_finished:
                return whole

    async def lasts(self) -> None:
        """Answers pings, which the server sends every 20 seconds, until it is cancelled."""
        while True:
            try:
                event = await self.event()
            except TimeoutError:
                continue
            assert isinstance(event, Ping), event
            self.writer.write(self._client.send(event.response()))

    async def closed(self) -> int | None:
        """The code with which the server closes, whatever comes before it; None when it only hangs up."""
        while (event := await self.event()) is not None:
            if isinstance(event, CloseConnection):
                return event.code
        return None

    async def pong(self) -> bytes:
        """What the next pong holds."""
        while not isinstance(event := await self.event(), Pong):
            assert event is not None
        return bytes(event.payload)

    async def event(self) -> Event | None:
        """The next thing that comes; None at the end."""
        async with asyncio.timeout(_PATIENCE):
            while not self._come:
                try:
                    got = await self._reader.read(1 << 16)
                except ConnectionError:
                    return None
                if not got:
                    return None
                self._client.receive_data(got)
                self._come += self._client.events()
        return self._come.pop(0)


@asynccontextmanager
async def raw(address: str, path: str) -> AsyncIterator[Raw]:
    """Connected, without any extension."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        client = WSConnection(ConnectionType.CLIENT)
        writer.write(client.send(Request(host=address, target=path)))
        one = Raw(writer, reader, client)
        assert isinstance(await one.event(), AcceptConnection)
        yield one
    finally:
        writer.transport.abort()
