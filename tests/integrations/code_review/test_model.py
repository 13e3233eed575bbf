from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.code_review import (
    ModelAnswer,
    ModelRequest,
    ReviewError,
    ReviewReport,
    ScriptedAnswer,
    ScriptedReviewer,
    exit_code,
)
from tests.integrations.code_review.reviewing import change, review, rules
from workflows import NonRetryableError, StepContext

pytestmark = pytest.mark.anyio

_OLD = "def f(a):\n    return a\n\n\ndef g(b):\n    return b\n"
_NEW = "def f(a):\n    return a / len(a)\n\n\ndef g(b):\n    return b\n"
_CLAIM = {
    "line": 2,
    "quote": "return a / len(a)",
    "severity": "high",
    "category": "bug",
    "claim": "empty: divides by 0",
}
_PROVEN = ScriptedAnswer(
    purpose="verify", answer={"verdict": "proven", "quote": "return a / len(a)", "reason": "len may be 0"}
)


def _claims(*claims: object) -> ScriptedAnswer:
    return ScriptedAnswer(purpose="review", path="m.py", answer={"findings": list(claims)})


async def _reviewed(tmp_path: Path, *answers: ScriptedAnswer, new: str = _NEW) -> ReviewReport:
    subject = change(tmp_path, {"m.py": _OLD}, {"m.py": new}, model="scripted")
    return await review(subject, reviewer=ScriptedReviewer(answers))


async def test_a_proven_claim_is_a_finding(tmp_path: Path) -> None:
    report = await _reviewed(tmp_path, _claims(_CLAIM), _PROVEN)
    assert rules(report)["model/bug"] == 2
    assert (report.mode, report.model, report.usage.requests) == ("llm", "scripted", 2)
    assert exit_code(report) == 1


@pytest.mark.parametrize(
    "verdict",
    [
        {"verdict": "not proven", "quote": "", "reason": "a is never empty"},
        {"verdict": "proven", "quote": "return a // len(a)", "reason": "code that is not there"},
        {"verdict": "proven", "quote": "", "reason": "nothing is quoted"},
        "I think so",
    ],
)
async def test_what_is_not_proven_is_dropped_and_counted(tmp_path: Path, verdict: object) -> None:
    report = await _reviewed(tmp_path, _claims(_CLAIM), ScriptedAnswer(purpose="verify", answer=verdict))
    assert "model/bug" not in rules(report)
    assert report.dropped.not_proven == 1


async def test_code_that_is_not_there_is_not_even_asked_about(tmp_path: Path) -> None:
    report = await _reviewed(tmp_path, _claims({**_CLAIM, "quote": "return a * 2"}), _PROVEN)
    assert (report.dropped.not_in_the_text, report.usage.requests) == (1, 1)


@pytest.mark.parametrize(
    ("line", "scope"), [(2, "line"), (5, "line"), (6, "file"), (900, "file"), (-3, "file")]
)
async def test_lines_are_placed_by_the_quoted_code(tmp_path: Path, line: int, scope: str) -> None:
    report = await _reviewed(tmp_path, _claims({**_CLAIM, "line": line}), _PROVEN)
    (found,) = [one for one in report.findings if one.rule == "model/bug"]
    assert (found.line, found.scope) == (2, scope)


async def test_the_place_in_the_code_is_a_part_of_a_finding(tmp_path: Path) -> None:
    """Not its line: so it is known again when other lines come above it."""
    first = await _reviewed(tmp_path / "1", _claims(_CLAIM), _PROVEN)
    moved = await _reviewed(tmp_path / "2", _claims({**_CLAIM, "line": 4}), _PROVEN, new=f"y = 1\n\n{_NEW}")
    (one,), (other,) = ([f for f in report.findings if f.rule == "model/bug"] for report in (first, moved))
    assert (one.symbol, one.line, other.line) == ("f", 2, 4)
    assert one.fingerprint == other.fingerprint


async def test_reviewer_and_verifier_are_given_the_signals_of_what_they_see(tmp_path: Path) -> None:
    old = "def f(a):\n    if a and a.b:\n        g()\n"
    new = "def f(a):\n    if a:\n        g()\n"
    claim = {**_CLAIM, "quote": "if a:"}
    reviewer = ScriptedReviewer([_claims(claim)])
    await review(change(tmp_path, {"m.py": old}, {"m.py": new}, model="scripted"), reviewer=reviewer)
    assert [one.purpose for one in reviewer.requests] == ["review", "verify"]
    for request in reviewer.requests:
        assert "line 2: `a.b` is no longer asked for" in request.prompt


