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

    @callable(name="addMcp")
    async def add_mcp(self, name: str, url: str) -> dict[str, Any]:
        server = await self.add_mcp_server(name, url)
        return {"id": server.id, "state": server.state}

    @callable(name="rmMcp")
    async def rm_mcp(self, id: str) -> None:
        await self.remove_mcp_server(id)

    @callable(name="getMcp")
    def get_mcp(self) -> dict[str, Any]:
        return self.mcp.catalog.model_dump()

    @callable(name="closeMe")
    def close_me(self, code: int, reason: str = "") -> None:
        for connection in self.connections:
            connection.close(code, reason)


class Upper(Agent[None, Any]):
    @callable()
    def ping(self) -> str:
        return "pong-upper"
