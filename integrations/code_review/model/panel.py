"""The model's part of a review: one step per question, each claim verified before it is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from integrations.code_review.change_map.model import ChangeMap
from integrations.code_review.fanout import few_at_once, step_name
from integrations.code_review.finding import Finding, Skipped
from integrations.code_review.model.asking import Asking
from integrations.code_review.model.calls import Reached
from integrations.code_review.model.crossing import CrossClaims, Crossing
from integrations.code_review.model.questions import Claims, Proof, Question
from integrations.code_review.model.reviewer import Spent
from integrations.code_review.visible import clipped
from workflows import RetryOptions, WorkflowStep

__all__ = ["Opinions", "Panel"]

_MOST_VERIFIED = 30
_PATIENCE = "10 minutes"
_ONCE: RetryOptions = {"limit": 0, "delay": 0}


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
    """A claim with the step that verifies it."""

    path: str
    rank: int
    step: str
    call: Callable[..., object]
    args: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """Puts the questions about one change to a model."""

    asking: Asking
    crossing: Crossing
    step: WorkflowStep
    retries: RetryOptions

    async def consult(
        self, paths: Sequence[str], hints: Sequence[Finding], change_map: ChangeMap
    ) -> Opinions:
        """Every file in its parts, the calls between files, then every claim.

        A question that fails leaves its file incomplete.
        """
        plan = await self.step.do("plan the questions", self.asking.plan, paths, retries=_ONCE)
        self.asking.allowance.began(plan.before)
        by_path: dict[str, list[Finding]] = {}
        for hint in hints:
            by_path.setdefault(hint.path, []).append(hint)
        answers = await self._ask(plan.questions, by_path)
        reached, crossed = await self._cross(paths, change_map, answers)
        claimed = [*_about_files(self.asking, plan.questions, answers, by_path)]
        claimed += _about_calls(self.crossing, reached, crossed)
        claimed.sort(key=lambda one: one.rank)
        proofs = await few_at_once(claimed[:_MOST_VERIFIED], self._verify, at_once=self._at_once)
        problems = [*plan.left_out, *_problems(plan.questions, answers), *_crossed_problem(reached, crossed)]
        spent = [*(one.spent for one in answers), crossed.spent]
        return _opinions(problems, spent, proofs, unverified=len(claimed[_MOST_VERIFIED:]))

    @property
    def _at_once(self) -> int:
        return self.asking.settings.concurrency

    async def _ask(
        self, questions: Sequence[Question], hints: Mapping[str, Sequence[Finding]]
    ) -> list[Claims]:
        # The first one shows whether the model can be asked at all: without it every file would wait in vain.
        first = [await self._review(question, hints) for question in questions[:1]]
        if first and first[0].unanswered:
            return first * len(questions)
        rest = await few_at_once(
            questions[1:], lambda question: self._review(question, hints), at_once=self._at_once
        )
        return [*first, *rest]

    async def _review(self, question: Question, hints: Mapping[str, Sequence[Finding]]) -> Claims:
        name = step_name("review", question.path, f" part {question.part}")
        try:
            claims = await self.step.do(
                name,
                self.asking.review,
                question.path,
                question.part,
                hints.get(question.path, ()),
                retries=self.retries,
                timeout=_PATIENCE,
            )
        except Exception as error:  # noqa: BLE001 whatever a model or its wire does, the rules' findings are kept
            return Claims(problem=f"the model gave no answer: {clipped(str(error), 300)}", unanswered=True)
        self.asking.allowance.spend(name, claims.spent)
        return claims

    async def _cross(
        self, paths: Sequence[str], change_map: ChangeMap, answers: Sequence[Claims]
    ) -> tuple[tuple[Reached, ...], CrossClaims]:
        """Only when there is more than one file, and a model that answers."""
        if len(paths) < 2 or all(one.unanswered for one in answers):
            return (), CrossClaims()
        reached = await self.step.do("gather calls", self.crossing.gather, change_map, retries=_ONCE)
        if not reached:
            return (), CrossClaims()
        name = "review calls"
        try:
            claims = await self.step.do(
                name, self.crossing.ask, reached, retries=self.retries, timeout=_PATIENCE
            )
        except Exception as error:  # noqa: BLE001 as for the files
            return reached, CrossClaims(problem=f"the model gave no answer: {clipped(str(error), 300)}")
        self.asking.allowance.spend(name, claims.spent)
        return reached, claims

    async def _verify(self, claimed: _Claimed) -> Proof:
        try:
            proof = await self.step.do(
                claimed.step,
                claimed.call,
                *claimed.args,
                retries=self.retries,
                timeout=_PATIENCE,
                result=Proof,
            )
        except Exception as error:  # noqa: BLE001 an unverified claim is not shown, and that is told
            reason = f"a claim could not be verified: {clipped(str(error), 300)}"
            return Proof(problem=Skipped(path=claimed.path, reason=reason, wanted=True))
        self.asking.allowance.spend(claimed.step, proof.spent)
        return proof


def _about_files(
    asking: Asking,
    questions: Sequence[Question],
    answers: Sequence[Claims],
    hints: Mapping[str, Sequence[Finding]],
) -> list[_Claimed]:
    return [
        _Claimed(
            question.path,
            candidate.weight.rank,
            step_name("verify", question.path, f" part {question.part} claim {number}"),
            asking.verify,
            (question.path, question.part, candidate, hints.get(question.path, ())),
        )
        for question, claims in zip(questions, answers, strict=True)
        for number, candidate in enumerate(claims.candidates, 1)
    ]


def _about_calls(crossing: Crossing, reached: Sequence[Reached], crossed: CrossClaims) -> list[_Claimed]:
    path = reached[0].function.path if reached else ""
    return [
        _Claimed(path, claim.weight.rank, f"verify calls claim {number}", crossing.verify, (reached, claim))
        for number, claim in enumerate(crossed.claims, 1)
    ]


def _problems(questions: Sequence[Question], answers: Sequence[Claims]) -> list[Skipped]:
    return [
        Skipped(path=question.path, reason=claims.problem, wanted=True)
        for question, claims in zip(questions, answers, strict=True)
        if claims.problem
    ]


def _crossed_problem(reached: Sequence[Reached], crossed: CrossClaims) -> list[Skipped]:
    if not crossed.problem:
        return []
    paths = dict.fromkeys(one.function.path for one in reached)
    return [Skipped(path=path, reason=crossed.problem, wanted=True) for path in paths]


def _opinions(
    problems: Sequence[Skipped], spent: Sequence[Spent], proofs: Sequence[Proof], *, unverified: int
) -> Opinions:
    total = Spent()
    for cost in (*spent, *(one.spent for one in proofs)):
        total = total.plus(cost)
    unproven = [proof.problem for proof in proofs if proof.problem is not None]
    findings = tuple(proof.finding for proof in proofs if proof.finding is not None)
    absent = sum(1 for proof in proofs if not proof.in_text)
    return Opinions(
        findings=findings,
        spent=total,
        incomplete=tuple(dict.fromkeys([*problems, *unproven])),
        not_proven=len(proofs) - len(findings) - absent - len(unproven) + unverified,
        not_in_the_text=absent,
    )
