"""A real server on loopback for an ASGI app."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import uvicorn
from starlette.types import ASGIApp

__all__ = ["FRAMES", "MESSAGES", "served"]

FRAMES = "agents_sdk.sockets.uvicorn:Protocol"
MESSAGES = "websockets-sansio"
"""uvicorn's own."""


@asynccontextmanager
async def served(
    app: ASGIApp, *, lifespan: Literal["on", "off"] = "on", log: str = "warning", ws: str = FRAMES
) -> AsyncIterator[str]:
    """`host:port` of the app while it is served; `ws` says how WebSockets are."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level=log, lifespan=lifespan, ws=ws)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:  # noqa: ASYNC110  # uvicorn has no event for it
                await asyncio.sleep(0.01)
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
