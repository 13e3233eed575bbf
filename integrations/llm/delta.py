"""Pieces of an answer while it arrives: progress for who watches, never the answer itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Delta", "ReasoningDelta", "Restarted", "Tell", "TextDelta", "ToolCallDelta"]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More of the text; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of what the model thinks, for servers that show it; no part of the recorded answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of the call with this index: the first piece of a call has its `id` and `name`."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The attempt asks once more (a correction, a larger limit): what it has told so far is void."""


Delta: TypeAlias = TextDelta | ReasoningDelta | ToolCallDelta | Restarted

Tell: TypeAlias = Callable[[Delta], Awaitable[None]]
"""Hears each piece; awaited, so that a slow listener slows down the reading, not the memory."""
