"""One MCP server as its agent sees it, and as clients are told of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from agents_sdk import protocol

__all__ = ["McpServer", "McpState", "catalog", "shown"]

McpState: TypeAlias = Literal["connecting", "discovering", "ready", "failed"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LONGEST = 500
Offers: TypeAlias = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class McpServer:
    """An MCP server that was added, whether it can be reached or not."""

    id: str
    name: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    state: McpState = "connecting"
    error: str | None = None
    """Why it failed."""
    instructions: str | None = None
    capabilities: Mapping[str, Any] | None = None
    tools: Offers = ()
    prompts: Offers = ()
    resources: Offers = ()
    damaged: bool = False
    """The disk has changed what was added: it is not connected to."""


def shown(error: Exception) -> str:
    """An error in one line, as clients may see it."""
    text = _CONTROL.sub(" ", str(error) or type(error).__name__).strip()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def catalog(servers: Iterable[McpServer]) -> protocol.McpCatalog:
    """What clients are told of all of them; headers are not."""
    known = list(servers)
    return protocol.McpCatalog(
        prompts=[{**one, "serverId": server.id} for server in known for one in server.prompts],
        resources=[{**one, "serverId": server.id} for server in known for one in server.resources],
        tools=[{**one, "serverId": server.id} for server in known for one in server.tools],
        servers={server.id: _entry(server) for server in known},
    )


def _entry(server: McpServer) -> dict[str, Any]:
    return {
        "name": server.name,
        "server_url": server.url,
        "auth_url": None,
        "state": server.state,
        "error": server.error,
        "instructions": server.instructions,
        "capabilities": None if server.capabilities is None else dict(server.capabilities),
    }
