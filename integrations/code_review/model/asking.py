"""One question to a model, as one step: the file is read, the model asked, its words checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from integrations.code_review.anchor import found_line
from integrations.code_review.change import Change, Versions
from integrations.code_review.finding import Finding, Skipped, Visible
from integrations.code_review.model.answers import Candidate, ReviewAnswer, VerifyAnswer, read_answer
from integrations.code_review.model.prompt import Excerpt, excerpts, review_request, verify_request
from integrations.code_review.model.reviewer import Reviewer, Spent
from integrations.code_review.secrets.finder import masked
from integrations.code_review.settings import Settings
from integrations.code_review.visible import visible
from workflows import StepContext

__all__ = ["Asking", "Claims", "Plan", "Proof", "Question"]

_MOST_CLAIMS = 10
_CHARACTERS_PER_TOKEN = 3
_TOKENS_PER_QUESTION = 2_000


class Claims(BaseModel):
    """What a model claims about one excerpt; `problem` says why its answer could not be used."""

    model_config = ConfigDict(frozen=True)

    candidates: tuple[Candidate, ...] = ()
    spent: Spent = Spent()
    problem: Visible = ""
    unanswered: bool = False
    """The model could not be asked."""


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


class Proof(BaseModel):
    """Whether a claim was proven, and its finding when it was."""

    model_config = ConfigDict(frozen=True)

    finding: Finding | None = None
    in_text: bool = True
    """The quoted code occurs in the new text."""
    spent: Spent = Spent()
    problem: Skipped | None = None
    """Why it could not be verified."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks about one change; each method is the callback of a step."""

    change: Change
    reviewer: Reviewer
    settings: Settings

    def plan(self, paths: Sequence[str]) -> Plan:
        """The questions that fit into `budget_tokens`, in the order of the files.

        Estimated before anything is asked, so that the plan is the same after a crash.
        """
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
        excerpt = self._excerpt(path, part)
        request = review_request(
            excerpt, hints=hints, words=self.settings.words_for(path), language=self.settings.language
        )
        answer = await self.reviewer.complete(request, ctx)
        read = read_answer(answer.text, ReviewAnswer)
        if read is None:
            return Claims(
                spent=answer.spent, problem="the model's answer was not of the shape that was asked for"
            )
        shown = tuple(_shown(candidate) for candidate in read.findings[:_MOST_CLAIMS])
        return Claims(candidates=shown, spent=answer.spent)

    async def verify(self, path: str, part: int, candidate: Candidate, ctx: StepContext) -> Proof:
        """Whether a fresh look proves the claim. What is not in the text is not asked about."""
        versions = self._versions(path)
        text = versions.new_lines()
        line = found_line(candidate.quote, candidate.line, text)
        if line is None:
            return Proof(in_text=False)
        request = verify_request(self._excerpt(path, part), candidate, language=self.settings.language)
        answer = await self.reviewer.complete(request, ctx)
        verdict = read_answer(answer.text, VerifyAnswer)
        if verdict is None or verdict.verdict != "proven" or found_line(verdict.quote, line, text) is None:
            return Proof(spent=answer.spent)
        return Proof(finding=_finding(versions, candidate, line), spent=answer.spent)

    def _versions(self, path: str) -> Versions:
        versions = self.change.versions(path)
        assert isinstance(versions, Versions), "skipped files are not asked about"
        return versions

    def _excerpt(self, path: str, part: int) -> Excerpt:
        return excerpts(self._versions(path))[part - 1]


def _finding(versions: Versions, candidate: Candidate, line: int) -> Finding:
    """At the line of the quoted code when the model named a line near to it, else about the file."""
    near = abs(line - candidate.line) <= 3
    return Finding(
        path=versions.path,
        line=line if near else 0,
        end_line=line if near else 0,
        severity=candidate.weight,
        rule=f"model/{candidate.category}",
        message=candidate.claim,
        evidence=versions.new_lines()[line].strip(),
        scope="line" if near else "file",
        origin="model",
        preexisting=near and line not in versions.patch.added(),
    )


def _shown(candidate: Candidate) -> Candidate:
    """What a model wrote may be stored and shown: no credentials, nothing invisible."""
    return candidate.model_copy(
        update={
            "claim": masked(visible(candidate.claim))[:1_000],
            "quote": masked(visible(candidate.quote))[:400],
        }
    )
