"""What is recorded of calls of tools: each with what was asked for, and what came of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from integrations.llm.usage import Usage
from integrations.value import Value

__all__ = ["Approval", "ApprovalRequest", "LoopResult", "ToolResult"]


class ToolResult(Value):
    """What came of one call; `text` is what the model is told, and comes from outside: do not trust it."""

    call_id: str
    tool: str
    arguments: str
    """As the model wrote them."""
    request_hash: str
    """Of the request whose answer asked for the call."""
    status: Literal["done", "failed", "invalid", "unknown", "forbidden", "refused"]
    """`failed`: the tool raised; `invalid`: the arguments do not fit; `refused`: no human agreed in time."""
    text: str
    by: str = ""
    """Who has approved or refused it."""

    @property
    def mistaken(self) -> bool:
        """The model called something that there is not, or with arguments that do not fit."""
        return self.status in ("invalid", "unknown")


class ApprovalRequest(Value):
    """A call that waits for a human; nothing of it has been done."""

    event: str
    """The type of the event that answers it: see `approve` and `refuse`."""
    call_id: str
    tool: str
    arguments: str
    """JSON: those that the tool will get, defaults included. A model wrote them: trust nothing in them."""
    request_hash: str


class Approval(Value):
    """What a human says; the payload of the event."""

    model_config = ConfigDict(extra="forbid")

    approved: bool
    by: str = Field(default="", max_length=200)
    reason: str = Field(default="", max_length=2_000)
    """The model is told why it was refused."""


class LoopResult(Value):
    """How a loop ended: with an answer."""

    text: str
    refused: bool
    """The model or a content filter declined; `text` says why."""
    messages: tuple[dict[str, Any], ...]
    """The whole exchange, the answer included: give it to the next loop to go on from here."""
    calls: tuple[ToolResult, ...]
    turns: int
    finish_reason: str
    """Of the answer: "length" when it was cut off at `max_tokens`."""
    usage: Usage
    """Of all answers that were recorded."""
