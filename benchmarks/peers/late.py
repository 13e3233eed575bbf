"""What APScheduler calls: its store finds a function by the name of its module."""

from __future__ import annotations

import time

__all__ = ["LATE", "fire"]

LATE: list[float] = []
"""How late each call was, in milliseconds."""


async def fire(due: float) -> None:
    """Notes how late it is."""
    LATE.append((time.time() - due) * 1e3)
