"""How much of each fault test: a small size for every change, a large one for the night (`make torture`)."""

from __future__ import annotations

import os

__all__ = ["TORTURE", "size"]

TORTURE = os.environ.get("TORTURE", "") not in ("", "0")


def size(small: int, large: int) -> int:
    """The one that this run is for."""
    return large if TORTURE else small
