"""A whole review, on an engine in memory."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from pathlib import Path

from integrations.code_review import (
    CodeReview,
    ReviewEnv,
    Reviewer,
    ReviewInput,
    ReviewReport,
    choose_change,
)
from integrations.code_review.apart import Apart
from tests.integrations.code_review.repository import Files, Repository
from workflows import Engine, RetryOptions

APART = Apart()
"""One reader for all tests, so that each need not start its own."""
atexit.register(APART.close)
ONCE: RetryOptions = {"limit": 0, "delay": 0}


def change(root: Path, before: Files, after: Files, *, model: str | None = None) -> ReviewInput:
    """A repository with one commit and a staged change."""
    repository = Repository.create(root)
    repository.commit(before)
    repository.write(after)
    repository.git("add", "--all")
    return choose_change(root, staged=True, model=model)


async def review(
    subject: ReviewInput, *, reviewer: Reviewer | None = None, path: str = ":memory:"
) -> ReviewReport:
    """The report of a review."""
    env = ReviewEnv(reviewer=reviewer, retries=ONCE, apart=APART)
    async with Engine(path, [CodeReview], env=env) as engine:
        binding = engine.workflow(CodeReview)
        instance = await binding.create(id=subject.workflow_id, params=subject, exist_ok=True)
        report = await instance.result()
        assert isinstance(report, ReviewReport)
        return report


def rules(report: ReviewReport) -> Mapping[str, int]:
    """The line of each rule that was found."""
    return {finding.rule: finding.line for finding in report.findings}
