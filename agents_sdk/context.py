"""What a living agent has around it: the parts behind its verbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents_sdk.connection import Connections
from agents_sdk.env import Launcher
from agents_sdk.schedule import Schedules
from agents_sdk.sql import SqlFile
from agents_sdk.state import StateCell
from agents_sdk.tasks import Tasks

__all__ = ["AgentContext"]


@dataclass(frozen=True, slots=True)
class AgentContext:
    """Given to an agent before its `__init__` runs."""

    id: int
    name: str
    env: Any
    state: StateCell[Any]
    sql: SqlFile
    schedules: Schedules
    connections: Connections
    workflows: Launcher
    tasks: Tasks
