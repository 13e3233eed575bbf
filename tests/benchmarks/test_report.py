"""What is shown of a figure."""

from __future__ import annotations

import re

import pytest

from benchmarks.asked import Asked, Question
from benchmarks.figures import Answer, Goal, at_least, at_most, ratios
from benchmarks.report import Answered, Report

QUESTION = Question("speed", "How fast?", lambda _: Answer())


def test_the_median_of_the_rounds_counts() -> None:
    answer = Answer()
    figure = answer.add("steps", "Perdure", "/s", [1_200.0, 9_000.0, 1_000.0], at_least(1_100))
    assert (figure.value, figure.met) == (1_200, True)
    table = Answered(QUESTION, answer, 3.4).table().splitlines()
    assert table[0] == "speed: How fast? (3 s)"
    row = re.split("  +", table[2].strip())
    assert row == ["steps", "Perdure", "1,200 /s", "1,000 to 9,000", "≥ 1,100: met"]


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [(at_least(2), 2, True), (at_least(2), 1.9, False), (at_most(2), 2, True), (at_most(2), 2.1, False)],
)
def test_a_goal_is_met_or_missed(goal: Goal, value: float, *, met: bool) -> None:
    assert goal.met(value) is met


def test_ratios_are_of_one_round_each() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]


def test_a_page_tells_the_command_the_versions_and_who_was_left_out() -> None:
    answer = Answer(remarks=["A remark."], versions={"DBOS": "3.4.0"})
    answer.add("a|b", "Perdure", "ms", 0.1234)
    page = Report("python -m benchmarks", {"SQLite": "3.51"}, [Answered(QUESTION, answer, 1.0)]).as_markdown()
    assert "\npython -m benchmarks\n" in page
    assert "| SQLite | 3.51 |\n| DBOS | 3.4.0 |\n" in page
    assert "| a\\|b | Perdure | 0.123 ms |  |  |\n\n- A remark.\n" in page


def test_the_command_line_may_change_the_sizes() -> None:
    asked = Asked(lambda _: None, rounds=None, count=None, quick=True)
    assert (asked.times(5), asked.many(1_000, 10), asked.size(2.0, 0.1)) == (1, 10, 0.1)
    asked = Asked(lambda _: None, rounds=3, count=7, quick=False)
    assert (asked.times(5), asked.many(1_000, 10), asked.size(2.0, 0.1)) == (3, 7, 2.0)
