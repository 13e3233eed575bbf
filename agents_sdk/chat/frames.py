"""What chats take from their clients; up to its first await, each runs in the order of the frames."""

from __future__ import annotations

from typing import Any

from agents_sdk import protocol
from agents_sdk.chat.chat import Chat
from agents_sdk.chat.clearing import empty
from agents_sdk.chat.submit import submit
from agents_sdk.connection import Connection

__all__ = ["ack", "cancel", "clear", "keep", "request", "resume", "tool"]


async def request(agent: Any, connection: Connection, frame: protocol.ChatRequest) -> None:
    """A client submits."""
    await submit(_chat(agent), connection, frame)


async def cancel(agent: Any, _connection: Connection, frame: protocol.ChatCancel) -> None:
    """A client wants no more of an answer."""
    await _chat(agent).cancel(frame.id)


async def clear(agent: Any, connection: Connection, _frame: protocol.ChatClear) -> None:
    """A client empties the chat."""
    await empty(_chat(agent), without=[connection])


async def keep(agent: Any, connection: Connection, frame: protocol.ChatMessages) -> None:
    """A client has changed messages."""
    await _chat(agent).keep_for(connection, frame.messages)


async def resume(agent: Any, connection: Connection, frame: protocol.ResumeRequest) -> None:
    """A client asks for an answer that is under way."""
    await _chat(agent).resume(connection, frame.probe_id)


async def tool(
    agent: Any, connection: Connection, frame: protocol.ToolResult | protocol.ToolApproval
) -> None:
    """A client says what a tool has given, or whether it may run."""
    await _chat(agent).continuing.take(connection, frame)


async def ack(agent: Any, connection: Connection, frame: protocol.ResumeAck) -> None:
    """A client is ready for what it was offered."""
    _chat(agent).acknowledge(connection, frame.id)


def _chat(agent: Any) -> Chat:
    chat: Chat = agent.ctx.part(Chat)
    return chat
