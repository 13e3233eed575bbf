"""From what the parts of an agent are made."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import Response

from agents_sdk.address import Address
from agents_sdk.agent import Agent
from agents_sdk.connection import Connection
from agents_sdk.connections import Connections
from agents_sdk.definition import Definition
from agents_sdk.directory import Listed
from agents_sdk.ground import Ground
from agents_sdk.reach import Reach

__all__ = ["Life", "Place"]


class Life(Protocol):
    """What a part may ask of the host."""

    @property
    def connections(self) -> Connections:
        """The open connections of the agent."""

    def event(self, connection: Connection | None = None) -> AbstractAsyncContextManager[Agent[Any, Any]]:
        """The started agent, for one thing that happens to it."""

    def pinned(self) -> AbstractContextManager[None]:
        """While anyone is inside, the agent is not let go."""

    def spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[None]:
        """Runs `work` beside everything else, and keeps the agent for it."""

    async def report(self, error: Exception) -> Response | None:
        """Tells `on_error`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a part hangs: `agent` is the object, of which `__init__` has not run yet."""

    agent: Agent[Any, Any]
    definition: Definition
    address: Address
    listed: Listed
    ground: Ground
    reach: Reach
    life: Life

    def __str__(self) -> str:
        return str(self.life)
