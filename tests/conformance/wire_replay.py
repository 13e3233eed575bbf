"""Does to our server what the recorded clients did to theirs, and notes what comes back."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.conformance.wire_recording import Line, Message, Recording, as_sent, type_of
from tests.conformance.wire_server import Server

__all__ = ["Replayed", "ids_in", "replay"]

_PATIENCE = 4.0  # seconds for what came in the recording
_IMPATIENCE = 0.2  # once something did not come
_PAUSE = 0.1  # of a recorded pause between two clients, seconds that are kept
_OWN = {1000, 1005, 1006}  # codes of closes that a client began


@dataclass(slots=True)
class Replayed:
    """What one client got from our server; `closed` is how the server closed it, if it did."""

    received: list[Message] = field(default_factory=list)
    refused: bool = False
    closed: tuple[int, str] | None = None


async def replay(recording: Recording, server: Server) -> Mapping[str, Replayed]:
    """By the labels of the clients."""
    clients = {conn: _Client() for conn in recording.conns()}
    run = _Replay(recording, server, clients)
    try:
        for at in range(len(recording.lines)):
            await run.do(at)
        await run.caught_up(len(recording.lines))
    finally:
        for client in clients.values():
            await client.leave()
    return {conn: client.got for conn, client in clients.items()}


def ids_in(message: Message) -> Iterator[str]:
    """Every string that names something, in an order that does not depend on that of the keys."""
    match message:
        case dict():
            for key, value in sorted(message.items()):
                if key in ("id", "messageId", "requestId") and isinstance(value, str):
                    yield value
                elif key == "body" and isinstance(value, str) and value.startswith("{"):
                    yield from ids_in(json.loads(value))
                else:
                    yield from ids_in(value)
        case list():
            for one in message:
                yield from ids_in(one)


class _Client:
    def __init__(self) -> None:
        self.got = Replayed()
        self.news = asyncio.Event()
        self.is_gone = False
        self.patience = _PATIENCE
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    async def join(self, url: str) -> None:
        try:
            self._socket = await connect(url, max_size=None)
        except (InvalidStatus, OSError):
            self.got.refused = self.is_gone = True
            return
        self._reading = asyncio.create_task(self._read(self._socket))

    async def send(self, message: str | bytes) -> None:
        if self._socket is not None:
            try:
                await self._socket.send(message)
            except ConnectionClosed:
                return  # the comparison tells of the close

    async def leave(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                self.got.received.append(_parsed(message))
                self.news.set()
        except ConnectionClosed:
            pass
        protocol = socket.protocol
        if protocol.close_rcvd is not None and protocol.close_rcvd_then_sent:
            self.got.closed = (protocol.close_rcvd.code, protocol.close_rcvd.reason)
        self.is_gone = True
        self.news.set()


class _Replay:
    def __init__(self, recording: Recording, server: Server, clients: Mapping[str, _Client]) -> None:
        self._recording = recording
        self._server = server
        self._clients = clients
        self._last: Line | None = None

    async def do(self, at: int) -> None:
        line = self._recording.lines[at]
        match line.does:
            case "kill":
                await self.caught_up(at)
                await self._server.kill()
            case "up":
                await self._server.again()
            case "connect" | "send" | "close":
                await self._pause(line)
                await self.caught_up(at)
                await self._act(line, at)
                self._last = line

    async def caught_up(self, at: int) -> None:
        """Until every client has as much as it had before this line in the recording, or does not get it."""
        before = self._recording.lines[:at]
        for conn, client in self._clients.items():
            theirs = _kinds(one.message for one in before if one.conn == conn and one.does == "receive")
            await _until(lambda: theirs <= _kinds(client.got.received), client)  # noqa: B023  # awaited here

    async def _pause(self, line: Line) -> None:
        """What one client did is there when another one looks."""
        if self._last is not None and self._last.conn != line.conn:
            await asyncio.sleep(min(_PAUSE, (line.at - self._last.at) / 1000))

    async def _act(self, line: Line, at: int) -> None:
        client = self._clients[line.conn]
        match line.does:
            case "connect":
                await client.join(f"ws://{self._server.address}{line.path}")
            case "send":
                await client.send(as_sent(_renamed(line.message, self._names(at))))
            case "close" if line.message["code"] in _OWN:
                await client.leave()
            case "close":
                await _until(lambda: client.got.closed is not None, client)

    def _names(self, at: int) -> dict[str, str]:
        """What our server calls what theirs had called so, from frames of one type at one place."""
        names: dict[str, str] = {}
        before = self._recording.lines[:at]
        for conn, client in self._clients.items():
            theirs = [one.message for one in before if one.conn == conn and one.does == "receive"]
            for kind in {type_of(message) for message in theirs}:
                pairs = zip(_of(theirs, kind), _of(client.got.received, kind), strict=False)
                for one, other in pairs:
                    names |= dict(zip(ids_in(one), ids_in(other), strict=False))
        return names


def _kinds(messages: Iterable[Message]) -> Counter[tuple[str, bool]]:
    """How many there are of each type; ends of an answer are more than its pieces."""
    return Counter((type_of(one), isinstance(one, dict) and one.get("done") is True) for one in messages)


def _of(messages: list[Message], kind: str) -> list[Message]:
    return [message for message in messages if type_of(message) == kind]


async def _until(reached: Callable[[], bool], client: _Client) -> None:
    try:
        async with asyncio.timeout(client.patience):
            while not reached() and not client.is_gone:
                client.news.clear()
                await client.news.wait()
    except TimeoutError:
        client.patience = _IMPATIENCE


def _renamed(message: Message, names: Mapping[str, str]) -> Message:
    if type_of(message) == "cf_agent_stream_resume_ack":
        return {**message, "id": names.get(message["id"], message["id"])}
    if type_of(message) == "cf_agent_chat_request_cancel":
        return {**message, "id": names.get(message["id"], message["id"])}
    return message


def _parsed(message: str | bytes) -> Any:
    if isinstance(message, bytes):
        return {"$binary": base64.b64encode(message).decode()}
    try:
        return json.loads(message)
    except ValueError:
        return {"$text": message}
