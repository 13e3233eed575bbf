"""What the model of one turn is given: the transcript, shortened where the agent has a compaction."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from agents_sdk.chat.compacting import Compacting, Notes
from agents_sdk.chat.prompt import ModelMessage, instructed, model_messages, without_ids
from agents_sdk.chat.shapes import Message

__all__ = ["OVERHEAD", "Prompting"]

OVERHEAD = "overhead"
"""The note of what the provider last counted beside the messages."""


class Prompting:
    """Of one turn."""

    def __init__(
        self,
        messages: Sequence[Message],
        compaction: Compacting | None = None,
        notes: Notes | None = None,
        *,
        told: Callable[[int], object] = bool,
    ) -> None:
        """`told` is given what the provider counted beside the messages."""
        self._messages = messages
        self._compaction = compaction
        self._notes = notes
        self._told = told
        self._made: dict[str, list[ModelMessage]] = {}
        self._tokens: int | None = None
        """What the last prompt was taken for, until the provider has counted it."""

    async def prompt(self, instructions: str) -> list[ModelMessage]:
        """The messages to send; asked again, the same ones."""
        if instructions not in self._made:
            self._made[instructions] = await self._make(instructions)
        return copy.deepcopy(self._made[instructions])

    def counted(self, tokens: int) -> None:
        """What the provider counted for the last prompt; only the first word counts."""
        if self._tokens is not None:
            self._told(max(0, tokens - self._tokens))
            self._tokens = None

    async def _make(self, instructions: str) -> list[ModelMessage]:
        messages = instructed(instructions, model_messages(self._messages))
        if self._compaction is None or self._notes is None:
            return without_ids(messages)
        overhead = await self._notes.get(OVERHEAD) or 0
        shortened = await self._compaction.shorten(messages, self._notes, overhead=overhead)
        self._tokens = shortened.tokens
        return without_ids(shortened.messages)
