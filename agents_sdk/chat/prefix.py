"""An answer that was cut off is made again: does the new attempt say what is on the screens already?

Models call the same things by other ids, and cut the same text into other pieces; both are no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from agents_sdk.chat.shapes import Chunk

__all__ = ["Prefix", "Verdict"]

_UNCOMPARED = frozenset({"messageId", "messageMetadata", "providerMetadata"})
_IDS = ("toolCallId", "approvalId", "sourceId", "id")
_PIECES = {"text-delta": "delta", "reasoning-delta": "delta", "tool-input-delta": "inputTextDelta"}


class Verdict(Enum):
    """What is known of an attempt."""

    UNKNOWN = auto()
    """So far it repeats what was shown."""
    REPEATS = auto()
    """It has repeated all that was shown, and goes on."""
    DIFFERS = auto()


@dataclass(slots=True)
class _Shown:
    """A chunk that is repeated, or a text of several: then `text` is what is left of it to repeat."""

    chunk: Chunk
    text: str


class Prefix:
    """Compares an attempt with `shown`, the chunks of the one before it that clients were sent."""

    def __init__(self, shown: Iterable[Chunk]) -> None:
        self.verdict = Verdict.UNKNOWN
        self._shown: list[_Shown] = []
        self._ids: dict[tuple[str, str], str] = {}  # of the attempt, to those that were shown
        for chunk in shown:
            self._remember(chunk)
        self._at = 0

    def feed(self, chunk: Chunk) -> Verdict:
        """Takes the next chunk of the attempt."""
        if self.verdict is Verdict.UNKNOWN:
            self._compare(chunk)
        return self.verdict

    def end(self) -> Verdict:
        """The attempt has ended; one that has not come as far as what was shown differs from it."""
        if self.verdict is Verdict.UNKNOWN:
            self.verdict = Verdict.REPEATS if self._is_through() else Verdict.DIFFERS
        return self.verdict

    def _remember(self, chunk: Chunk) -> None:
        key = _PIECES.get(chunk["type"])
        last = self._shown[-1] if self._shown else None
        if key and last and _told(last.chunk) == _told(chunk):
            last.text += chunk[key]
        elif not _is_passing(chunk):
            self._shown.append(_Shown(chunk, chunk[key] if key else ""))

    def _compare(self, chunk: Chunk) -> None:
        if _is_passing(chunk):
            return
        if self._is_through():
            self.verdict = Verdict.REPEATS
            return
        shown = self._shown[self._at]
        key = _PIECES.get(chunk["type"])
        self._name(chunk, shown.chunk)
        if _told(self._named(chunk)) != _told(shown.chunk):
            self.verdict = Verdict.DIFFERS
        elif key is None:
            self._at += 1
        elif shown.text.startswith(chunk[key]):
            shown.text = shown.text[len(chunk[key]) :]
            self._at += not shown.text
        elif self._at == len(self._shown) - 1 and chunk[key].startswith(shown.text):
            self.verdict = Verdict.REPEATS
        else:
            self.verdict = Verdict.DIFFERS

    def _is_through(self) -> bool:
        return self._at == len(self._shown)

    def _name(self, chunk: Chunk, shown: Chunk) -> None:
        """Takes ids at the same place to be of the same thing, unless they are known to be of another."""
        begins = chunk["type"] in ("text-start", "reasoning-start")  # their ids may come again
        for key, space in _spaces(chunk):
            if isinstance(shown.get(key), str) and (begins or (space, chunk[key]) not in self._ids):
                self._ids[space, chunk[key]] = shown[key]

    def _named(self, chunk: Chunk) -> Chunk:
        """The chunk with the ids that clients know."""
        return chunk | {key: self._ids.get((space, chunk[key]), chunk[key]) for key, space in _spaces(chunk)}


def _spaces(chunk: Chunk) -> list[tuple[str, str]]:
    """The keys of a chunk that hold ids, and of what; ids of data are chosen by the agent."""
    kind = chunk["type"].partition("-")[0]
    if kind == "data":
        return []
    return [(key, kind if key == "id" else key) for key in _IDS if isinstance(chunk.get(key), str)]


def _told(chunk: Chunk) -> dict[str, Any]:
    """What of a chunk is compared."""
    piece = _PIECES.get(chunk["type"])
    return {key: value for key, value in chunk.items() if key not in _UNCOMPARED and key != piece}


def _is_passing(chunk: Chunk) -> bool:
    """Nothing that is seen later on."""
    piece = _PIECES.get(chunk["type"])
    return (
        chunk["type"] == "message-metadata"
        or bool(chunk.get("transient"))
        or (piece and not chunk[piece]) is True
    )
