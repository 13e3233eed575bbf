"""A server that takes whole frames: its app hears that a client has left, and does not wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import connect

from agents_sdk.sockets.frames import EXTENSION, framed
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio

Talk = Callable[[Receive, Send], Awaitable[None]]
LARGE = framed(bytes(64 << 20))
"""More than a system takes at once."""


def app(talk: Talk, ended: asyncio.Future[BaseException | None]) -> ASGIApp:
    """Accepts, and tells how the talk has ended."""

    async def talking(scope: Scope, receive: Receive, send: Send) -> None:
        assert EXTENSION in scope["extensions"]
        await receive()
        await send({"type": "websocket.accept"})
        try:
            await talk(receive, send)
        except Exception as error:  # noqa: BLE001  # what is looked at
            ended.set_result(error)
        else:
            ended.set_result(None)

    return talking


async def frames(send: Send, content: bytes) -> None:
    await send({"type": EXTENSION, "frames": content})


async def ends(talk: Talk, *, client: Callable[[Any], Awaitable[None]]) -> BaseException | None:
    """How the talk ends with this client."""
    ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    async with served(app(talk, ended), lifespan="off") as address:
        async with connect(f"ws://{address}/", max_queue=1, max_size=None) as socket:
            await client(socket)
        return await asyncio.wait_for(ended, 5)


async def test_who_waits_for_room_hears_that_the_client_has_left() -> None:
    full = asyncio.Event()

    async def talk(_receive: Receive, send: Send) -> None:
        await frames(send, LARGE)
        full.set()
        await frames(send, framed("waits"))

    async def client(socket: Any) -> None:
        await full.wait()
        socket.transport.abort()

    assert isinstance(await ends(talk, client=client), OSError)


async def test_nothing_comes_after_a_close() -> None:
    async def talk(_receive: Receive, send: Send) -> None:
        await frames(send, framed("first"))
        await send({"type": "websocket.close", "code": 4000})
        await frames(send, framed("late"))

    async def client(socket: Any) -> None:
        assert await socket.recv() == "first"
        await socket.wait_closed()
        assert socket.close_code == 4000

    assert isinstance(await ends(talk, client=client), OSError)


async def test_who_writes_to_a_client_that_has_left_is_told() -> None:
    async def talk(receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "websocket.disconnect"
        await frames(send, framed("late"))

    async def client(socket: Any) -> None:
        socket.transport.abort()

    assert isinstance(await ends(talk, client=client), OSError)
