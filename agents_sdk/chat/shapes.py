"""What messages and chunks are: JSON, as the AI SDK has it; keys that nobody here knows are kept.

A message is `{"id", "role", "parts", "metadata"?}`; a chunk is one step of an answer, by its `type`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

__all__ = ["SETTLED", "Chunk", "Message", "Part", "last_assistant", "origin", "text_of", "tool_call"]

Message: TypeAlias = dict[str, Any]
Part: TypeAlias = dict[str, Any]
Chunk: TypeAlias = dict[str, Any]

SETTLED = ("output-available", "output-error", "output-denied")
"""The states in which a call of a tool has its last word: nothing changes it any more.

States are looked up in tuples: those that a client sends may be of any type, also one without a hash.
"""


def tool_call(part: Mapping[str, Any]) -> str | None:
    """The id of the call that `part` is of; None when it is of none."""
    id = part.get("toolCallId")
    return id if isinstance(id, str) and id else None


def text_of(message: Message) -> str:
    """All of its text."""
    return "".join(part.get("text", "") for part in message["parts"] if part["type"] == "text")


def last_assistant(messages: Sequence[Message]) -> Message | None:
    """The latest message of the assistant, wherever it stands."""
    return next((message for message in reversed(messages) if message["role"] == "assistant"), None)


def origin(messages: Sequence[Message]) -> list[str]:
    """The ids of the messages that are to be answered: the run of those of the user at the end."""
    ids: list[str] = []
    for message in reversed(messages):
        if message["role"] != "user":
            break
        ids.insert(0, message["id"])
    return ids
