"""What an agent reaches beyond itself: other agents of its app, its kin, and its own end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from agents_sdk.address import Address
from agents_sdk.connection import Closing
from agents_sdk.directory import ListedAgent

__all__ = ["DESTROYED", "Reach"]

DESTROYED = Closing(1001, "Durable Object destroyed")
"""What the clients of a destroyed agent are told."""


class Reach(Protocol):
    """All agents of an app."""

    async def get_agent(self, cls: type[Any], name: str) -> Any:
        """See `Agent.get_agent`."""

    async def list_agents(self, cls: type[Any], *, after: str, limit: int) -> Sequence[ListedAgent]:
        """See `Agent.list_agents`."""

    async def destroy(self, id: int, closing: Closing = DESTROYED) -> bool:
        """See `Agent.destroy`, of the agent with this number; false when that was done before."""

    def class_name(self, cls: type[Any]) -> str:
        """The name of a class that the app was given; raises `UnknownAgent`."""

    async def sub_agent(self, address: Address) -> Any:
        """See `Agent.sub_agent`."""

    async def parent_agent(self, address: Address, cls: type[Any]) -> Any:
        """See `Agent.parent_agent`, of the agent at this address."""

    def abort(self, address: Address, reason: str) -> bool:
        """See `Children.abort`."""
