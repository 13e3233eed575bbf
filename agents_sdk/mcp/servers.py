"""The MCP servers of one agent: rows that stay, sessions that are made anew, and what clients are told."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from agents_sdk import protocol
from agents_sdk.checksum import checksum, is_whole
from agents_sdk.connections import Connections
from agents_sdk.errors import McpError
from agents_sdk.mcp.server import McpServer, catalog, shown
from agents_sdk.mcp.session import Session, SessionGone
from agents_sdk.part import Part
from agents_sdk.retry import Patience, retry
from agents_sdk.security.log import audited
from workflows import Clock, Statement, Store

__all__ = ["McpServers"]

_log = logging.getLogger(__name__)

_PATIENCE = Patience(attempts=3, base_delay=0.5, max_delay=5.0)
_LOAD = "SELECT id, name, url, headers, crc FROM agent_mcp WHERE agent = ? ORDER BY place"
_SAVE = """
INSERT INTO agent_mcp(agent, id, name, url, headers, crc) VALUES(?, ?, ?, ?, ?, ?)
ON CONFLICT(agent, id) DO UPDATE SET name = excluded.name, url = excluded.url, headers = excluded.headers,
  crc = excluded.crc
"""
_DELETE = "DELETE FROM agent_mcp WHERE agent = ? AND id = ?"


class Life(Protocol):
    """What is asked of the host of the agent."""

    @property
    def connections(self) -> Connections:
        """The open connections of the agent."""

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Runs `work` beside everything else."""


class McpServers(Part):
    """The MCP servers of one agent, in the order in which they were added."""

    def __init__(self, store: Store, agent: int, *, life: Life, clock: Clock) -> None:
        self._store = store
        self._agent = agent
        self._life = life
        self._clock = clock
        self._known: dict[str, McpServer] = {}
        self._sessions: dict[str, Session] = {}

    def __iter__(self) -> Iterator[McpServer]:
        return iter(list(self._known.values()))

    @property
    def catalog(self) -> protocol.McpCatalog:
        """What clients are told."""
        return catalog(self)

    async def begin(self) -> None:
        """Connects to all that were ever added, beside everything else."""
        for id, name, url, headers, crc in await self._store.read(_LOAD, (self._agent,)):
            if is_whole(crc, headers.encode(), self._agent, id, name, url):
                self._known[id] = McpServer(id, name, url, json.loads(headers))
            else:
                self._known[id] = McpServer(id, name, "", state="failed", error=_damage(id), damaged=True)
            self._life.spawn(self._reconnect(id))

    async def end(self) -> None:
        """See `Part`."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def add(
        self, name: str, url: str, *, id: str | None = None, headers: Mapping[str, str] | None = None
    ) -> McpServer:
        """See `Agent.add_mcp_server`."""
        same = next(
            (one for one in self if (one.name, one.url) == (name, url) and id in (None, one.id)), None
        )
        if same is not None and same.state == "ready" and headers in (None, same.headers):
            return same
        kept = headers if headers is not None else same.headers if same is not None else {}
        server = McpServer(id or (same.id if same else secrets.token_urlsafe(6)), name, url, dict(kept))
        said = json.dumps(server.headers)
        crc = checksum(said.encode(), self._agent, server.id, name, url)
        await self._store.write(Statement(_SAVE, (self._agent, server.id, name, url, said, crc)))
        self._known[server.id] = server
        self._tell()
        return await self._connect(server.id)

    async def remove(self, id: str) -> bool:
        """See `Agent.remove_mcp_server`."""
        await self._store.write(Statement(_DELETE, (self._agent, id)))
        if self._known.pop(id, None) is None:
            return False
        self._tell()
        if (session := self._sessions.pop(id, None)) is not None:
            await session.close()
        audited("remove", f"MCP server {id} of {self._life}")
        return True

    async def call_tool(
        self, id: str, tool: str, arguments: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """The result of a tool, as the server gave it: `content`, `structuredContent`, `isError`.

        A server that was started again meanwhile is connected to anew. Raises `McpError`.
        """
        if id not in self._known:
            raise McpError(f"this agent has no MCP server {id!r}: add it with add_mcp_server")
        asked = {"name": tool, "arguments": dict(arguments or {})}
        if id not in self._sessions:
            await self._connect(id)
        try:
            return await self._sessions[id].ask("tools/call", asked)
        except SessionGone:
            await self._connect(id)
            return await self._sessions[id].ask("tools/call", asked)

    async def _reconnect(self, id: str) -> None:
        try:
            await self._connect(id)
        except McpError as error:
            _log.warning("an MCP server of %s cannot be reached: %s", self._life, error)

    async def _connect(self, id: str) -> McpServer:
        """Makes the session; raises `McpError`, with which the server is kept as failed."""
        if id in self._known and self._known[id].damaged:
            raise McpError(_damage(id))  # a secret is not sent to an address that may be another one
        import httpx

        async def shake_hands(_attempt: int) -> McpServer:
            return await self._shake_hands(id)

        def again(error: Exception, _attempt: int) -> bool:
            return isinstance(error, httpx.TransportError) and id in self._known

        try:
            return await retry(shake_hands, _PATIENCE, should_retry=again, clock=self._clock)
        except (httpx.HTTPError, httpx.InvalidURL, McpError) as error:
            self._change(id, state="failed", error=shown(error))
            raise McpError(f"the MCP server cannot be used: {shown(error)}") from error

    async def _shake_hands(self, id: str) -> McpServer:
        server = self._change(id, state="connecting", error=None)
        session = Session(server.url, server.headers)
        try:
            said = await session.open()
            able = said.get("capabilities") or {}
            self._change(id, state="discovering", capabilities=able, instructions=said.get("instructions"))
            offers = {
                kind: await session.listed(f"{kind}/list", kind)
                for kind in ("tools", "prompts", "resources")
                if kind in able
            }
            server = self._change(id, state="ready", **offers)
        except BaseException:
            await session.close()
            raise
        former, self._sessions[id] = self._sessions.get(id), session
        if former is not None:
            await former.close()
        return server

    def _change(self, id: str, **changes: Any) -> McpServer:
        if id not in self._known:
            raise McpError("it was removed meanwhile")
        server = replace(self._known[id], **changes)
        if server != self._known[id]:
            self._known[id] = server
            self._tell()
        return server

    def _tell(self) -> None:
        self._life.connections.tell(protocol.McpServers(mcp=self.catalog))


def _damage(id: str) -> str:
    return (
        f'the record of the MCP server "{id}" is damaged: restore the file from a backup, '
        "or add it again with this id, or remove it"
    )
