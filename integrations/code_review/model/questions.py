"""What is asked of a model about files, and what is recorded of its answers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from integrations.code_review.finding import Finding, Skipped, Visible
from integrations.code_review.model.allowance import Recorded
from integrations.code_review.model.answers import Candidate
from integrations.code_review.model.reviewer import Spent

__all__ = ["Claims", "Plan", "Proof", "Question"]


class Question(BaseModel):
    """One part of one file."""

    model_config = ConfigDict(frozen=True)

    path: str
    part: int


class Plan(BaseModel):
    """What is asked, within the budget of tokens; what is over it is left out."""

    model_config = ConfigDict(frozen=True)

    questions: tuple[Question, ...]
    left_out: tuple[Skipped, ...]
    before: Recorded = Recorded()
    """What the run had spent by then."""


class Claims(BaseModel):
    """What a model claims about one excerpt; `problem` says why its answer could not be used."""

    model_config = ConfigDict(frozen=True)

    candidates: tuple[Candidate, ...] = ()
    spent: Spent = Spent()
    problem: Visible = ""
    unanswered: bool = False
    """The model could not be asked."""


class Proof(BaseModel):
    """Whether a claim was proven, and its finding when it was."""

    model_config = ConfigDict(frozen=True)

    finding: Finding | None = None
    in_text: bool = True
    """The quoted code occurs in the text that was shown."""
    spent: Spent = Spent()
    problem: Skipped | None = None
    """Why it could not be verified."""
