"""What an agent reaches beyond itself: other agents of its app, and its own end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from agents_sdk.directory import ListedAgent

__all__ = ["Reach"]


class Reach(Protocol):
    """All agents of an app."""

    async def get_agent(self, cls: type[Any], name: str) -> Any:
        """See `Agent.get_agent`."""

    async def list_agents(self, cls: type[Any], *, after: str, limit: int) -> Sequence[ListedAgent]:
        """See `Agent.list_agents`."""

    async def destroy(self, id: int) -> None:
        """See `Agent.destroy`, of the agent with this number."""
