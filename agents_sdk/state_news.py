"""Who hears that a state has changed: the clients first, then the agent."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from agents_sdk import protocol
from agents_sdk.place import Life
from agents_sdk.shape import Shape
from agents_sdk.state import Source

__all__ = ["StateNews"]


class StateNews:
    """Called with each committed state of one agent, in the order of the commits."""

    def __init__(self, life: Life, shape: Shape[Any]) -> None:
        self._life = life
        self._shape = shape

    def __call__(self, encoded: bytes, source: Source, /) -> None:
        """A client that changed it is not told, nor is any other with its id."""
        without = () if source == "server" else (source.id,)
        self._life.connections.tell(protocol.StateChange(state=from_json(encoded)), without=without)
        self._life.spawn(self._tell_agent(encoded, source))

    async def _tell_agent(self, encoded: bytes, source: Source) -> None:
        async with self._life.event(None if source == "server" else source) as agent:
            await agent.on_state_changed(self._shape.decode(encoded), source)
