"""What is asked of a model about files, and what is recorded of its answers."""

from __future__ import annotations

from pydantic import Field

from integrations.code_review.finding import Finding, Skipped, Visible
from integrations.code_review.model.allowance import Recorded
from integrations.code_review.model.answers import Candidate
from integrations.code_review.model.reviewer import Spent
from integrations.value import Value

__all__ = ["Claims", "Plan", "Proof", "Question"]


class Question(Value):
    """One part of one file."""

    path: str
    part: int


class Plan(Value):
    """What is asked, within the budget of tokens; what is over it is left out."""

    questions: tuple[Question, ...]
    left_out: tuple[Skipped, ...]
    before: Recorded = Field(default_factory=Recorded)
    """What the run had spent by then."""


class Claims(Value):
    """What a model claims about one excerpt; `problem` says why its answer could not be used."""

    candidates: tuple[Candidate, ...] = ()
    spent: Spent = Field(default_factory=Spent)
    problem: Visible = ""
    unanswered: bool = False
    """The model could not be asked."""


class Proof(Value):
    """Whether a claim was proven, and its finding when it was."""

    finding: Finding | None = None
    in_text: bool = True
    """The quoted code occurs in the text that was shown."""
    spent: Spent = Field(default_factory=Spent)
    problem: Skipped | None = None
    """Why it could not be verified."""
