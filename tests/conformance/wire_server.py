"""The server that recordings are replayed against: in this process, or in one that can be killed."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from tests.agents_sdk.served import served
from tests.npm.app import app

__all__ = ["Server", "server"]

_PATIENCE = 20.0


class Server(Protocol):
    """A server that has every agent of the recordings."""

    @property
    def address(self) -> str:
        """Its host and port."""

    async def kill(self) -> None:
        """By SIGKILL."""

    async def again(self) -> None:
        """Over the same data."""


@asynccontextmanager
async def server(data: Path, *, killable: bool) -> AsyncIterator[Server]:
    """Runs while inside."""
    if not killable:
        async with served(app(data)) as address:
            yield _Here(address)
        return
    there = _There(data)
    await there.again()
    try:
        yield there
    finally:
        await there.kill()


class _Here:
    def __init__(self, address: str) -> None:
        self.address = address

    async def kill(self) -> None:
        raise NotImplementedError

    async def again(self) -> None:
        raise NotImplementedError


class _There:
    def __init__(self, data: Path) -> None:
        self._data = data
        self._port = _free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def again(self) -> None:
        command = ["-m", "tests.npm.app", "--port", str(self._port), "--data", str(self._data)]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(_PATIENCE):
            while not await self._answers():  # noqa: ASYNC110  # another process has no event
                await asyncio.sleep(0.03)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.close()
        return True


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
