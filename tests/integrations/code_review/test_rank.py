from __future__ import annotations

import pytest

from integrations.code_review.finding import Finding
from integrations.code_review.rank import Ranked, ranked
from integrations.code_review.settings import Settings


def _one(severity: str = "medium", rule: str = "check/x", line: int = 1, **more: object) -> Finding:
    fields = {
        "path": "m.py",
        "line": line,
        "end_line": line,
        "message": "m",
        "severity": severity,
        "rule": rule,
    }
    return Finding.model_validate({**fields, **more})


def _rank(*findings: Finding, **settings: object) -> Ranked:
    return ranked(findings, (), Settings.model_validate(settings), gained={})


def test_the_worst_first_and_what_was_there_last() -> None:
    found = _rank(
        _one("low", line=1), _one("high", line=2, preexisting=True), _one("critical", line=3), _one(line=4)
    )
    assert [one.line for one in found.findings] == [3, 4, 1, 2]


def test_the_cap_and_what_it_hides() -> None:
    found = _rank(*(_one(line=number) for number in range(12)), max_findings=5)
    assert (len(found.findings), found.above_max_findings) == (5, 7)


def test_what_is_settled_leaves_its_place_to_others() -> None:
    findings = [_one("high", line=number, evidence=f"x{number}") for number in range(4)]
    settled = [findings[0].fingerprint, findings[1].short]
    found = ranked(findings, (), Settings(max_findings=1), gained={}, settled=settled)
    assert found.findings == (findings[2],)
    assert (found.settled, found.above_max_findings, found.failing) == (2, 1, 2)
    assert found.found == tuple(one.short for one in findings)


def test_a_dismissed_finding_is_not_told_by_its_double() -> None:
    signal = _one(rule="lint/S602", origin="lint", evidence="a")
    check = _one(rule="check/shell", origin="rules", evidence="b")
    assert ranked([signal, check], (), Settings(), gained={}, settled=[check.short]).findings == ()


def test_what_is_too_mild_or_not_wanted_is_counted() -> None:
    found = _rank(
        _one("note"),
        _one("low", line=2),
        _one(line=3, rule="check/todo"),
        min_severity="low",
        ignore_rules=["todo"],
    )
    assert [one.line for one in found.findings] == [2]
    assert (found.below_min_severity, found.ignored_rules) == (1, 1)


@pytest.mark.parametrize(
    ("fail_on", "failing"), [("critical", 0), ("high", 1), ("medium", 2), ("low", 2), ("note", 2)]
)
def test_what_fails_the_run(fail_on: str, failing: int) -> None:
    found = _rank(_one("high"), _one(line=2), _one("high", line=3, preexisting=True), fail_on=fail_on)
    assert found.failing == failing


def test_what_is_not_shown_fails_the_run_too() -> None:
    found = _rank(*(_one("high", line=number) for number in range(9)), max_findings=1)
    assert (len(found.findings), found.failing) == (1, 9)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_one(rule="check/shell"), _one(rule="lint/S602", origin="lint")),
        (_one(rule="signal/mutable-default", origin="signal"), _one("low", rule="lint/B006", origin="lint")),
        (_one(rule="check/x"), _one("low", rule="check/x")),
        (_one(rule="model/bug", origin="model"), _one(rule="signal/early-exit", origin="signal")),
        (_one(rule="check/shell"), _one(rule="model/security", origin="model")),
        (_one(rule="check/shell"), _one("low", rule="model/security", origin="model")),
        (_one(rule="lint/BLE001", origin="lint"), _one(rule="model/error-handling", origin="model")),
    ],
)
def test_the_same_is_said_once(one: Finding, other: Finding) -> None:
    assert _rank(other, one).findings == (one,)


@pytest.mark.parametrize(
    ("told", "other"),
    [
        (_one("low", rule="model/bug", origin="model"), _one(rule="signal/early-exit", origin="signal")),
        (_one("high", rule="model/security", origin="model"), _one(rule="check/shell")),
        (_one(rule="model/bug", origin="model"), _one(rule="check/shell")),
        (
            _one("high", rule="model/bug", origin="model", preexisting=True),
            _one(rule="signal/early-exit", origin="signal"),
        ),
    ],
)
def test_no_model_talks_a_finding_away(told: Finding, other: Finding) -> None:
    assert other in _rank(told, other).findings
    assert _rank(told, other, fail_on="medium").failing >= 1


def test_different_things_on_one_line_are_both_said() -> None:
    assert len(_rank(_one(subject="a"), _one(subject="b"), _one(rule="check/y")).findings) == 3


def test_what_another_file_gained_was_perhaps_moved() -> None:
    lost = _one(rule="signal/check-lost", origin="signal", subject="validate")
    gained = {"other.py": frozenset({"validate"})}
    (found,) = ranked([lost], (), Settings(), gained=gained).findings
    assert found.severity == "low"
    (same,) = ranked([lost], (), Settings(), gained={"m.py": frozenset({"validate"})}).findings
    assert same.severity == "medium"


def test_a_fingerprint_does_not_depend_on_line_numbers() -> None:
    first, moved = _one(line=1, evidence="x  = 1"), _one(line=9, evidence="x = 1")
    assert first.fingerprint == moved.fingerprint
    assert first.fingerprint != _one(evidence="x = 2").fingerprint
