"""The outcome of a review, and the exit code that follows from it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from integrations.code_review.change_map.model import ChangeMap
from integrations.code_review.finding import Finding, Severity, Skipped, VisibleName
from integrations.code_review.model.reviewer import Spent
from integrations.value import Value

__all__ = ["Dropped", "ReviewReport", "exit_code"]


class Dropped(Value):
    """How many findings are not shown, by reason."""

    below_min_severity: int = 0
    above_max_findings: int = 0
    ignored_rules: int = 0
    not_proven: int = 0
    not_in_the_text: int = 0
    settled: int = 0
    """Dismissed by people, or told before."""


class ReviewReport(Value):
    """Everything that a review says; what it did not read is listed too."""

    mode: Literal["offline", "llm"]
    title: VisibleName
    base: str | None
    head: str | None
    model: VisibleName | None = None
    files_reviewed: tuple[str, ...] = ()
    files_skipped: tuple[Skipped, ...] = ()
    findings: tuple[Finding, ...] = ()
    """The worst first; those that were there before the change come last and are marked."""
    ignored: tuple[Finding, ...] = ()
    """Silenced by a `review: ignore[...]` comment."""
    incomplete: tuple[Skipped, ...] = ()
    """What should have been reviewed and was not."""
    unseen: tuple[Skipped, ...] = ()
    """What this review could not see of files that it did read."""
    change_map: ChangeMap = Field(default_factory=ChangeMap)
    dropped: Dropped = Field(default_factory=Dropped)
    usage: Spent = Field(default_factory=Spent)
    fail_on: Severity = Severity.HIGH
    found: tuple[str, ...] | None = ()
    """All that was found, shown or not, by `Finding.short`; None when it is too much to be listed."""
    failing: int = 0
    """Findings at or above `fail_on`, shown or not."""


def exit_code(report: ReviewReport) -> int:
    """1 when something new is at or above `fail_on`, 3 when the review is incomplete, else 0."""
    if report.failing:
        return 1
    return 3 if report.incomplete else 0
