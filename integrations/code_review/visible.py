"""Text that shows what it holds: what is invisible, reorders or cannot be decoded is spelled out."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clipped", "visible"]

_KEPT = frozenset("\t\n")
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks by their category that draw nothing: fillers and variation selectors."""
_SURROGATE_BYTES = range(0xDC80, 0xDD00)


def visible(text: str, *, kept: frozenset[str] = _KEPT) -> str:
    r"""`text` with every character that does not show itself written as an escape, e.g. `\u202e`.

    Can be stored as UTF-8 and printed to a terminal. Applied twice it changes nothing more.
    """
    if text.isprintable() and (text.isascii() or not _UNSEEN.search(text)):
        return text
    return "".join(char if _shows(char) or char in kept else _spelled(char) for char in text)


def clipped(text: str, limit: int) -> str:
    """`text`, cut to `limit` characters with an ellipsis."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _shows(char: str) -> bool:
    printable = char.isprintable() or unicodedata.category(char) == "Zs"
    return printable and not _UNSEEN.match(char)


def _spelled(char: str) -> str:
    code = ord(char)
    if code in _SURROGATE_BYTES:  # a byte that was not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
