"""Calls in other files: asked about together, placed by program, verified like every claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integrations.code_review import Finding, ReviewReport, ScriptedAnswer, ScriptedReviewer, exit_code
from tests.integrations.code_review.repository import Files
from tests.integrations.code_review.reviewing import change, review

pytestmark = pytest.mark.anyio

_BEFORE: Files = {
    "lib.py": "def total(items):\n    return sum(items)\n\n\ndef _hidden(a):\n    return a\n",
    "app.py": "from lib import total\n\n\ndef show(items):\n    print(total(items) + 1)\n",
    "far.py": "from lib import total, _hidden\n\nTEXT = '!'\n_hidden(1)\nSUM = total([1]) + 2\n",
}
_AFTER: Files = {
    "lib.py": "def total(items):\n    return sum(items) or None\n\n\ndef _hidden(a):\n    return -a\n",
    "app.py": "from lib import total\n\n\ndef show(items):\n    print(total(items) + 1, flush=True)\n",
}
_PROVEN = ScriptedAnswer(
    purpose="verify",
    answer={"verdict": "proven", "quote": "return sum(items) or None", "reason": "None + 1 fails"},
)


def _claim(call: int, quote: str, **more: Any) -> dict[str, Any]:
    return {"call": call, "quote": quote, "severity": "high", "category": "bug", "claim": "None + 1"} | more


async def _reviewed(
    tmp_path: Path, *claims: object, after: Files = _AFTER
) -> tuple[ReviewReport, ScriptedReviewer]:
    answer = ScriptedAnswer(purpose="cross", answer={"findings": list(claims)})
    reviewer = ScriptedReviewer([answer, _PROVEN])
    return await review(change(tmp_path, _BEFORE, after, model="scripted"), reviewer=reviewer), reviewer


def _bugs(report: ReviewReport) -> list[Finding]:
    return [one for one in report.findings if one.rule == "model/bug"]


async def test_the_function_is_shown_with_its_calls_elsewhere(tmp_path: Path) -> None:
    _, reviewer = await _reviewed(tmp_path)
    (asked,) = [one.prompt for one in reviewer.requests if one.purpose == "cross"]
    assert "Function total in lib.py" in asked
    assert "     2 + " + "    return sum(items) or None" in asked
    assert "Call 1 in app.py:" in asked
    assert "     5   SUM = total([1]) + 2" in asked
    assert "_hidden in lib.py" not in asked


async def test_a_call_that_the_change_touches_is_where_the_remark_stands(tmp_path: Path) -> None:
    report, _ = await _reviewed(tmp_path, _claim(1, "print(total(items) + 1, flush=True)"))
    (found,) = _bugs(report)
    assert (found.path, found.line, found.scope, found.preexisting) == ("app.py", 5, "line", False)
    assert exit_code(report) == 1


async def test_a_call_that_it_does_not_is_told_at_the_function(tmp_path: Path) -> None:
    report, _ = await _reviewed(tmp_path, _claim(2, "SUM = total([1]) + 2"))
    (found,) = _bugs(report)
    assert (found.path, found.line, found.symbol) == ("lib.py", 1, "total")
    assert found.message == "The call at far.py:5: None + 1"


@pytest.mark.parametrize(
    "claim", [_claim(9, "SUM = total([1]) + 2"), _claim(2, "print(total(items))"), _claim(2, "")]
)
async def test_what_was_not_shown_is_not_even_asked_about(tmp_path: Path, claim: object) -> None:
    report, reviewer = await _reviewed(tmp_path, claim)
    assert (report.dropped.not_in_the_text, _bugs(report)) == (1, [])
    assert "verify" not in {one.purpose for one in reviewer.requests}


async def test_one_file_alone_is_not_asked_about_twice(tmp_path: Path) -> None:
    _, reviewer = await _reviewed(tmp_path, after={"lib.py": _AFTER["lib.py"]})
    assert {one.purpose for one in reviewer.requests} == {"review"}


async def test_functions_that_nobody_else_calls_are_no_question(tmp_path: Path) -> None:
    after: Files = {"app.py": _AFTER["app.py"], "far.py": "TEXT = '?'\n"}
    _, reviewer = await _reviewed(tmp_path, after=after)
    assert {one.purpose for one in reviewer.requests} == {"review"}


async def test_credentials_near_a_call_are_masked(tmp_path: Path) -> None:
    key = "sk_live_" + "aB3dE5gH7jK9mN1pQ2rS4tU6"
    before: Files = {**_BEFORE, "far.py": f"from lib import total\n\nKEY = '{key}'\nSUM = total([1])\n"}
    answer = ScriptedAnswer(purpose="cross", answer={"findings": []})
    reviewer = ScriptedReviewer([answer])
    await review(change(tmp_path, before, _AFTER, model="scripted"), reviewer=reviewer)
    (asked,) = [one.prompt for one in reviewer.requests if one.purpose == "cross"]
    assert "KEY = '***" in asked
    assert key not in asked
