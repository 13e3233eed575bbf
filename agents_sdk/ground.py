"""What all living agents of an app stand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents_sdk.directory import Directory
from agents_sdk.env import Launcher
from agents_sdk.security.shares import Shares
from agents_sdk.sql import SqlFiles
from workflows import Clock, Store, Timers

__all__ = ["Ground"]


@dataclass(frozen=True, slots=True)
class Ground:
    """Opened by the app, shared by its agents."""

    clock: Clock
    store: Store
    directory: Directory
    timers: Timers
    files: SqlFiles
    workflows: Launcher
    shares: Shares
    env: Any
    idle_after: float
    """Seconds without anything to do after which an agent is let go."""
