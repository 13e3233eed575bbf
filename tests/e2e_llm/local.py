"""The small model as a child process, behind a door that counts what passes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

__all__ = ["Door", "local_model"]

_ASKED = b"POST /v1/chat/completions"


class Door:
    """Passes bytes on to the model, and counts the requests among them."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self.asked = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(ConnectionError):
            to_model = await asyncio.open_connection("127.0.0.1", self._behind)
            await asyncio.gather(self._pass(reader, to_model[1]), self._pass(to_model[0], writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(1 << 16):
                self.asked += chunk.count(_ASKED)  # a request begins a chunk: nobody pipelines here
                writer.write(chunk)
                await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def local_model(folder: Path, *, tokens: int) -> AsyncIterator[int]:
    """The port of a model with a window of so many tokens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(__file__).with_name("serve.py")
    command = [sys.executable, str(program), str(folder), str(port), str(tokens)]
    null = asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(*command, stdout=null, stderr=null)
    try:
        async with httpx.AsyncClient() as http:
            while not await _healthy(http, f"http://127.0.0.1:{port}/health"):
                assert child.returncode is None, "the model has ended"
                await asyncio.sleep(0.05)
        yield port
    finally:
        child.kill()
        await child.wait()


async def _healthy(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.TransportError:
        return False
