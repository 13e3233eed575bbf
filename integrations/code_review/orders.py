"""Text that tells a reviewer or a model what to do, also where it is hidden."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata

__all__ = ["gives_orders", "is_hidden"]

_ORDER = re.compile(
    r"""\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+|my\s+)?
            (?:previous|prior|above|earlier|preceding|system)\s+(?:instructions?|prompts?|rules?|messages?)\b
        |\b(?:ai|llm|automated|automatic|code|security)[\s-]+review(?:er|ers|s)?\b.{0,40}
            \b(?:must|should|shall|please|do\s+not|don't|never|skip|ignore|approve)\b
        |\b(?:do\s+not|don't|never)\s+(?:report|flag|mention)\s+(?:this|any|these|the\s+following)\b
        |\bapprove\s+(?:this|the)\s+(?:pull\s+request|pr|change|diff|merge\s+request)\b
        |\b(?:print|reveal|output|repeat|include|leak|post|send)\b.{0,40}
            \b(?:(?:your|the)\s+(?:system\s+)?(?:prompt|instructions)|environment\s+variables)\b
        |\b(?:end|begin(?:ning)?)\s+of\s+(?:untrusted|user|diff|review)\s+(?:data|input|content)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_PACKED = re.compile(r"[A-Za-z0-9+/_-]{32,4000}={0,2}")
_TAGS = range(0xE0000, 0xE0080)
_SELECTORS = range(0xE0100, 0xE01F0)
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def gives_orders(text: str) -> bool:
    """Whether one line does, as it is read by people, or by a model that sees more than they do."""
    if _ORDER.search(text):
        return True
    plain = text if text.isascii() else _plain(text)
    if plain is not text and _ORDER.search(plain):
        return True
    return any(_ORDER.search(found) for packed in _PACKED.findall(text) if (found := _unpacked(packed)))


def is_hidden(char: str) -> bool:
    """Whether a character makes a text read otherwise than it is: reordered, or carrying unseen letters."""
    return char in _BIDI or ord(char) in _TAGS or ord(char) in _SELECTORS


def _plain(text: str) -> str:
    """Without what cannot be seen; letters of other widths and hidden ones as plain ones."""
    seen = (chr(ord(char) - _TAGS.start) if ord(char) in _TAGS else char for char in text)
    return unicodedata.normalize("NFKC", "".join(char for char in seen if unicodedata.category(char) != "Cf"))


def _unpacked(packed: str) -> str:
    """The text in base64; empty when it is none."""
    whole = packed.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(whole + "=" * (-len(whole) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
