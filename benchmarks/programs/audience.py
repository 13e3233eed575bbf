"""Many WebSocket clients in one process: what each hears, and how long it was under way.

The clients only cut frames out of bytes, as a library would take as long as the server that is measured.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time

from benchmarks.child import Reply, Request, answer
from benchmarks.load import percentile
from benchmarks.many_files import many_files

_PATIENCE = 300.0
_AT_ONCE = 50  # clients that connect at the same time
_TEXT, _PING, _PONG = 1, 9, 10
_PATH = "/agents/room/bench"


class Heard:
    """What all clients have heard of one series of broadcasts."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.count = 0
        self.out_of_order = 0
        self.under_way: list[float] = []
        self.first_sent = time.monotonic_ns() * 2
        self.last_heard = 0
        self.all = asyncio.Event()

    def hear(self, client: Client, number: int, sent: int) -> None:
        """One broadcast has come to one client."""
        now = time.monotonic_ns()
        self.out_of_order += number != client.next
        client.next += 1
        self.under_way.append((now - sent) / 1e6)
        self.first_sent = min(self.first_sent, sent)
        self.last_heard = now
        self.count += 1
        if self.count == self.wanted:
            self.all.set()


class Client(asyncio.Protocol):
    """One WebSocket."""

    def __init__(self) -> None:
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard: Heard | None = None
        self.next = 0
        self.stats: asyncio.Future[Reply] | None = None
        self._bytes = bytearray()
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

    def data_received(self, data: bytes) -> None:
        """Frames, after the answer to the upgrade."""
        self._bytes += data
        if not self.open.done():
            head, end, rest = self._bytes.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.open.set_exception(ConnectionError(head.decode(errors="replace")))
                return
            self._bytes = rest
            self.open.set_result(None)
        while (next_one := self._frame()) is not None:
            opcode, frame = next_one
            if opcode == _PING:
                self._write(_PONG, frame)
            elif frame.startswith(b"tick ") and self.heard is not None:
                _, number, sent, _ = frame.split(b" ", 3)
                self.heard.hear(self, int(number), int(sent))
            elif frame.startswith(b"stats ") and self.stats is not None:
                self.stats.set_result(json.loads(frame[6:]))

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

    def _frame(self) -> tuple[int, bytes] | None:
        """Opcode and content of the next frame, when all of it is here."""
        have = self._bytes
        if len(have) < 2:
            return None
        length, start = have[1] & 0x7F, 2
        if length >= 126:
            start += 2 if length == 126 else 8
            if len(have) < start:
                return None
            length = int.from_bytes(have[2:start], "big")
        if len(have) < start + length:
            return None
        opcode, content = have[0] & 0x0F, bytes(have[start : start + length])
        del have[: start + length]
        return opcode, content


async def _measured(request: Request) -> Reply:
    many_files()
    clients = await connected(request["port"], request["connections"])
    paced = await series(clients, request["paced"], request["gap"])
    burst = await series(clients, request["burst"], 0.0)
    for client in clients:
        client.close()
    wanted = len(clients) * (request["paced"] + request["burst"])
    return {
        "p50_ms": percentile(paced.under_way, 0.5),
        "p99_ms": percentile(paced.under_way, 0.99),
        "per_s": request["burst"] / ((burst.last_heard - burst.first_sent) / 1e9),
        "workflows": wanted,
        "right": wanted - paced.out_of_order - burst.out_of_order,
        "acknowledged": wanted,
        "present": paced.count + burst.count,
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
        client.heard, client.next = heard, 0
    clients[0].send(json.dumps({"count": count, "gap": gap, "size": size}))
    await asyncio.wait_for(heard.all.wait(), _PATIENCE)
    return heard


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
