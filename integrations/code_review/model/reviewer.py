"""The seam to a language model: one request, one answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, Field

from integrations.value import Value
from workflows import StepContext

__all__ = ["ModelAnswer", "ModelRequest", "Purpose", "Reviewer", "Spent"]

_CHARACTERS_PER_TOKEN = 3

Purpose = Literal["review", "cross", "verify"]


class Spent(Value):
    """What asking models has cost."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    """US dollars, of the requests whose price is known."""
    unpriced: int = 0
    """Requests whose price is not known."""

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
            unpriced=self.unpriced + other.unpriced,
        )


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question. Everything that the model is told is here; it gets no tools."""

    purpose: Purpose
    path: str
    instructions: str
    prompt: str
    answer: type[BaseModel]
    """The shape of the answer, for structured output."""
    max_output_tokens: int = 4_000

    @property
    def estimate(self) -> int:
        """Tokens that question and answer may take, guessed high."""
        asked = len(self.instructions) + len(self.prompt)
        return asked // _CHARACTERS_PER_TOKEN + self.max_output_tokens // 4


class ModelAnswer(Value):
    """What came back: JSON text of the shape that was asked for, or something that is not; it is checked."""

    text: str
    model: str = ""
    spent: Spent = Field(default_factory=lambda: Spent(requests=1, unpriced=1))


class Reviewer(Protocol):
    """Answers requests inside a durable step.

    `complete` does one attempt and raises what should be tried again; a `NonRetryableError` is final. It is
    called concurrently.
    """

    @property
    def model(self) -> str:
        """The name of the model; a part of the identity of a review."""

    async def complete(self, request: ModelRequest, ctx: StepContext) -> ModelAnswer:
        """The model's answer to `request`."""
