"""The checksum of a row: what it holds, and where it belongs, so that a row in another's place is noticed."""

from __future__ import annotations

import zlib

__all__ = ["checksum", "is_whole", "joined"]


def checksum(blob: bytes, *whose: str | float | None) -> int:
    """CRC-32 over a value and what the row is found by; `whose` are as their columns give them back."""
    return zlib.crc32(blob, zlib.crc32(b"%a" % (whose,)))  # `ascii`: alike in every Python


def is_whole(kept: int | None, blob: bytes, *whose: str | float | None) -> bool:
    """As it was written; a row without a checksum is older than these."""
    return kept is None or kept == checksum(blob, *whose)


def joined(*blobs: bytes | None) -> bytes:
    """Several values as one, so that no two rows with different values have the same."""
    return b"".join([b"-" if blob is None else b"%d:%b" % (len(blob), blob) for blob in blobs])
