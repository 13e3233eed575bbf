from __future__ import annotations

from textwrap import indent

import pytest

from integrations.code_review.finding import Severity
from integrations.code_review.signals.compare import compare_file
from tests.integrations.code_review.cases import Case, cases
from tests.integrations.code_review.snippets import signals, versions

REFACTORINGS = cases("refactorings")


@pytest.mark.parametrize("case", cases("questions"), ids=str)
def test_what_was_lost_or_turned_round_is_asked_about(case: Case) -> None:
    rule, severity, line = case.title.split()
    found = {one.rule.removeprefix("signal/"): one for one in signals(case.old, case.new)}
    assert rule in found
    assert (found[rule].severity, found[rule].line) == (severity, int(line))
    assert found[rule].message.endswith("?")


@pytest.mark.parametrize("case", REFACTORINGS, ids=str)
def test_nothing_is_asked_about_a_refactoring(case: Case) -> None:
    assert [(one.rule, one.message) for one in signals(case.old, case.new)] == []


@pytest.mark.parametrize("case", REFACTORINGS, ids=str)
def test_nothing_likely_wrong_is_seen_in_a_refactoring_undone(case: Case) -> None:
    loud = [one for one in signals(case.new, case.old) if one.severity.at_least(Severity.MEDIUM)]
    expected = case.title in {"add validation", "wrap in try", "wrap value"}
    assert bool(loud) <= expected, loud


@pytest.mark.parametrize("case", cases("questions"), ids=str)
def test_the_same_text_twice_asks_nothing(case: Case) -> None:
    moved = f"x = 1\n\n\n{case.old}"
    assert signals(case.old, moved) == ()


def test_signals_are_questions_never_verdicts() -> None:
    for case in cases("questions"):
        for one in signals(case.old, case.new):
            assert one.severity not in (Severity.CRITICAL, Severity.HIGH)
            assert "bug" not in one.message.lower()


def test_in_tests_only_what_is_likely_wrong_is_mentioned() -> None:
    old = "def test_a(x):\n    if x.ok and x.ready:\n        go(x, limit=3)\n"
    new = "def test_a(x):\n    if x.ok:\n        go(x, limit=4)\n"
    (found,) = signals(old, new, "tests/test_a.py")
    assert (found.rule, found.severity) == ("signal/operand-lost", "low")


def test_the_same_question_about_several_functions_is_asked_once() -> None:
    old = "".join(f"def f{n}(timeout=3):\n    go(timeout)\n\n\n" for n in range(3))
    (found,) = signals(old, old.replace("timeout=3", "timeout=4"))
    assert "The same in `f1` (line 5), `f2` (line 9)." in found.message


def test_what_is_not_python_is_told() -> None:
    assert compare_file(versions("a: 1\n", "a: 2\n", "x.yml")).unseen.startswith("not Python")


def test_what_does_not_parse_is_told() -> None:
    assert "line 2 does not parse" in compare_file(versions("x = 1\n", "x = 1\nif:\n")).unseen


def test_a_function_that_moved_out_of_a_class_is_found_again() -> None:
    old = "class A:\n    def f(self, x):\n        check(x)\n        y = x + 1\n        return y\n"
    new = "def f(x):\n    check(x)\n    y = x + 1\n    return y\n"
    assert signals(old, new) == ()


def test_a_long_function_that_left_its_lock_is_still_compared() -> None:
    body = "".join(f"step_{number}(x)\n" for number in range(120))
    old = "def f(self, x):\n    with self.lock:\n" + indent(body, " " * 8)
    (found,) = signals(old, "def f(self, x):\n" + indent(body, " " * 4))
    assert (found.rule, found.line) == ("signal/context-lost", 2)
