"""The model's part of a review: one step per question, each claim verified before it is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from integrations.code_review.change import Change
from integrations.code_review.fanout import few_at_once, step_name
from integrations.code_review.finding import Finding, Skipped
from integrations.code_review.model.answers import Candidate
from integrations.code_review.model.asking import Asking, Claims, Plan, Proof, Question
from integrations.code_review.model.reviewer import Reviewer, Spent
from integrations.code_review.settings import Settings
from integrations.code_review.visible import clipped
from workflows import RetryOptions, WorkflowStep

__all__ = ["Opinions", "Panel"]

_AT_ONCE = 4
_MOST_VERIFIED = 30
_PATIENCE = "10 minutes"


@dataclass(frozen=True, slots=True)
class Opinions:
    """What a model found, and what it did not get to see."""

    findings: tuple[Finding, ...] = ()
    spent: Spent = field(default_factory=Spent)
    incomplete: tuple[Skipped, ...] = ()
    not_proven: int = 0
    not_in_the_text: int = 0


@dataclass(frozen=True, slots=True)
class _Claimed:
    question: Question
    number: int
    candidate: Candidate


class Panel:
    """Asks a model about the files of one change."""

    def __init__(
        self,
        change: Change,
        reviewer: Reviewer,
        settings: Settings,
        step: WorkflowStep,
        retries: RetryOptions,
    ) -> None:
        self._asking = Asking(change, reviewer, settings)
        self._step = step
        self._retries = retries

    async def consult(self, paths: Sequence[str], hints: Sequence[Finding]) -> Opinions:
        """Every file in its parts, then every claim; a question that fails leaves its file incomplete."""
        plan = await self._step.do(
            "plan the questions", self._asking.plan, paths, retries={"limit": 0, "delay": 0}
        )
        by_path: dict[str, list[Finding]] = {}
        for hint in hints:
            by_path.setdefault(hint.path, []).append(hint)
        answers = await self._ask(plan.questions, by_path)
        claimed = [
            _Claimed(question, number, candidate)
            for question, claims in zip(plan.questions, answers, strict=True)
            for number, candidate in enumerate(claims.candidates, 1)
        ]
        claimed.sort(key=lambda one: one.candidate.weight.rank)
        proofs = await few_at_once(claimed[:_MOST_VERIFIED], self._verify, at_once=_AT_ONCE)
        return _opinions(plan, answers, proofs, unverified=len(claimed[_MOST_VERIFIED:]))

    async def _ask(
        self, questions: Sequence[Question], hints: Mapping[str, Sequence[Finding]]
    ) -> list[Claims]:
        # The first one shows whether the model can be asked at all: without it every file would wait in vain.
        first = [await self._review(question, hints) for question in questions[:1]]
        if first and first[0].unanswered:
            return first * len(questions)
        rest = await few_at_once(
            questions[1:], lambda question: self._review(question, hints), at_once=_AT_ONCE
        )
        return [*first, *rest]

    async def _review(self, question: Question, hints: Mapping[str, Sequence[Finding]]) -> Claims:
        try:
            return await self._step.do(
                step_name("review", question.path, f" part {question.part}"),
                self._asking.review,
                question.path,
                question.part,
                hints.get(question.path, ()),
                retries=self._retries,
                timeout=_PATIENCE,
            )
        except Exception as error:  # noqa: BLE001 whatever a model or its wire does, the rules' findings are kept
            return Claims(problem=f"the model gave no answer: {clipped(str(error), 300)}", unanswered=True)

    async def _verify(self, claimed: _Claimed) -> Proof:
        question = claimed.question
        try:
            return await self._step.do(
                step_name("verify", question.path, f" part {question.part} claim {claimed.number}"),
                self._asking.verify,
                question.path,
                question.part,
                claimed.candidate,
                retries=self._retries,
                timeout=_PATIENCE,
            )
        except Exception as error:  # noqa: BLE001 an unverified claim is not shown, and that is told
            reason = f"a claim could not be verified: {clipped(str(error), 300)}"
            return Proof(problem=Skipped(path=question.path, reason=reason, wanted=True))


def _opinions(plan: Plan, answers: Sequence[Claims], proofs: Sequence[Proof], *, unverified: int) -> Opinions:
    spent = Spent()
    for cost in (*(one.spent for one in answers), *(one.spent for one in proofs)):
        spent = spent.plus(cost)
    problems = [
        Skipped(path=question.path, reason=claims.problem, wanted=True)
        for question, claims in zip(plan.questions, answers, strict=True)
        if claims.problem
    ]
    problems += [proof.problem for proof in proofs if proof.problem is not None]
    findings = tuple(proof.finding for proof in proofs if proof.finding is not None)
    absent = sum(1 for proof in proofs if not proof.in_text)
    failed = sum(1 for proof in proofs if proof.problem is not None)
    return Opinions(
        findings=findings,
        spent=spent,
        incomplete=(*plan.left_out, *dict.fromkeys(problems)),
        not_proven=len(proofs) - len(findings) - absent - failed + unverified,
        not_in_the_text=absent,
    )
