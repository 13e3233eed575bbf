"""One question about one file, as one step: the file is read, the model asked, its words checked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from integrations.code_review.anchor import found_line
from integrations.code_review.apart import Apart, NotAnalysed
from integrations.code_review.change import Change, Versions
from integrations.code_review.finding import Finding, Skipped
from integrations.code_review.model.allowance import Allowance, Recorded
from integrations.code_review.model.answers import (
    Candidate,
    CrossClaim,
    ReviewAnswer,
    VerifyAnswer,
    read_answer,
)
from integrations.code_review.model.lines import Excerpt, excerpts
from integrations.code_review.model.prompt import review_request, verify_request
from integrations.code_review.model.questions import Claims, Plan, Proof, Question
from integrations.code_review.model.reviewer import ModelRequest, Reviewer, Spent
from integrations.code_review.settings import Settings
from integrations.code_review.symbols import symbol_at
from integrations.code_review.visible import visible
from integrations.secrets import masked
from workflows import StepContext

__all__ = ["Asking", "OverBudget", "cleaned"]

A = TypeVar("A", bound=BaseModel)
C = TypeVar("C", Candidate, CrossClaim)

_MOST_CLAIMS = 10
_CHARACTERS_PER_TOKEN = 3
_TOKENS_PER_QUESTION = 2_000
_NEAR = 3


class OverBudget(Exception):
    """The question was not asked, because the budget forbids it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks about the files of one change; each method is the callback of a step."""

    change: Change
    reviewer: Reviewer
    settings: Settings
    apart: Apart
    allowance: Allowance

    async def plan(self, paths: Sequence[str], ctx: StepContext) -> Plan:
        """The questions that fit into `budget_tokens`, in the order of the files.

        Estimated before anything is asked, so that the plan is the same after a crash.
        """
        plan = await asyncio.to_thread(self._fitting, paths)
        return plan.model_copy(update={"before": await _recorded(ctx)})

    def _fitting(self, paths: Sequence[str]) -> Plan:
        questions: list[Question] = []
        left_out: list[Skipped] = []
        left = self.settings.budget_tokens
        for path in paths:
            parts = excerpts(self._versions(path))
            cost = sum(len(part.text) // _CHARACTERS_PER_TOKEN + _TOKENS_PER_QUESTION for part in parts)
            if cost > left:
                reason = f"not shown to the model: over budget_tokens ({self.settings.budget_tokens:,})"
                left_out.append(Skipped(path=path, reason=reason, wanted=True))
                continue
            left -= cost
            questions += [Question(path=path, part=part.number) for part in parts]
        return Plan(questions=tuple(questions), left_out=tuple(left_out))

    async def review(self, path: str, part: int, hints: Sequence[Finding], ctx: StepContext) -> Claims:
        """What the model claims about part `part` of a file."""
        excerpt = await asyncio.to_thread(self._excerpt, path, part)
        request = review_request(
            excerpt,
            hints=_about(excerpt, hints),
            words=self.settings.words_for(path),
            language=self.settings.language,
        )
        try:
            read, spent = await self.ask(request, ReviewAnswer, ctx)
        except OverBudget as error:
            return Claims(problem=f"not shown to the model: {error}")
        if read is None:
            return Claims(spent=spent, problem="the model's answer was not of the shape that was asked for")
        return Claims(candidates=tuple(map(cleaned, read.findings[:_MOST_CLAIMS])), spent=spent)

    async def verify(
        self, path: str, part: int, candidate: Candidate, hints: Sequence[Finding], ctx: StepContext
    ) -> Proof:
        """Whether a fresh look proves the claim. What was not shown is not asked about."""
        excerpt = await asyncio.to_thread(self._excerpt, path, part)
        line = found_line(candidate.quote, candidate.line, excerpt.lines)
        if line is None:
            return Proof(in_text=False)
        hints = _about(excerpt, hints)
        request = verify_request(excerpt, candidate, hints=hints, language=self.settings.language)
        try:
            verdict, spent = await self.ask(request, VerifyAnswer, ctx)
        except OverBudget as error:
            reason = f"a claim was not verified: {error}"
            return Proof(problem=Skipped(path=path, reason=reason, wanted=True))
        if verdict is None or verdict.verdict != "proven":
            return Proof(spent=spent)
        if found_line(verdict.quote, line, excerpt.lines) is None:
            return Proof(spent=spent)
        finding = await asyncio.to_thread(self._finding, excerpt, candidate, line)
        return Proof(finding=finding, spent=spent)

    async def ask(self, request: ModelRequest, shape: type[A], ctx: StepContext) -> tuple[A | None, Spent]:
        """The answer, None when it has another shape; raises `OverBudget` in place of asking."""
        name = ctx.step.name
        if refusal := self.allowance.take(name, request.estimate, await _recorded(ctx)):
            raise OverBudget(refusal)
        try:
            answer = await self.reviewer.complete(request, ctx)
            self.allowance.spend(name, answer.spent)
        finally:
            self.allowance.give_back(name)
        return read_answer(answer.text, shape), answer.spent

    def _versions(self, path: str) -> Versions:
        versions = self.change.versions(path)
        assert isinstance(versions, Versions), "skipped files are not asked about"
        return versions

    def _excerpt(self, path: str, part: int) -> Excerpt:
        return excerpts(self._versions(path))[part - 1]

    def _finding(self, excerpt: Excerpt, candidate: Candidate, line: int) -> Finding:
        """At the line of the quoted code when the model named a line near to it, else about the file."""
        versions = self._versions(excerpt.path)
        near = abs(line - candidate.line) <= _NEAR
        try:
            symbol = self.apart.ask(symbol_at, versions, line)
        except NotAnalysed:
            symbol = ""
        return Finding(
            path=excerpt.path,
            line=line if near else 0,
            end_line=line if near else 0,
            severity=candidate.weight,
            rule=f"model/{candidate.category}",
            message=candidate.claim,
            evidence=excerpt.lines[line].strip(),
            symbol=symbol,
            scope="line" if near else "file",
            origin="model",
            preexisting=near and line not in versions.patch.added(),
        )


async def _recorded(ctx: StepContext) -> Recorded:
    spent = await ctx.spent()
    return Recorded(tokens=spent.tokens, cost=float(spent.money))


def cleaned(candidate: C) -> C:
    """What a model wrote may be stored and shown: no credentials, nothing invisible."""
    return candidate.model_copy(
        update={
            "claim": masked(visible(candidate.claim))[:1_000],
            "quote": masked(visible(candidate.quote))[:400],
        }
    )


def _about(excerpt: Excerpt, hints: Sequence[Finding]) -> list[Finding]:
    """Those about a line that is shown, and in the first part those about the file."""
    lines = excerpt.lines
    return [hint for hint in hints if (hint.line in lines if hint.scope == "line" else excerpt.number == 1)]
