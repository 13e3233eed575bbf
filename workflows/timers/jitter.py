"""Spreading calls that would all come at once: by how much, no clock and no process decides."""

from __future__ import annotations

import hashlib

__all__ = ["luck"]

_BYTES = 6


def luck(*parts: object) -> float:
    """A number from 0 to 1 (which it never is), the same for the same parts, and spread over all others."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=_BYTES).digest()
    return int.from_bytes(digest, "big") / (1 << 8 * _BYTES)
