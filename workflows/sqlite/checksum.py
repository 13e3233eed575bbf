"""Checksums of rows: what they hold and where they belong, so that a row in another's place is noticed."""

from __future__ import annotations

import zlib
from typing import TypeAlias

__all__ = ["Plain", "checksum", "real", "text"]

Plain: TypeAlias = str | float | None


def checksum(plain: tuple[Plain, ...], *blobs: bytes | None) -> int:
    """CRC-32 over values; `plain` are as a column gives them back: no `bool`, no `int` where it has REAL."""
    crc = zlib.crc32(b"%a" % (plain,))  # `ascii`: `repr` of a text differs from one Python to another
    for blob in blobs:
        size = b"-" if blob is None else b"%d:" % len(blob)
        crc = zlib.crc32(blob or b"", zlib.crc32(size, crc))
    return crc


def real(number: float | None) -> float | None:
    """As a column of REAL gives it back."""
    return None if number is None else float(number)


def text(stored: bytes) -> str:
    """A `text_factory`: what is no UTF-8 any more does not keep the rows beside it from being read."""
    return stored.decode(errors="replace")
