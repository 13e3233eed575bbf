"""`CodeReview`: a review as a durable workflow. Killed and started again, it goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from integrations.code_review.apart import Apart
from integrations.code_review.change import Change
from integrations.code_review.desk import Desk
from integrations.code_review.errors import (
    ChangeMoved,
    DiffError,
    GitFailed,
    NoReviewer,
    ReviewError,
    SettingsError,
)
from integrations.code_review.fanout import few_at_once, step_name
from integrations.code_review.finding import Finding, Skipped
from integrations.code_review.lint import Linted
from integrations.code_review.model.allowance import Allowance
from integrations.code_review.model.asking import Asking
from integrations.code_review.model.crossing import Crossing
from integrations.code_review.model.panel import Opinions, Panel
from integrations.code_review.model.reviewer import Reviewer
from integrations.code_review.outcomes import Checked, Outlined, Redacted, Selection
from integrations.code_review.rank import Ranked
from integrations.code_review.report import Dropped, ReviewReport
from integrations.code_review.settings import Settings
from integrations.code_review.signals.compare import Comparison
from integrations.code_review.subject import ReviewInput
from workflows import Retention, RetryOptions, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["KEPT", "CodeReview", "ReviewEnv"]

T = TypeVar("T")

KEPT: Retention = {"success_retention": "30 days", "error_retention": "30 days"}
"""How long a review is kept, so that the file of who reviews every push does not grow for ever."""
_AT_ONCE = 4
_ONCE: RetryOptions = {"limit": 0, "delay": 0}
"""For steps whose error is the same the next time."""
_PATIENT: RetryOptions = {"limit": 4, "delay": 2, "backoff": "exponential"}


@dataclass(frozen=True, slots=True)
class ReviewEnv:
    """What reviews take from the engine's `env`; an env of another class may have these attributes too."""

    reviewer: Reviewer | None = None
    retries: RetryOptions | None = None
    """How requests to the model are tried again."""
    apart: Apart | None = None
    """The process that parses what is reviewed; None gives each review its own."""


class CodeReview(WorkflowEntrypoint[object, ReviewInput]):
    """Reviews one change, each box of the pipeline as a step, or as one step per file.

    Create it with `id=subject.workflow_id`, so that a second start goes on with the first.
    """

    step_limit = 30_000
    retention = KEPT
    errors = (ChangeMoved, DiffError, GitFailed, NoReviewer, ReviewError, SettingsError)

    async def run(self, event: WorkflowEvent[ReviewInput], step: WorkflowStep, /) -> ReviewReport:
        """Read, select, redact, check, compare, lint, map, ask, rank."""
        with ExitStack() as readers:
            apart = getattr(self.env, "apart", None) or readers.enter_context(Apart())
            return await self._reviewed(event.payload, step, apart)

    async def _reviewed(self, subject: ReviewInput, step: WorkflowStep, apart: Apart) -> ReviewReport:
        reviewer = self._reviewer(subject)
        desk = Desk(subject, Change(subject), apart)
        settings = await step.do("read settings", desk.read_settings, retries=_ONCE)
        selection = await step.do("parse and select", desk.select, settings, retries=_ONCE)
        rules = await _by_rules(step, desk, settings, selection)
        opinions = Opinions()
        if reviewer is not None:
            allowance = Allowance(tokens=settings.budget_tokens, cost=settings.budget_cost)
            asking = Asking(desk.change, reviewer, settings, apart, allowance)
            panel = Panel(asking, Crossing(asking, subject), step, self._retries())
            opinions = await panel.consult(rules.readable, rules.findings, rules.outlined.change_map)
        found = [*rules.findings, *opinions.findings]
        result = await step.do("rank", desk.rank, found, rules.compared, settings, retries=_ONCE)
        return _report(subject, settings, selection, rules, opinions, result)

    def _reviewer(self, subject: ReviewInput) -> Reviewer | None:
        reviewer: Reviewer | None = getattr(self.env, "reviewer", None)
        if subject.model is None:
            return None
        if reviewer is None:
            raise NoReviewer(f"this review was started with {subject.model}; configure it, or review offline")
        return reviewer

    def _retries(self) -> RetryOptions:
        return getattr(self.env, "retries", None) or _PATIENT


