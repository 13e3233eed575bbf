"""What a chat asks of whoever shortens its prompts, and what it keeps for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agents_sdk.chat.prompt import ModelMessage

__all__ = ["Compacting", "Notes", "Shortened"]


class Notes(Protocol):
    """JSON values that are kept with a chat, by key; they go with its messages."""

    async def get(self, key: str) -> Any:
        """What is kept under a key; None when nothing is."""

    async def put(self, values: Mapping[str, Any]) -> None:
        """Keeps all of them, durably when it returns; None deletes."""


@dataclass(frozen=True, slots=True)
class Shortened:
    """What a model is to be given."""

    messages: Sequence[ModelMessage]
    tokens: int
    """What they were taken for: compared with what the provider counts."""


class Compacting(Protocol):
    """What `ChatAgent.compaction` may be, such as `integrations.compaction.Compaction`."""

    async def shorten(
        self, messages: Sequence[ModelMessage], notes: Notes, *, overhead: int = 0
    ) -> Shortened:
        """The messages as a model is to get them; the same ones while they fit.

        `overhead` are the tokens that the provider last counted beside the messages. It may be called again
        with the same messages after a crash: what it pays for, it notes before it returns.
        """
