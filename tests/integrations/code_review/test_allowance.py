"""What a review may spend: in tokens, and in money."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from integrations.code_review import (
    CodeReview,
    ModelAnswer,
    ModelRequest,
    ReviewEnv,
    ScriptedReviewer,
    Spent,
    exit_code,
)
from integrations.code_review.model.allowance import Allowance, Recorded
from integrations.code_review.settings import Settings
from tests.integrations.code_review.reviewing import APART, change, review
from workflows import Engine, StepContext

_FILES = {f"m{number}.py": f"x = {number}\n" for number in range(6)}


def _spent(tokens: int, cost: float = 0.0, unpriced: int = 0) -> Spent:
    return Spent(requests=1, input_tokens=tokens, cost=cost, unpriced=unpriced)


def test_what_is_under_way_counts_as_it_was_estimated_until_it_has_ended() -> None:
    allowance = Allowance(tokens=100, cost=None)
    assert allowance.take("a", 60, Recorded()) == ""
    assert "over budget_tokens (100): 60 are used" in allowance.take("b", 60, Recorded())
    allowance.spend("a", _spent(30))
    assert allowance.take("b", 60, Recorded()) == ""
    allowance.give_back("b")
    assert allowance.take("c", 70, Recorded()) == ""


def test_a_question_is_counted_once_however_often_it_is_told() -> None:
    allowance = Allowance(tokens=100, cost=None)
    for _ in range(3):
        allowance.spend("a", _spent(40))
    assert allowance.spent.input_tokens == 40


def test_money_is_expected_to_go_as_it_went() -> None:
    allowance = Allowance(tokens=10_000, cost=1.0)
    allowance.spend("a", _spent(1_000, cost=0.4))
    assert allowance.take("b", 1_000, Recorded()) == ""
    assert "over budget_cost ($1): $0.4000 are spent" in allowance.take("c", 1_000, Recorded())


def test_a_limit_in_money_is_not_held_by_guessing() -> None:
    allowance = Allowance(tokens=10_000, cost=1.0)
    assert allowance.take("a", 10, Recorded()) == ""
    allowance.spend("a", _spent(10, unpriced=1))
    assert "nobody knows what this model costs" in allowance.take("b", 10, Recorded())


def test_what_the_run_has_recorded_counts_from_the_first_question_on() -> None:
    """A failed attempt, or one of a process that was killed, is in no answer."""
    allowance = Allowance(tokens=100, cost=None)
    allowance.began(Recorded(tokens=1_000))
    assert allowance.take("a", 50, Recorded(tokens=1_040)) == ""
    assert "90 are used" in allowance.take("b", 50, Recorded(tokens=1_040))


def test_so_does_money() -> None:
    allowance = Allowance(tokens=10_000, cost=1.0)
    allowance.began(Recorded(tokens=1_000, cost=5.0))
    assert allowance.take("a", 50, Recorded(tokens=1_100, cost=5.4)) == ""
    assert "$0.9000 are spent" in allowance.take("b", 50, Recorded(tokens=1_100, cost=5.9))


class _Costing:
    """Finds nothing, at a price; knows how many asked at once."""

    model = "scripted"

    def __init__(self, spent: Spent) -> None:
        self._spent = spent
        self.asked: list[str] = []
        self.most = self._now = 0

    async def complete(self, request: ModelRequest, ctx: StepContext) -> ModelAnswer:
        self.asked.append(request.path)
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(0.01)
        self._now -= 1
        answer = await ScriptedReviewer().complete(request, ctx)
        return answer.model_copy(update={"spent": self._spent})


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("settings", "spent", "words"),
    [
        ("budget_cost = 1.0", _spent(1_500, cost=0.4), "over budget_cost"),
        ("budget_cost = 1.0", _spent(1_500, unpriced=1), "nobody knows"),
        ("budget_tokens = 20000", _spent(15_000, cost=0.1), "over budget_tokens"),
    ],
)
async def test_what_the_budget_forbids_is_listed_and_the_review_incomplete(
    tmp_path: Path, settings: str, spent: Spent, words: str
) -> None:
    reviewer = _Costing(spent)
    before = {".codereview.toml": f"{settings}\nconcurrency = 1\n"}
    report = await review(change(tmp_path, before, _FILES, model="scripted"), reviewer=reviewer)
    left = {one.path: one.reason for one in report.incomplete}
    assert 1 <= len(reviewer.asked) < len(_FILES)
    assert left.keys() == _FILES.keys() - set(reviewer.asked)
    assert all(words in reason for reason in left.values())
    assert (report.usage.requests, exit_code(report)) == (len(reviewer.asked), 3)


class _Telling(_Costing):
    """Tells the engine what it spends, as a language model does."""

    async def complete(self, request: ModelRequest, ctx: StepContext) -> ModelAnswer:
        answer = await super().complete(request, ctx)
        await ctx.spend(tokens=answer.spent.input_tokens)
        return answer


@pytest.mark.anyio
async def test_a_review_that_begins_anew_has_its_whole_budget(tmp_path: Path) -> None:
    """The engine goes on counting over a restart."""
    reviewer = _Telling(_spent(9_000))
    before = {".codereview.toml": "budget_tokens = 10000\n"}
    subject = change(tmp_path, before, {"m.py": "x = 1\n"}, model="scripted")
    async with Engine(":memory:", [CodeReview], env=ReviewEnv(reviewer, apart=APART)) as engine:
        instance = await engine.workflow(CodeReview).create(id=subject.workflow_id, params=subject)
        await instance.result()
        await instance.restart()
        assert (await instance.result()).incomplete == ()
        assert (await instance.status()).usage.tokens == 18_000
    assert reviewer.asked == ["m.py", "m.py"]


@pytest.mark.anyio
@pytest.mark.parametrize("at_once", [1, 3])
async def test_so_many_are_asked_at_once(tmp_path: Path, at_once: int) -> None:
    reviewer = _Costing(_spent(10))
    before = {".codereview.toml": f"concurrency = {at_once}\n"}
    await review(change(tmp_path, before, _FILES, model="scripted"), reviewer=reviewer)
    assert (len(reviewer.asked), reviewer.most) == (len(_FILES), at_once)


@pytest.mark.parametrize("cost", [0, -1, float("inf"), float("nan")])
def test_a_budget_is_more_than_nothing(cost: float) -> None:
    with pytest.raises(ValueError, match="budget_cost"):
        Settings.model_validate({"budget_cost": cost})