async def test_a_verification_knows_nothing_of_what_was_said(tmp_path: Path) -> None:
    settings = {".codereview.toml": '[rules]\n"*.py" = "Money is in cents."\n'}
    reviewer = ScriptedReviewer([_claims(_CLAIM, {**_CLAIM, "claim": "another claim"})])
    files = {"m.py": _OLD, **settings}
    await review(change(tmp_path, files, {"m.py": _NEW}, model="scripted"), reviewer=reviewer)
    first, second = [one for one in reviewer.requests if one.purpose == "verify"]
    assert "another claim" not in first.prompt
    assert "divides by 0" not in second.prompt
    assert "Money is in cents." not in first.instructions


async def test_what_was_there_before_is_marked_and_does_not_fail_the_run(tmp_path: Path) -> None:
    claim = {**_CLAIM, "line": 5, "quote": "def g(b):"}
    proof = ScriptedAnswer(
        purpose="verify", answer={"verdict": "proven", "quote": "def g(b):", "reason": "r"}
    )
    report = await _reviewed(tmp_path, _claims(claim), proof)
    (found,) = [one for one in report.findings if one.rule == "model/bug"]
    assert (found.preexisting, exit_code(report)) == (True, 0)


async def test_an_answer_that_is_none_makes_the_review_incomplete(tmp_path: Path) -> None:
    report = await _reviewed(tmp_path, ScriptedAnswer(purpose="review", answer="Looks good to me!"))
    assert "not of the shape" in report.incomplete[0].reason
    assert exit_code(report) == 3


async def test_credentials_in_an_answer_are_masked(tmp_path: Path) -> None:
    key = "ghp_" + "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3"
    report = await _reviewed(tmp_path, _claims({**_CLAIM, "claim": f"use {key}\u202e"}), _PROVEN)
    assert key not in report.model_dump_json()
    assert "\\u202e" in next(one.message for one in report.findings if one.rule == "model/bug")


class _Failing:
    """Fails where `when` says so."""

    model = "scripted"

    def __init__(self, when: Callable[[ModelRequest], bool]) -> None:
        self.asked: list[str] = []
        self._when = when

    async def complete(self, request: ModelRequest, ctx: StepContext) -> ModelAnswer:
        self.asked.append(request.path)
        if self._when(request):
            raise NonRetryableError("no model at 127.0.0.1:9")
        return await ScriptedReviewer().complete(request, ctx)


async def test_a_model_that_cannot_be_reached_is_asked_once(tmp_path: Path) -> None:
    files = {f"m{number}.py": "eval(x)\n" for number in range(5)}
    reviewer = _Failing(lambda _: True)
    report = await review(change(tmp_path, {}, files, model="scripted"), reviewer=reviewer)
    assert len(reviewer.asked) == 1
    assert len(report.incomplete) == 5
    assert "no model at 127.0.0.1:9" in report.incomplete[0].reason
    assert rules(report)["check/eval"] == 1
    assert exit_code(report) == 3


async def test_one_question_that_fails_leaves_the_others(tmp_path: Path) -> None:
    files = {f"m{number}.py": f"x = {number}\n" for number in range(5)}
    reviewer = _Failing(lambda request: request.path == "m3.py")
    report = await review(change(tmp_path, {}, files, model="scripted"), reviewer=reviewer)
    assert sorted(reviewer.asked) == sorted(files)
    assert [one.path for one in report.incomplete] == ["m3.py"]


async def test_what_is_over_the_budget_is_listed(tmp_path: Path) -> None:
    before = {".codereview.toml": "budget_tokens = 5000\n"}
    files = {f"m{number}.py": "x = 1\n" for number in range(4)}
    reviewer = ScriptedReviewer()
    report = await review(change(tmp_path, before, files, model="scripted"), reviewer=reviewer)
    assert len(reviewer.requests) == 2
    assert [one.path for one in report.incomplete] == ["m2.py", "m3.py"]
    assert "over budget_tokens" in report.incomplete[0].reason


async def test_a_script_can_be_kept_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text(
        '[{"purpose": "review", "path": "m.py", "answer": {"findings": []}}]'
    )
    (tmp_path / "wrong.json").write_text('[{"purpose": "guess", "answer": 1}]')
    subject = change(tmp_path / "repo", {"m.py": _OLD}, {"m.py": _NEW}, model="scripted")
    report = await review(subject, reviewer=ScriptedReviewer.from_file(tmp_path / "answers.json"))
    assert report.incomplete == ()
    with pytest.raises(ReviewError, match="is no script of answers"):
        ScriptedReviewer.from_file(tmp_path / "wrong.json")
