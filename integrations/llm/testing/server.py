"""The HTTP server of a scripted model: asyncio and nothing else, so that it can also break off."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self

import orjson

from integrations.llm.testing import chat_body, responses_body
from integrations.llm.testing.replies import Asked, ErrorReply, FailedReply, RawReply, Reply, Script, Scripted
from integrations.llm.testing.stored import StoredResponses

__all__ = ["ScriptedModel"]


class ScriptedModel:
    """Answers by script on a free port of 127.0.0.1; `asked` is what it was asked, in order.

    It speaks Chat Completions and Responses, also in background mode: `looked` and `cancelled` are the ids of
    such responses, as often as somebody did that. This is not part of `asked`.

    When the script has come to its end, requests are refused with an error that says so. `api_key` is the
    only key that it accepts; without one it accepts all.
    """

    def __init__(self, script: Script = (), *, port: int = 0, api_key: str | None = None) -> None:
        self._script = script
        self._api_key = api_key
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._responses = StoredResponses()
        self.asked: list[Asked] = []

    @property
    def url(self) -> str:
        """The base URL, as `LLM(base_url=...)` takes it."""
        if self._server is None:
            raise RuntimeError("the scripted model is not running: use `async with ScriptedModel(...)`")
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    @property
    def looked(self) -> list[str]:
        """Which responses were looked at."""
        return self._responses.looked

    @property
    def cancelled(self) -> list[str]:
        """Which responses were cancelled."""
        return self._responses.cancelled

    async def was_asked(self, times: int) -> None:
        """Returns once so many requests have arrived."""
        await self._grown(self.asked, times)

    async def was_looked_at(self, times: int) -> None:
        """Returns once somebody has so often looked at a response in the background."""
        await self._grown(self.looked, times)

    async def _grown(self, kept: Sequence[object], length: int) -> None:
        while len(kept) < length:
            self._news.clear()
            await self._news.wait()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._answer(await _read(reader), writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if self._api_key is not None and asked.headers.get("authorization") != f"Bearer {self._api_key}":
            await _send(writer, _raw(ErrorReply(401, message="wrong key")))
            return
        if not asked.path.endswith(("/chat/completions", "/responses")):
            await _send(writer, self._responses.answer(asked.path) or _listing(asked))
            self._news.set()
            return
        self.asked.append(asked)
        self._news.set()
        reply = self._reply(asked)
        if isinstance(reply, Reply | FailedReply):
            await self._say(writer, reply, asked)
        else:
            await _held(reply)
            await _send(writer, _raw(reply))

    async def _say(self, writer: asyncio.StreamWriter, reply: Reply | FailedReply, asked: Asked) -> None:
        if asked.body.get("background") is True:
            await _send(writer, self._responses.begin(reply, asked))
            return
        await _held(reply)
        is_chat = asked.path.endswith("/chat/completions")
        if asked.streamed:
            chunks = chat_body.chunks if is_chat else responses_body.events
            await _stream(writer, reply, chunks(reply, asked))
        else:
            content = chat_body.whole(reply, asked) if is_chat else responses_body.whole(reply, asked)
            await _send(writer, RawReply(content, headers=reply.headers, cut_after=reply.cut_after))

    def _reply(self, asked: Asked) -> Scripted:
        if callable(self._script):
            reply = self._script(asked)
        elif len(self.asked) <= len(self._script):
            reply = self._script[len(self.asked) - 1]
        else:
            reply = ErrorReply(400, message=f"the script has no answer number {len(self.asked)}")
        return Reply(reply) if isinstance(reply, str) else reply


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(head[0].split(" ")[1], headers, orjson.loads(content) if content else {})


def _listing(asked: Asked) -> RawReply:
    if asked.path.endswith("/models"):
        content = {"object": "list", "data": [{"id": "scripted", "object": "model"}]}
        return RawReply(orjson.dumps(content))
    return RawReply(b'{"error": {"message": "not found"}}', status=404)


async def _held(reply: Scripted) -> None:
    if reply.hold is not None:
        await reply.hold.wait()


def _raw(reply: ErrorReply | RawReply) -> RawReply:
    if isinstance(reply, RawReply):
        return reply
    content = chat_body.error(reply)
    return RawReply(content, status=reply.status, headers=reply.headers, cut_after=reply.cut_after)


async def _send(writer: asyncio.StreamWriter, reply: RawReply) -> None:
    headers = {"content-type": reply.content_type, "content-length": str(len(reply.content))}
    writer.write(_head(reply.status, headers | dict(reply.headers)) + reply.content[: reply.cut_after])
    await writer.drain()


async def _stream(writer: asyncio.StreamWriter, reply: Reply | FailedReply, chunks: Iterable[bytes]) -> None:
    headers = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
    writer.write(_head(200, headers | dict(reply.headers)))
    left = reply.cut_after
    for chunk in chunks:
        if reply.chunk_delay:
            await asyncio.sleep(reply.chunk_delay)
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk[:left]))
        await writer.drain()
        if left is not None and (left := left - len(chunk)) <= 0:
            return
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _head(status: int, headers: dict[str, str]) -> bytes:
    phrase = next((known.phrase for known in HTTPStatus if known == status), "Scripted")
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join([*lines, "connection: close"]) + "\r\n\r\n").encode("latin-1")
