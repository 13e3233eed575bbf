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


_ASKED = "def f(u):\n    if u and u.active:\n        return go(u)\n"
_NOT_ASKED = "def f(u):\n    if u:\n        return go(u)\n"


def loud(old: str, new: str) -> list[tuple[str, str]]:
    found = signals(old, new)
    return [(one.symbol, one.rule.removeprefix("signal/")) for one in found if one.severity == "medium"]


def quiet(old: str, new: str) -> set[tuple[str, str]]:
    found = signals(old, new)
    return {(one.symbol, one.rule.removeprefix("signal/")) for one in found if one.severity == "low"}


@pytest.mark.parametrize(("others", "is_loud"), [(3, True), (4, False)])
def test_a_loss_in_a_sweeping_change_is_asked_about_quietly(others: int, is_loud: bool) -> None:
    before = "".join(f"def g{n}(x):\n    return x + {n}\n" for n in range(others))
    after = before.replace("return x", "return 2 * x")
    assert (("f", "operand-lost") in loud(_ASKED + before, _NOT_ASKED + after)) == is_loud
    assert (("f", "operand-lost") in quiet(_ASKED + before, _NOT_ASKED + after)) != is_loud


def test_a_loss_in_a_function_that_got_something_is_asked_about_quietly() -> None:
    new = _NOT_ASKED.replace("    if u:", "    note(u)\n    if u:")
    assert (loud(_ASKED, new), quiet(_ASKED, new)) == ([], {("f", "operand-lost")})


def test_a_condition_that_went_with_other_statements_is_asked_about_quietly() -> None:
    new = "def f(a):\n    a.save()\n    return a\n"
    old = "def f(a):\n    if a.dirty:\n        a.save()\n    return a\n"
    assert loud(old, new) == [("f", "condition-removed")]
    more = old.replace("    return a", "    note(a)\n    tell(a)\n    return a")
    assert ("f", "condition-removed") in quiet(more, new)


def test_a_wrapper_that_went_while_much_else_changed_is_asked_about_quietly() -> None:
    kept = "".join(f"    step_{n}(x, {n})\n" for n in range(8))
    old = f"def f(x):\n    save(escape(x))\n{kept}"
    new = f"def f(x):\n    save(x)\n{kept}"
    assert loud(old, new) == [("f", "wrapper-lost")]
    for n in range(4):
        new = new.replace(f"(x, {n})", f"(x, y, {n})")
    assert loud(old, new) == []
    assert ("f", "wrapper-lost") in quiet(old, new)


def test_what_went_from_everywhere_was_dropped_and_not_forgotten() -> None:
    functions = [
        "def f(self):\n    if self.frozen:\n        return None\n    return self.go()\n",
        "def g(self):\n    self.frozen = True\n    self.go()\n",
        "def h(self):\n    self.go(self.frozen)\n",
    ]
    after = "def f(self):\n    return self.go()\ndef g(self):\n    self.go()\ndef h(self):\n    self.go()\n"
    assert loud("".join(functions), after) == []
    still = after.replace("self.go()\ndef h", "self.go(self.frozen)\ndef h")
    assert ("f", "branch-lost") in loud("".join(functions), still)


def test_what_another_function_came_to_do_was_moved() -> None:
    old = "def f(self):\n    self.go()\n    self.port = None\ndef g(self):\n    self.go()\n"
    gone = "def f(self):\n    self.go()\ndef g(self):\n    self.go()\n"
    moved = f"{gone}    self.port = None\n"
    assert loud(old, gone) == [("f", "effect-lost")]
    assert (loud(old, moved), ("f", "effect-lost") in quiet(old, moved)) == ([], True)


def test_one_question_about_a_function_is_loud() -> None:
    old = "def f(s):\n    s.go()\n    s.port = None\n    s.stay()\n    s.rest()\n    s.host = None\n"
    new = "def f(s):\n    s.go()\n    s.stay()\n    s.rest()\n"
    assert loud(old, new) == [("f", "effect-lost")]
    assert [one.severity for one in signals(old, new)] == ["medium", "low"]


def test_losses_in_three_functions_at_once_are_a_redesign() -> None:
    old = [f"def f{n}(self):\n    self.go()\n    self.port{n} = None\n" for n in range(3)]
    new = [f"def f{n}(self):\n    self.go()\n" for n in range(3)]
    assert loud("".join(old[:2]), "".join(new[:2])) == [("f0", "effect-lost"), ("f1", "effect-lost")]
    assert loud("".join(old), "".join(new)) == []


def test_what_went_with_the_branch_around_it_is_not_asked_about_by_itself() -> None:
    old = "def f(s):\n    go()\n    if s.open:\n        if s.port:\n            s.port = None\n"
    assert [one.rule for one in signals(old, "def f(s):\n    go()\n")].count("signal/branch-lost") == 1
    assert "signal/effect-lost" not in {one.rule for one in signals(old, "def f(s):\n    go()\n")}
