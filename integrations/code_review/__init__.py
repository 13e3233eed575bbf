"""Code review: of any git change, without a model or with one, as a durable workflow."""

from integrations.code_review.choose import choose_change
from integrations.code_review.errors import DiffError, NothingToReview, ReviewError
from integrations.code_review.finding import Finding, Severity, Skipped
from integrations.code_review.model.reviewer import ModelAnswer, ModelRequest, Reviewer, Spent
from integrations.code_review.model.scripted import ScriptedAnswer, ScriptedReviewer
from integrations.code_review.render import FORMATS, render
from integrations.code_review.report import ReviewReport, exit_code
from integrations.code_review.subject import ReviewInput
from integrations.code_review.workflow import CodeReview, ReviewEnv

__all__ = [
    "FORMATS",
    "CodeReview",
    "DiffError",
    "Finding",
    "ModelAnswer",
    "ModelRequest",
    "NothingToReview",
    "ReviewEnv",
    "ReviewError",
    "ReviewInput",
    "ReviewReport",
    "Reviewer",
    "ScriptedAnswer",
    "ScriptedReviewer",
    "Severity",
    "Skipped",
    "Spent",
    "choose_change",
    "exit_code",
    "render",
]
