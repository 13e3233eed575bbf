"""What a model call gives: the answer, and what it took to get it."""

from __future__ import annotations

from typing import Any, Generic, cast

from integrations.llm.prices import Price
from integrations.llm.request import Parsed
from integrations.llm.usage import Usage
from integrations.value import Value

__all__ = ["Completion", "ToolCall", "completion_type"]


class ToolCall(Value):
    """A tool that the model wants called; `arguments` is its JSON text, unchecked."""

    id: str
    name: str
    arguments: str


class Completion(Value, Generic[Parsed]):
    """One answer, as it is recorded with the step that asked for it."""

    text: str
    parsed: Parsed | None = None
    """The answer as the `response_format`; None without one, with tool calls, and when `refused`."""
    tool_calls: tuple[ToolCall, ...] = ()
    refused: bool = False
    """The model or a content filter declined; `text` says why, as far as is known."""
    finish_reason: str
    """In the words of Chat Completions; "length" when plain text was cut off at `max_tokens`."""
    model_asked: str
    model_answered: str
    request_id: str | None = None
    request_hash: str
    """SHA-256 of what was asked, in normal form; the prompt itself is not recorded."""
    usage: Usage
    """Of every request of the attempt that succeeded."""
    price: Price | None = None
    """Of the same requests; None when there is no price for the model at this server."""
    requests: int
    """HTTP requests of that attempt: more than 1 after a correction, a larger limit, a refused parameter."""
    attempts: int
    """Attempts of the step, this one included; also those that only found that it is not their turn."""
    latency: float
    """Seconds from the first request of that attempt to its answer."""

    @classmethod
    def __class_getitem__(cls, typevar_values: Any) -> Any:
        """`Completion[None]` is `Completion` itself, so that both annotations store the same thing."""
        return cls if typevar_values is None else super().__class_getitem__(typevar_values)


def completion_type(response_format: type[Parsed] | None) -> type[Completion[Parsed]]:
    """`Completion[response_format]`, for a type that is known only at run time."""
    return cast("type[Completion[Parsed]]", Completion.__class_getitem__(response_format))
