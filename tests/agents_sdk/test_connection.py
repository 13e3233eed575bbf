"""How much waits for a client that does not read."""

from __future__ import annotations

import asyncio
import gc

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket

from agents_sdk import Connection, Connections
from agents_sdk.connection import Closing
from agents_sdk.sockets.outbox import Span
from agents_sdk.sockets.outlet import Plain
from agents_sdk.sockets.own import Own

pytestmark = pytest.mark.anyio

MIB = bytes(1 << 20)


async def settled() -> None:
    """Nothing is to be waited for."""


def connection(id: str = "a") -> Connection:
    return Connection(id, "ws://test/", settled=settled)


async def test_a_client_that_is_slow_for_a_moment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = connection()
    for _ in range(60):
        slow.send(MIB)
    assert slow.is_open
    monkeypatch.setattr("agents_sdk.connection._PATIENCE", -1)
    slow.send(b"one more")
    assert slow.closing == Closing(1013, "too slow")


async def test_there_is_an_end_to_what_waits() -> None:
    slow = connection()
    for _ in range(70):
        slow.send(MIB)
    assert slow.closing == Closing(1013, "too slow")


async def test_a_message_of_any_size_is_taken_when_nothing_waits() -> None:
    one = connection()
    one.send(bytes(65 << 20))
    assert one.is_open


async def test_after_closing_nothing_is_sent_and_the_first_code_counts() -> None:
    one = connection()
    one.close(4401, "no")
    one.close(1000)
    one.send("too late")
    assert one.closing == Closing(4401, "no")


async def test_connections_are_found_by_id_the_latest_first() -> None:
    connections, first, second = Connections(), connection(), connection()
    for one in (first, second, connection("b")):
        connections.add(one)
    assert (connections.get("a"), len(connections)) == (second, 3)
    connections.remove(second)
    connections.remove(second)
    assert (connections.get("a"), connections.get("c")) == (first, None)


async def test_what_cannot_be_written_closes_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            raise ZeroDivisionError("of the server")

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    one, socket = connection(), WebSocket({"type": "websocket"}, receive, send)
    await socket.accept()
    one.send("hello")
    await asyncio.wait([asyncio.create_task(one.write_to(Plain(socket)))])
    assert one.closing == Closing(1011, "a message could not be written")
    assert "ZeroDivisionError: of the server" in caplog.text


async def test_one_that_is_kept_after_its_end_holds_nothing_that_was_written() -> None:
    class Full:
        async def write(self, _span: Span) -> None:
            await asyncio.Event().wait()

        async def close(self, code: int, reason: str) -> None: ...

    one = connection()
    one.send(MIB)
    writing = asyncio.create_task(one.write_to(Full()))
    await asyncio.sleep(0)
    assert alive(Own) == 1
    one.drop(Closing(1006))
    await asyncio.wait([writing])
    assert writing.cancelled()
    del writing
    gc.collect()
    assert (alive(Own), one.is_open) == (0, False)


def alive(kind: type) -> int:
    return sum(type(thing) is kind for thing in gc.get_objects())
