"""Which frames an agent takes from its clients, by its class, and who takes them.

What is no such frame is a message for `on_message`: a plain agent does not recognise the frames of others.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from agents_sdk import protocol
from agents_sdk.agent import Agent
from agents_sdk.chat import frames as chat
from agents_sdk.chat.agent import ChatAgent
from agents_sdk.connection import Connection
from agents_sdk.wire import rpc, state_wish

__all__ = ["TAKERS", "Taker", "Takers", "takers_of"]

Taker: TypeAlias = Callable[[Agent[Any, Any], Connection, Any], Awaitable[None]]
"""Called with the started agent, whose frame it is, and the frame, of the type that it was listed for.

Frames of a connection are begun in their order; up to its first await, a taker runs before the next begins.
"""

TAKERS: tuple[tuple[type[Agent[Any, Any]], Mapping[type[protocol.ClientFrame], Taker]], ...] = (
    (Agent, {protocol.StateChange: state_wish.take, protocol.RpcRequest: rpc.take}),
    (
        ChatAgent,
        {
            protocol.ChatRequest: chat.request,
            protocol.ChatCancel: chat.cancel,
            protocol.ChatClear: chat.clear,
            protocol.ChatMessages: chat.keep,
            protocol.ResumeRequest: chat.resume,
            protocol.ResumeAck: chat.ack,
            protocol.ToolResult: chat.tool,
            protocol.ToolApproval: chat.tool,
        },
    ),
)
"""For each class that adds frames; its subclasses take them, too."""


class Takers:
    """The frames that one class takes."""

    def __init__(self, known: Mapping[type[protocol.ClientFrame], Taker]) -> None:
        self._known = dict(known)
        self._parse = protocol.parser(frozenset(self._known))

    def found(self, text: str) -> Callable[[Agent[Any, Any], Connection], Awaitable[None]] | None:
        """What takes the frame in `text`; None when it is a message for the agent."""
        frame = self._parse(text)
        if frame is None:
            return None
        return functools.partial(_take, self._known[type(frame)], frame)


def takers_of(cls: type[Agent[Any, Any]]) -> Takers:
    """The frames that `cls` takes, with those of its bases."""
    known: dict[type[protocol.ClientFrame], Taker] = {}
    for root, frames in TAKERS:
        if issubclass(cls, root):
            known.update(frames)
    return Takers(known)


def _take(
    taker: Taker, frame: protocol.ClientFrame, agent: Agent[Any, Any], connection: Connection
) -> Awaitable[None]:
    return taker(agent, connection, frame)
