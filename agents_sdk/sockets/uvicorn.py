"""For uvicorn: `--ws agents_sdk.sockets.uvicorn:Protocol`, which takes frames that were made before."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from agents_sdk.sockets.frames import EXTENSION

__all__ = ["Protocol"]


class Protocol(WebSocketsSansIOProtocol):
    """uvicorn's own, with the extension `perdure.frames` of ASGI."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._room = asyncio.Event()
        self._room.set()

    async def run_asgi(self) -> None:
        """See uvicorn."""
        self.scope.setdefault("extensions", {})[EXTENSION] = {}
        await super().run_asgi()

    async def send(self, message: Any) -> None:
        """See ASGI."""
        if message["type"] != EXTENSION:
            await super().send(message)
            return
        await self._room.wait()
        if self.transport.is_closing() or self.close_sent:
            raise ConnectionResetError("the client has left")
        self.transport.write(message["frames"])

    def pause_writing(self) -> None:
        """See asyncio."""
        super().pause_writing()
        self._room.clear()

    def resume_writing(self) -> None:
        """See asyncio."""
        super().resume_writing()
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        super().connection_lost(exc)
        self._room.set()
