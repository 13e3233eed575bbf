"""The text and the reasoning of a message, as they grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from agents_sdk.chat.shapes import Chunk, Part

__all__ = ["TEXTS", "Texts"]

TEXTS = frozenset(f"{kind}-{step}" for kind in ("text", "reasoning") for step in ("start", "delta", "end"))
"""The types of the chunks that are taken here."""

_Key: TypeAlias = tuple[str, str]


class Texts:
    """Grows parts in `parts`, the list of a message; several may be open, each by its id."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._open: dict[_Key, Part] = {}
        self._pieces: dict[_Key, list[str]] = {}  # joined when somebody looks: texts grow long
        self._left = {kind: left for kind in ("text", "reasoning") if (left := _left(parts, kind))}

    def apply(self, chunk: Chunk) -> tuple[Chunk, ...]:
        """The chunks that a client needs for it, so that no delta comes without its start."""
        kind, _, step = chunk["type"].rpartition("-")
        key = (kind, chunk["id"])
        if step == "start":
            self._begin(key, chunk)
            return (chunk,)
        if step == "delta":
            if not chunk["delta"] and "providerMetadata" not in chunk:
                return ()
            missing = key not in self._open
            if missing:
                self._begin(key, {})
            self._pieces[key].append(chunk["delta"])
            _note(self._open[key], chunk)
            return ({"type": f"{kind}-start", "id": chunk["id"]}, chunk) if missing else (chunk,)
        if key not in self._open:
            return ()
        _note(self._open[key], chunk)
        self._end(key)
        return (chunk,)

    def settle(self) -> None:
        """Puts into the parts what has come, which goes on."""
        for key, pieces in self._pieces.items():
            if pieces:
                self._open[key]["text"] += "".join(pieces)
                pieces.clear()

    def end(self) -> None:
        """Nothing that is open grows any more."""
        for key in list(self._open):
            self._end(key)
        for part in self._left.values():
            part["state"] = "done"
        self._left.clear()

    def _begin(self, key: _Key, chunk: Chunk) -> None:
        if key in self._open:
            self._end(key)
        part = self._left.pop(key[0], None)
        if part is None:
            part = {"type": key[0], "state": "streaming"}
            self._parts.append(part)
        part.setdefault("text", "")
        _note(part, chunk)
        self._open[key] = part
        self._pieces[key] = []

    def _end(self, key: _Key) -> None:
        part = self._open.pop(key)
        part["text"] += "".join(self._pieces.pop(key))
        part["state"] = "done"


def _left(parts: list[Part], kind: str) -> Part | None:
    """The part that a killed turn has left open: what follows goes on in it, not in another one."""
    kinds = (kind,) if kind == "text" else ("text", "reasoning")
    last = next((part for part in reversed(parts) if part["type"] in kinds), None)
    return last if last and last["type"] == kind and last.get("state") == "streaming" else None


def _note(part: Part, chunk: Mapping[str, Any]) -> None:
    """What the provider says of it, such as a signature, which comes with any of its chunks."""
    said = chunk.get("providerMetadata")
    if isinstance(said, dict):
        known = part.get("providerMetadata")
        part["providerMetadata"] = {**known, **said} if isinstance(known, dict) else said
