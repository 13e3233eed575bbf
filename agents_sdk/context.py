"""What a living agent has around it: the parts behind its verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from agents_sdk.address import Address
from agents_sdk.connections import Connections
from agents_sdk.env import Launcher
from agents_sdk.methods import Methods
from agents_sdk.part import Part
from agents_sdk.reach import Reach
from agents_sdk.state import StateCell
from agents_sdk.tasks import Tasks
from workflows import Clock

__all__ = ["AgentContext"]

P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class AgentContext:
    """Given to an agent before its `__init__` runs."""

    id: int
    address: Address
    env: Any
    methods: Methods
    connections: Connections
    workflows: Launcher
    tasks: Tasks
    reach: Reach
    clock: Clock
    pinned: Callable[[], AbstractContextManager[None]]
    """While anyone is inside, the agent is not let go."""
    parts: Mapping[type[Part], Part]
    """Whatever hangs on it, by class."""

    def part(self, kind: type[P]) -> P:
        """The part of this class."""
        found = self.parts[kind]
        assert isinstance(found, kind), "parts are listed under their classes"
        return found

    @property
    def state(self) -> StateCell[Any]:
        """The part that everything which leaves the agent waits for."""
        return self.part(StateCell)
