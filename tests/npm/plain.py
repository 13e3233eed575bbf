"""`Plain` has neither a state nor an answer to HTTP; the binding of `Upper` has another name."""

from __future__ import annotations

from typing import Any

from agents_sdk import Agent, callable  # noqa: A004

__all__ = ["Plain", "Upper"]


class Plain(Agent[None, Any]):
    @callable()
    def ping(self) -> str:
        return "pong"

    @callable(name="connCount")
    def conn_count(self) -> int:
        return len(self.connections)

    @callable(name="broadcastHello")
    def broadcast_hello(self) -> None:
        self.broadcast("hello all")

    @callable(name="closeMe")
    def close_me(self, code: int, reason: str = "") -> None:
        for connection in self.connections:
            connection.close(code, reason)


class Upper(Agent[None, Any]):
    @callable()
    def ping(self) -> str:
        return "pong-upper"
