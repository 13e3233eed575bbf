"""The shapes of a model's answers, and reading what a model wrote instead of them."""

from __future__ import annotations

import json
import re
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

from integrations.code_review.finding import Severity
from integrations.value import Value

__all__ = [
    "Candidate",
    "Category",
    "CrossAnswer",
    "CrossClaim",
    "ReviewAnswer",
    "VerifyAnswer",
    "read_answer",
]

A = TypeVar("A", bound=BaseModel)

Category = Literal[
    "bug",
    "security",
    "concurrency",
    "resource",
    "error-handling",
    "data",
    "api",
    "performance",
    "test",
]
_FENCED = re.compile(r"```(?:json)?\s*(\{.*\})\s*```", re.DOTALL)


class _Claim(Value):
    quote: str = Field(description="the code of the line, copied exactly, without its number")
    severity: Literal["high", "medium", "low"]
    category: Category
    claim: str = Field(description="what goes wrong, for which input, in one or two sentences")

    @property
    def weight(self) -> Severity:
        """A model may claim less than critical only."""
        return Severity(self.severity)


class Candidate(_Claim):
    """A problem that a model claims to see."""

    line: int = Field(description="number of the line in the new text, as printed in front of it")


class CrossClaim(_Claim):
    """A call that a model claims to be broken."""

    call: int = Field(description="number of the call, as printed before it")


class CrossAnswer(Value):
    """The answer to a question about calls in other files."""

    findings: tuple[CrossClaim, ...]


class ReviewAnswer(Value):
    """The answer to a review."""

    findings: tuple[Candidate, ...]


class VerifyAnswer(Value):
    """The answer to a verification."""

    verdict: Literal["proven", "not proven"]
    quote: str = Field(description="the line of code that proves it, copied exactly; empty when not proven")
    reason: str = Field(description="one sentence")


def read_answer(text: str, shape: type[A]) -> A | None:
    """The answer in what a model wrote, also inside other words; None when there is none."""
    for candidate in _candidates(text):
        try:
            return shape.model_validate_json(candidate)
        except ValidationError:
            continue
    return None


def _candidates(text: str) -> list[str]:
    found = [text, *(match[1] for match in _FENCED.finditer(text))]
    decoder = json.JSONDecoder()
    start = text.find("{")
    if start >= 0:
        try:
            _, end = decoder.raw_decode(text, start)
            found.append(text[start:end])
        except ValueError:
            pass
    return found
