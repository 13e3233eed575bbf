"""From a question to a report: the model is looked for, the change is frozen, the review is run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from integrations.cli.out import remark
from integrations.cli.review.dismissed import Dismissals, without
from integrations.cli.review.durable import Reviewed, review_durably
from integrations.cli.review.model import configured_model, why_unreachable
from integrations.cli.review.place import database_of, forget_old
from integrations.cli.review.progress import Progress
from integrations.cli.review.question import Question
from integrations.code_review import ReviewEnv, Reviewer, ReviewInput, ReviewReport, ScriptedReviewer, Skipped
from integrations.code_review.model.language_model import LanguageModel
from integrations.code_review.subject import digest
from integrations.llm import Patience

__all__ = ["PATIENCE", "Ask", "Manner", "answered", "review_here"]

PATIENCE = Patience(limit=4)

Ask = Callable[[Reviewer | None], Awaitable[Reviewed]]
"""Reviews what was asked, with a model or without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the question is to be answered."""

    model: str | None = None
    offline: bool = False
    scripted: Path | None = None
    """A file of answers in place of a model's."""
    again: bool = False
    database: Path | None = None


async def answered(ask: Ask, manner: Manner) -> Reviewed:
    """The review of what was asked; what a user should know of the way there is told on stderr."""
    if manner.scripted is not None:
        return await ask(_scripted(manner.scripted))
    async with AsyncExitStack() as connections:
        llm = None if manner.offline else configured_model(manner.model)
        if llm is None:
            return await ask(None)
        await connections.enter_async_context(llm)
        absent = await why_unreachable(llm)
        if absent is None:
            return await ask(LanguageModel(llm))
    remark(f"{absent}; only the offline part of the review is done")
    reviewed = await ask(None)
    return replace(reviewed, report=_unread(reviewed.report, absent))


async def review_here(question: Question, manner: Manner, reviewer: Reviewer | None) -> Reviewed:
    """The review of a change on this machine."""
    model = None if reviewer is None else reviewer.model
    chosen = await asyncio.to_thread(question.subject, model=model)
    settled = await asyncio.to_thread(_dismissed, chosen)
    subject = chosen.model_copy(update={"settled": settled})
    database = manner.database or database_of(subject)
    with Progress(subject.title) as progress:
        reviewed = await review_durably(
            subject,
            database=database,
            env=ReviewEnv(reviewer=reviewer, retries=PATIENCE.retries()),
            again=manner.again,
            follow=progress.saw,
        )
    if manner.database is None:
        forget_old(database.parent)
    return replace(reviewed, report=without(reviewed.report, settled))


def _dismissed(subject: ReviewInput) -> tuple[str, ...]:
    if subject.repository is None:
        return ()
    return Dismissals.of_folder(Path(subject.repository)).settled()


def _scripted(script: Path) -> Reviewer:
    """Other answers make another review, so its name says which they are."""
    reviewer = ScriptedReviewer.from_file(script)
    reviewer.model = f"scripted-{digest(script.read_bytes())[:8]}"
    return reviewer


def _unread(report: ReviewReport, why: str) -> ReviewReport:
    """The report of an offline review that should have been one with a model."""
    unread = [Skipped(path=path, reason=f"not read by the model: {why}") for path in report.files_reviewed]
    return report.model_copy(update={"incomplete": (*report.incomplete, *unread)})
