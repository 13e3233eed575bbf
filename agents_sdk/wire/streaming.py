"""What a call sends before it ends: by `StreamingResponse`, or as an async generator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from agents_sdk import protocol
from agents_sdk.connection import Connection

__all__ = ["StreamingResponse", "pour"]

_log = logging.getLogger(__name__)


class StreamingResponse:
    """The answer to one call, sent piece by piece; a call that returns without `end` is ended."""

    def __init__(self, connection: Connection, id: str) -> None:
        self._connection = connection
        self._id = id
        self._ended = False

    @property
    def is_closed(self) -> bool:
        """Nothing more arrives: it has ended, or its client has left."""
        return self._ended or not self._connection.is_open

    def send(self, chunk: Any) -> bool:
        """Sends a chunk, which is JSON; false when nothing arrives any more."""
        return self._put(protocol.RpcResult(id=self._id, done=False, result=chunk))

    def end(self, *final: Any) -> bool:
        """Ends it, with a result if one is given; false when it had ended."""
        if len(final) > 1:
            raise TypeError(f"a call has one result, not {len(final)}: give a list")
        frame = protocol.RpcResult(id=self._id, result=final[0]) if final else protocol.RpcDone(id=self._id)
        return self._last(frame)

    def error(self, message: str) -> bool:
        """Ends it as failed; false when it had ended."""
        sayable = message.encode("utf-8", "backslashreplace").decode()  # e.g. of a path that is no UTF-8
        return self._last(protocol.RpcError(id=self._id, error=sayable))

    async def room(self) -> None:
        """Returns when little waits for the client, or it has left; for who sends much."""
        await self._connection.room()

    def _last(self, frame: protocol.RpcResult | protocol.RpcDone | protocol.RpcError) -> bool:
        put = self._put(frame)
        self._ended = True
        return put

    def _put(self, frame: protocol.RpcResult | protocol.RpcDone | protocol.RpcError) -> bool:
        encoded = protocol.encode(frame)  # raises in the method that gave what is not JSON
        if self._ended:
            _log.warning("a call sends after its end, which does not arrive")
        if self.is_closed:
            return False
        self._connection.send(encoded)
        return True


async def pour(chunks: AsyncGenerator[Any, Any], stream: StreamingResponse, connection: Connection) -> None:
    """Sends what a generator yields, as fast as the client takes it; closed when the client leaves."""
    pouring = asyncio.create_task(_pour(chunks, stream))
    leaving = asyncio.create_task(connection.left())
    try:
        ended, _ = await asyncio.wait({pouring, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (pouring, leaving):
            task.cancel()
        await asyncio.wait({pouring, leaving})
    if pouring in ended or not pouring.cancelled():
        pouring.result()


async def _pour(chunks: AsyncGenerator[Any, Any], stream: StreamingResponse) -> None:
    async with aclosing(chunks):
        async for chunk in chunks:
            stream.send(chunk)
            await stream.room()
