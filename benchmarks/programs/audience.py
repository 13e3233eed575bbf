"""Many WebSocket clients in one process: what each hears, and how long it was under way.

The clients only cut frames out of bytes, as a library would take as long as the server that is measured.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os

from benchmarks.child import Reply, Request, answer
from benchmarks.many_files import many_files
from benchmarks.programs.heard import Ear, Heard

_PATIENCE = 300.0
_AT_ONCE = 50  # clients that connect at the same time
_IN_TIME = 0.5  # seconds after the last one was due
_TEXT, _PING, _PONG = 1, 9, 10
_PATH = "/agents/room/bench"


class Client(asyncio.Protocol):
    """One WebSocket."""

    def __init__(self) -> None:
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: Heard | None = None
        self.stats: asyncio.Future[Reply] | None = None
        self._ear: Ear | None = None
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            (
                f"GET {_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            ).encode()
        )

    def listen(self, heard: Heard) -> None:
        """Hears a series from its first broadcast on."""
        self.heard, self._ear = heard, Ear(heard)

    def data_received(self, data: bytes) -> None:
        """Frames, after the answer to the upgrade."""
        data = self._rest + data
        if not self.open.done():
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = data
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.open.set_exception(ConnectionError(head.decode(errors="replace")))
                return
            data = rest
            self.open.set_result(None)
        start = 0
        while data:
            start = self._ear.known(data) if self._ear is not None else 0
            if start == 0 and (start := self._one(data)) == 0:
                break
            data = data[start:]
        self._rest = data

    def _one(self, data: bytes) -> int:
        """Takes one frame, whatever it is; returns its length, 0 when it is not whole."""
        found = _frame(data)
        if found is None:
            return 0
        opcode, start, end = found
        content = data[start:end]
        if opcode == _PING:
            self._write(_PONG, content)
        elif content.startswith(b"tick ") and self._ear is not None:
            _, number, due, _ = content.split(b" ", 3)
            self._ear.one(data[:end], int(number), int(due))
        elif content.startswith(b"stats ") and self.stats is not None:
            self.stats.set_result(json.loads(content[6:]))
        return end

    def connection_lost(self, exc: Exception | None) -> None:
        """The server has let it go."""
        if not self.open.done():
            self.open.set_exception(exc or ConnectionError("closed amid the handshake"))
        if self.heard is not None:
            self.heard.all.set()  # not all: that is seen by the count

    def send(self, text: str) -> None:
        """One text frame; its mask is zeros."""
        self._write(_TEXT, text.encode())

    def stop_reading(self) -> None:
        """From now on it takes nothing, and stays."""
        assert self._transport is not None
        self._transport.pause_reading()

    def close(self) -> None:
        """Without saying goodbye."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, opcode: int, content: bytes) -> None:
        assert self._transport is not None
        assert len(content) < 126
        self._transport.write(bytes((0x80 | opcode, 0x80 | len(content), 0, 0, 0, 0)) + content)


def _frame(data: bytes) -> tuple[int, int, int] | None:
    """Opcode, start and end of the content of the first frame, when all of it is here."""
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if length >= 126:
        start += 2 if length == 126 else 8
        if len(data) < start:
            return None
        length = int.from_bytes(data[2:start], "big")
    return (data[0] & 0x0F, start, start + length) if len(data) >= start + length else None


async def _measured(request: Request) -> Reply:
    """Offers twice as many broadcasts a second each time, until they do not come through in time."""
    many_files()
    clients = await connected(request["port"], request["connections"])
    paced = await series(clients, request["paced"], request["gap"])
    heard, held, rate = [paced], 0, request["rate"]
    while held == 0 or held * 2 == rate <= request["most"]:
        heard.append(await series(clients, int(rate * request["seconds"]), 1 / rate, request["size"]))
        if heard[-1].seconds > request["seconds"] + _IN_TIME:
            break
        held, rate = rate, rate * 2
    for client in clients:
        client.close()
    p50, p99 = paced.share(0.5, 0.99)
    wanted = sum(one.wanted for one in heard)
    return {
        "p50_ms": p50,
        "p99_ms": p99,
        "held": held,
        "workflows": wanted,
        "right": wanted - sum(one.wrong for one in heard),
        "acknowledged": wanted,
        "present": sum(one.count for one in heard),
    }


async def connected(port: int, count: int) -> list[Client]:
    """So many clients, all of them greeted."""
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    while len(clients) < count:
        made = [
            loop.create_connection(Client, "127.0.0.1", port)
            for _ in range(min(_AT_ONCE, count - len(clients)))
        ]
        new = [client for _, client in await asyncio.gather(*made)]
        await asyncio.wait_for(asyncio.gather(*(one.open for one in new)), _PATIENCE)
        clients += new
    await asyncio.sleep(1)  # the first frames of the protocol
    return clients


async def series(clients: list[Client], count: int, gap: float, size: int = 100) -> Heard:
    """What they all hear of so many broadcasts, when they have heard all of it."""
    heard = Heard(count * len(clients))
    for client in clients:
        client.listen(heard)
    clients[0].send(json.dumps({"count": count, "gap": gap, "size": size}))
    await asyncio.wait_for(heard.all.wait(), _PATIENCE)
    if heard.count < heard.wanted:
        raise ConnectionError(f"a client was closed: {heard.wanted - heard.count} messages did not come")
    return heard


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
