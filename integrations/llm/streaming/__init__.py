"""What a model says, while it says it: from a durable step to those who watch, and each piece once."""

from __future__ import annotations

from integrations.llm.delta import Delta, ReasoningDelta, Restarted, TextDelta, ToolCallDelta
from integrations.llm.streaming.following import Piece, follow
from integrations.llm.streaming.showing import AnswerChanged, Shown, show

__all__ = [
    "AnswerChanged",
    "Delta",
    "Piece",
    "ReasoningDelta",
    "Restarted",
    "Shown",
    "TextDelta",
    "ToolCallDelta",
    "follow",
    "show",
]
