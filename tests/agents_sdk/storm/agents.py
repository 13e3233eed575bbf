"""For each class that takes frames, an agent that counts what came to it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from agents_sdk import Agent, Connection, Source, StreamingResponse, callable  # noqa: A004  # the original's name
from agents_sdk.wire.takers import TAKERS

__all__ = ["LAST", "METHODS", "STORMED"]

LAST = "the last message"
"""Is sent back, so that its sender knows that the agent has heard all others."""


class Unwanted(Exception):
    """What the agents do not understand."""


class Counting:
    """What the agents have in common; `env` counts."""

    env: Counter[Any]

    async def on_start(self) -> None:
        self.env["start"] += 1

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        await asyncio.sleep(0)
        self.env[connection.id] += 1
        if message == LAST:
            connection.send(LAST)
        if message[:1] == "{":
            raise Unwanted

    async def on_error(self, error: Exception) -> None:
        if not isinstance(error, Unwanted):
            await super().on_error(error)  # type: ignore[misc]  # it is mixed into an Agent

    def validate_state_change(self, state: Any, source: Source) -> None:
        if state == "a":
            raise ValueError("not this one")

    async def on_chat_message(self, *_: Any, **__: Any) -> str:
        self.env["turn"] += 1
        return "hello"

    @callable()
    async def echo(self, *args: Any) -> Any:
        return list(args)

    @callable()
    def fail(self) -> None:
        raise ValueError("\ud800")

    @callable()
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(min(to, 5)):
            await asyncio.sleep(0)
            yield number

    @callable(streaming=True)
    async def tell(self, stream: StreamingResponse, text: str) -> None:
        stream.send(text + "!")


METHODS = ("echo", "fail", "count", "tell")
STORMED: tuple[type[Agent[Any, Any]], ...] = tuple(
    type(f"Stormed{root.__name__}", (Counting, root), {}) for root, _ in TAKERS
)
