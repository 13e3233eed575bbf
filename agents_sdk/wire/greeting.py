"""The frames that a client waits for when it has connected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic_core import from_json

from agents_sdk import protocol
from agents_sdk.agent import Agent
from agents_sdk.agent_tools import AgentTools
from agents_sdk.chat.agent import ChatAgent
from agents_sdk.chat.chat import Chat
from agents_sdk.connection import Connection

__all__ = ["greet", "greeting"]


def greet(agent: Agent[Any, Any], connection: Connection, kebab: str) -> None:
    """Sends all of them: what a chat has under way first, which also those are sent that are not told."""
    if isinstance(agent, ChatAgent):
        agent.ctx.part(Chat).greet(connection)
        agent.ctx.part(AgentTools).greet(connection)
    if connection.told:
        for frame in greeting(agent, kebab):
            connection.send(protocol.encode(frame))


def greeting(agent: Agent[Any, Any], kebab: str) -> Iterator[protocol.Greeting]:
    """Who answers, the state if there is one, and the MCP servers, in this order."""
    state = agent.ctx.state.encoded
    if agent.send_identity_on_connect:
        yield protocol.Identity(name=agent.name, agent=kebab, stateFollows=None if state is None else True)
    if state is not None:
        yield protocol.StateChange(state=from_json(state))
    yield protocol.McpServers(mcp=agent.mcp.catalog)
