"""How long a new attempt at an answer is held back: until it is beyond what was shown, or differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agents_sdk.chat.shapes import Chunk

__all__ = ["held_until_more"]


def held_until_more(shown: Iterable[Chunk]) -> Callable[[Chunk], bool]:
    """Takes the chunks of the attempt, one after the other; true while they only repeat `shown`."""
    rest = "".join(map(_said, shown))

    def holds(chunk: Chunk) -> bool:
        nonlocal rest
        said = _said(chunk)
        repeats = rest.startswith(said)
        rest = rest[len(said) :] if repeats else ""
        return bool(rest)

    return holds


def _said(chunk: Chunk) -> str:
    """What a reader sees of a chunk; ids differ from one attempt to the next."""
    match chunk["type"]:
        case "text-delta" | "reasoning-delta":
            return str(chunk["delta"])
        case "tool-input-start":
            return f"\0{chunk['toolName']}\0"
        case "tool-input-delta":
            return str(chunk["inputTextDelta"])
    return ""
