"""What an agent is told of a turn: when it is to answer, when it has, and when a crash cut it off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from agents_sdk.chat.prompt import ModelMessage
from agents_sdk.chat.prompting import Prompting
from agents_sdk.chat.shapes import Message, text_of

__all__ = ["AnswerStatus", "Answered", "Recovery", "Turn", "TurnResult", "TurnStatus"]

TurnStatus: TypeAlias = Literal["completed", "error", "skipped", "aborted"]
"""How a turn ended; a skipped one was cancelled, or cleared, before it began."""
AnswerStatus: TypeAlias = Literal["completed", "error", "aborted"]
"""How one ended that has begun."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer that is to be given."""

    request_id: str
    """Of all frames of the answer."""
    messages: list[Message]
    """What is to be answered, up to its last message: those that wait for their turn are not in it."""
    body: dict[str, Any] | None = None
    """What the client gave besides: the last one that gave anything, for a continuation."""
    client_tools: list[dict[str, Any]] | None = None
    """The tools that the client has, as it describes them."""
    continuation: bool = False
    """The answer goes on in the last message of the assistant, after the result of a tool."""
    _aborted: Callable[[], bool] = field(default=lambda: False, repr=False)
    _prompting: Prompting | None = field(default=None, repr=False)

    @property
    def aborted(self) -> bool:
        """A client wants no more of it; what awaits anything is cancelled as well."""
        return self._aborted()

    async def prompt(self, instructions: str = "") -> list[ModelMessage]:
        """`messages` as OpenAI's Chat Completions take them, behind the instructions as a system message.

        Where the class has a `compaction`, they are shortened when they come near to the model's window;
        whoever sees the chat sees all of it. Raises what the compaction raises when nothing helps.
        """
        prompting = self._prompting or Prompting(self.messages)
        return await prompting.prompt(instructions)

    def counted(self, input_tokens: int) -> None:
        """What the provider counted for the prompt: later ones are estimated from there.

        The streams of OpenAI clients that are returned as they are say it themselves, when they are asked
        for usage; of several, the first counts.
        """
        if self._prompting is not None:
            self._prompting.counted(input_tokens)


@dataclass(frozen=True, slots=True)
class TurnResult:
    """How a turn of `save_messages` or `continue_last_turn` ended."""

    request_id: str
    status: TurnStatus
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that has ended, and is stored."""

    request_id: str
    status: TurnStatus
    message: Message | None
    """As it is stored; None when there was nothing to store."""
    continuation: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """A turn that the end of a process cut off."""

    request_id: str
    """Of the request that it was accepted for."""
    attempt: int
    """Which attempt to take it up again this would be, from 1."""
    created: datetime
    """When it was accepted."""
    message: Message
    """What was made of the answer, as clients saw it."""

    @property
    def text(self) -> str:
        """The text of what was made."""
        return text_of(self.message)
