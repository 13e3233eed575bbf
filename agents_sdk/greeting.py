"""The frames that a client waits for when it has connected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from agents_sdk import protocol
from agents_sdk.agent import Agent

__all__ = ["greeting"]


def greeting(agent: Agent[Any, Any], kebab: str) -> Iterator[protocol.Greeting]:
    """Who answers, the state if there is one, and the MCP servers, in this order."""
    state = agent.ctx.state.encoded
    if agent.send_identity_on_connect:
        yield protocol.Identity(name=agent.name, agent=kebab, stateFollows=None if state is None else True)
    if state is not None:
        yield protocol.StateChange(state=from_json(state))
    yield protocol.McpServers(mcp=agent.mcp.catalog)