@dataclass(frozen=True, slots=True)
class _Rules:
    """What was found without a model."""

    redacted: Mapping[str, Redacted]
    checked: Mapping[str, Checked]
    compared: Mapping[str, Comparison]
    linted: Linted
    outlined: Outlined
    settings: Settings

    @property
    def readable(self) -> list[str]:
        """The files that were reviewed."""
        return [path for path, one in self.redacted.items() if one.skipped is None]

    @property
    def unread(self) -> list[Skipped]:
        """What ended its reader: it was meant to be reviewed."""
        checked = [one.unread for one in self.checked.values() if one.unread is not None]
        lost = [
            Skipped(path=path, reason=one.unseen, wanted=True)
            for path, one in self.compared.items()
            if one.lost
        ]
        return [*checked, *lost, *self.outlined.unread]

    @property
    def findings(self) -> list[Finding]:
        """Those of the analysers that are wanted; the others ran too, for the mask and the map."""
        parts = (
            ("secrets", (finding for one in self.redacted.values() for finding in one.findings)),
            ("checks", (finding for one in self.checked.values() for finding in one.findings)),
            ("signals", (finding for one in self.compared.values() for finding in one.findings)),
            ("ruff", self.linted.findings),
            ("change", self.outlined.findings),
        )
        return [
            finding for name, findings in parts if name in self.settings.analysers for finding in findings
        ]


async def _by_rules(step: WorkflowStep, desk: Desk, settings: Settings, selection: Selection) -> _Rules:
    redacted = await _each(step, "redact", selection.selected, desk.redact)
    readable = [path for path, one in redacted.items() if one.skipped is None]
    checked = await _each(step, "check", readable, desk.check)
    compared = await _each(step, "compare", readable, desk.compare)
    wanted = readable if "ruff" in settings.analysers else []
    linted = await step.do("lint", desk.lint, wanted, retries=_ONCE)
    outlined = await step.do("map the change", desk.outline, selection.files, compared, retries=_ONCE)
    return _Rules(redacted, checked, compared, linted, outlined, settings)


async def _each(
    step: WorkflowStep, verb: str, paths: Sequence[str], call: Callable[[str], T]
) -> dict[str, T]:
    """One step per file."""
    results = await few_at_once(
        paths, lambda path: step.do(step_name(verb, path), call, path, retries=_ONCE), at_once=_AT_ONCE
    )
    return dict(zip(paths, results, strict=True))


def _report(
    subject: ReviewInput,
    settings: Settings,
    selection: Selection,
    rules: _Rules,
    opinions: Opinions,
    result: Ranked,
) -> ReviewReport:
    unread = [one.skipped for one in rules.redacted.values() if one.skipped is not None]
    skipped = (*selection.skipped, *unread)
    unseen = [
        Skipped(path=path, reason=one.unseen)
        for path, one in rules.compared.items()
        if one.unseen and not one.lost
    ]
    if rules.linted.missing:
        unseen.append(Skipped(path="*.py", reason=rules.linted.missing))
    return ReviewReport(
        mode="offline" if subject.model is None else "llm",
        title=subject.title,
        base=subject.base,
        head=subject.head,
        model=subject.model,
        files_reviewed=tuple(rules.readable),
        files_skipped=skipped,
        findings=result.findings,
        ignored=result.ignored,
        incomplete=(*(one for one in skipped if one.wanted), *rules.unread, *opinions.incomplete),
        unseen=tuple(unseen),
        change_map=rules.outlined.change_map,
        dropped=Dropped(
            below_min_severity=result.below_min_severity,
            above_max_findings=result.above_max_findings,
            ignored_rules=result.ignored_rules,
            not_proven=opinions.not_proven,
            not_in_the_text=opinions.not_in_the_text,
            settled=result.settled,
        ),
        usage=opinions.spent,
        fail_on=settings.fail_on,
        found=result.found,
        failing=result.failing,
    )
