"""`Counter`: state, calls and streams; its names are those that the suites of clients know."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from agents_sdk import Agent, Connection, Source, StreamingResponse, callable  # noqa: A004

__all__ = ["Counter"]


class Counter(Agent[None, Any]):
    initial_state = {"count": 0}

    def validate_state_change(self, state: Any, source: Source) -> None:
        if isinstance(state, dict) and isinstance(state.get("count"), int | float) and state["count"] < 0:
            raise ValueError("count must not be negative")

    def should_connection_be_readonly(self, connection: Connection, request: HTTPConnection) -> bool:
        return request.query_params.get("readonly") == "1"

    def should_send_protocol_messages(self, connection: Connection, request: HTTPConnection) -> bool:
        return request.query_params.get("proto") != "0"

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        connection.send(message if isinstance(message, bytes) else f"echo:{message}")

    async def on_request(self, request: Request) -> Response:
        return JSONResponse(
            {"agent": "Counter", "name": self.name, "method": request.method, "path": request.url.path}
        )

    @callable()
    async def increment(self, by: float = 1) -> float:
        count: float = self.state["count"] + by
        await self.set_state({**self.state, "count": count})
        return count

    @callable(name="setCount")
    async def set_count(self, count: float) -> Any:
        await self.set_state({"count": count})
        return self.state

    @callable()
    def add(self, a: float = float("nan"), b: float = float("nan")) -> float:
        return a + b

    @callable()
    def echo(self, value: Any = None) -> Any:
        return value

    @callable()
    def nothing(self) -> None: ...

    @callable()
    def fail(self, message: str) -> None:
        raise ValueError(message)

    @callable(name="failType")
    def fail_type(self) -> None:
        raise ValueError  # without a message: the nearest to what is thrown and is no error

    @callable()
    async def slow(self, ms: float) -> float:
        await asyncio.sleep(ms / 1000)
        return ms

    @callable(name="setReadonlyState")
    async def set_readonly_state(self) -> str:
        await self.set_state({"count": 99})
        return "changed"

    @callable()
    def bigint(self) -> object:
        return object()

    def notCallable(self) -> str:  # noqa: N802  # a client asks for it by this name, and must not reach it
        return "reached"

    @callable(streaming=True)
    async def countdown(self, stream: StreamingResponse, start: int) -> None:
        for number in range(start, 0, -1):
            stream.send(number)
            await asyncio.sleep(0.005)
        stream.end("liftoff")

    @callable(name="streamNoEnd", streaming=True)
    def stream_no_end(self, stream: StreamingResponse, count: int) -> None:
        for number in range(count):
            stream.send({"i": number})

    @callable(name="streamThrow", streaming=True)
    def stream_throw(self, stream: StreamingResponse) -> None:
        stream.send("one")
        raise RuntimeError("stream broke")

    @callable(name="streamError", streaming=True)
    def stream_error(self, stream: StreamingResponse) -> None:
        stream.send("one")
        stream.error("explicit stream error")
