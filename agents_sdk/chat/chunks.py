"""What a chunk must have, so that clients can take it, and that it is nothing but JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticSerializationError, from_json, to_json

from agents_sdk.chat.shapes import Chunk
from agents_sdk.errors import InvalidChunk

__all__ = ["checked"]

_CALL = ("toolCallId", "toolName")
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "error": ("errorText",),
    "file": ("mediaType", "url"),
    "reasoning-delta": ("id", "delta"),
    "reasoning-end": ("id",),
    "reasoning-start": ("id",),
    "source-document": ("sourceId", "mediaType", "title"),
    "source-url": ("sourceId", "url"),
    "text-delta": ("id", "delta"),
    "text-end": ("id",),
    "text-start": ("id",),
    "tool-approval-request": ("approvalId", "toolCallId"),
    "tool-input-available": _CALL,
    "tool-input-delta": ("toolCallId", "inputTextDelta"),
    "tool-input-error": (*_CALL, "errorText"),
    "tool-input-start": _CALL,
    "tool-output-available": ("toolCallId",),
    "tool-output-denied": ("toolCallId",),
    "tool-output-error": ("toolCallId", "errorText"),
}
"""Which keys hold a str, by type; of other types nothing is known, and nothing asked."""
_NEVER_EMPTY = frozenset({"approvalId", "toolCallId", "toolName"})


def checked(chunk: object) -> Chunk:
    """`chunk` as JSON and nothing else, a copy: what is sent, kept and replayed is then the same."""
    if not isinstance(chunk, Mapping) or not isinstance(chunk.get("type"), str):
        raise InvalidChunk(f"no chunk of an answer: {_short(chunk)}; give a dict with a type, or a str")
    for key in _TEXTS.get(chunk["type"], ()):
        value = chunk.get(key)
        if not isinstance(value, str) or (not value and key in _NEVER_EMPTY):
            raise InvalidChunk(f"a chunk of type {chunk['type']} needs a str as its {key}: {_short(chunk)}")
    if not isinstance(chunk.get("messageMetadata"), Mapping | None):
        raise InvalidChunk(f"clients can merge no messageMetadata but a dict: {_short(chunk)}")
    if chunk["type"].startswith("data-") and "data" not in chunk:
        raise InvalidChunk(f"a chunk of type {chunk['type']} needs data: {_short(chunk)}")
    return _plain(chunk)


def _plain(chunk: Mapping[Any, Any]) -> Chunk:
    try:
        if all(isinstance(value, str) for value in chunk.values()):  # nearly every chunk: text
            "".join((*chunk, *chunk.values())).encode()
            return dict(chunk)
        plain: Chunk = from_json(to_json(dict(chunk), inf_nan_mode="null"))
    except (PydanticSerializationError, UnicodeEncodeError, TypeError, ValueError) as error:
        raise InvalidChunk(f"a chunk is not JSON ({error}): {_short(chunk)}") from error
    return plain


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
