"""An HTTP server on loopback that answers with headers only, and notices who hangs up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["SilentServer"]

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"


class SilentServer:
    """Each connection is one request, whose body never comes."""

    def __init__(self) -> None:
        self.url = ""
        self.requests = 0
        self._gone: list[asyncio.Event] = []

    @classmethod
    @asynccontextmanager
    async def started(cls) -> AsyncIterator[SilentServer]:
        """A server, until the end of the block."""
        here = cls()
        server = await asyncio.start_server(here._serve, "127.0.0.1", 0)
        here.url = "http://{}:{}/".format(*server.sockets[0].getsockname())
        try:
            yield here
        finally:
            server.close()

    async def gone(self, number: int = 0) -> None:
        """Returns once the client of this request has hung up."""
        async with asyncio.timeout(20):
            await self._gone[number].wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:  # it hung up before it asked
            writer.close()
            return
        gone = asyncio.Event()
        self._gone.append(gone)
        self.requests += 1
        writer.write(_HEAD)
        await writer.drain()
        try:
            await reader.read()
        except ConnectionError:
            pass
        finally:
            gone.set()
            writer.close()
