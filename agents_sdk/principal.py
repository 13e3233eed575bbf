"""Who is calling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Principal"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, as a hook found out: never what the client says of itself."""

    id: str
    claims: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What else the hook knows of them, e.g. roles."""
    until: float | None = None
    """When that ends, in seconds since the epoch: connections are closed then (3000), and come again."""
    still: Callable[[], bool | Awaitable[bool]] | None = field(default=None, compare=False, repr=False)
    """Asked before each message on a connection, and every 30 seconds: False closes it for good (1008)."""
