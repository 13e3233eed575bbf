"""One `agents review`: the question is answered, the report written, the exit code found."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from integrations.cli.errors import CommandError, ExitCode, NotNow
from integrations.cli.out import answer, remark
from integrations.cli.review.answering import Manner, answered, review_here
from integrations.cli.review.durable import Reviewed
from integrations.cli.review.preferred import preferred_model
from integrations.cli.review.question import Question
from integrations.cli.review.stdin import PIPE, piped_patch
from integrations.code_review import CodeReview, ReviewError, ReviewReport, Severity, exit_code, render
from integrations.code_review.errors import ChangeMoved
from integrations.code_review.render import Format
from workflows import WorkflowError, WorkflowFailed

__all__ = ["Wanted", "run_review"]

_WRONG_QUESTION = {kind.__name__ for kind in CodeReview.errors} - {ChangeMoved.__name__} | {"GitHubRefused"}
"""Asked again, they would be the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The change that is meant, as it was typed."""

    words: Sequence[str]
    base: str | None
    staged: bool
    patch: Path | None
    post: bool = False


def run_review(wanted: Wanted, manner: Manner, *, form: Format, fail_on: str | None) -> int:
    """Writes the report to stdout and gives the exit code; raises `CommandError` for a wrong question."""
    logging.getLogger().addHandler(logging.NullHandler())  # what matters is told in one line
    measure = None if fail_on is None else _severity(fail_on)
    try:
        reviewed = _reviewed(wanted, manner)
    except WorkflowFailed as error:
        if error.name in _WRONG_QUESTION:
            raise CommandError(error.reason) from error
        remark(f"the review ended with {error.name}: {error.reason}; the same command begins it anew")
        return ExitCode.INCOMPLETE
    except NotNow as error:
        remark(str(error))
        return ExitCode.INCOMPLETE
    except KeyboardInterrupt:
        remark("stopped; the same command goes on where it was")
        return ExitCode.STOPPED
    except (ReviewError, WorkflowError, OSError) as error:
        raise CommandError(str(error)) from error
    report = reviewed.report if measure is None else _judged(reviewed.report, measure)
    if (remembered := _remembered(reviewed)) is not None:
        remark(remembered)
    answer(render(report, form))
    return exit_code(report)


def _reviewed(wanted: Wanted, manner: Manner) -> Reviewed:
    if any(word.startswith(("https://", "http://")) for word in wanted.words):
        from integrations.cli.review.pull import PullQuestion

        return asyncio.run(answered(PullQuestion.of(wanted.words, post=wanted.post).by(manner), manner))
    if wanted.post:
        raise CommandError("--post is for pull requests: give the URL of one")
    with ExitStack() as pipe:
        patch = pipe.enter_context(piped_patch()) if wanted.patch == PIPE else wanted.patch
        question = Question.of(wanted.words, base=wanted.base, staged=wanted.staged, patch=patch)
        if not manner.offline and manner.scripted is None:
            manner = replace(manner, model=preferred_model(question, manner.model))
        return asyncio.run(answered(partial(review_here, question, manner), manner))


def _severity(word: str) -> Severity:
    try:
        return Severity(word)
    except ValueError:
        known = ", ".join(Severity)
        raise CommandError(f"--fail-on {word!r} is not a severity: use one of {known}") from None


def _judged(report: ReviewReport, measure: Severity) -> ReviewReport:
    """By the command line's measure in place of the settings'."""
    failing = sum(not one.preexisting and one.severity.at_least(measure) for one in report.findings)
    return report.model_copy(update={"fail_on": measure, "failing": failing})


def _remembered(reviewed: Reviewed) -> str | None:
    steps = f"{reviewed.kept} finished step{'' if reviewed.kept == 1 else 's'}"
    if reviewed.recorded:
        return f"this change was reviewed before: answered from its record of {steps} (--again repeats it)"
    return f"resumed: {steps} not repeated" if reviewed.kept else None
