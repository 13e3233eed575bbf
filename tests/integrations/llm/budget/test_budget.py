"""The budget itself: what may be given, and when nothing is left of it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.llm import Budget, BudgetExceeded
from workflows import Spent


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "give at least one"),
        ({"tokens": -1}, "tokens=-1: give a whole number"),
        ({"tokens": True}, "tokens=True: give a whole number"),
        ({"money": 2.5}, r"money=2\.5: give US dollars, exactly"),
        ({"money": "much"}, "money='much': give US dollars, exactly"),
        ({"money": "NaN"}, "give US dollars, exactly"),
        ({"money": "-1"}, "give US dollars, exactly"),
        ({"tokens": 1, "per": "day"}, "give name=, too"),
        ({"tokens": 1, "name": ""}, "not an empty one"),
        ({"tokens": 1, "name": "a", "per": "year"}, "give one of hour, day, month"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Budget(**wrong)


def test_money_is_exact_however_it_is_given() -> None:
    assert Budget(money="2.50").dollars == Budget(money=Decimal("2.5")).dollars == Decimal("2.50")
    assert Budget(money=3).dollars == Decimal(3)


@pytest.mark.parametrize(
    ("budget", "spent", "message"),
    [
        (Budget(tokens=1_000), Spent(1_234), "the budget of this run is used up: 1,234 of 1,000 tokens"),
        (Budget(money="2.50"), Spent(0, Decimal("2.5")), r"used up: \$2\.5 of \$2\.50 are spent"),
        (Budget(tokens=0, name="a"), Spent(), 'the budget "a" is used up: 0 of 0 tokens'),
        (Budget(tokens=5, money=1, name="a", per="day"), Spent(0, Decimal(1)), 'the budget "a" of this day'),
    ],
)
def test_it_says_which_one_is_used_up_what_is_spent_and_what_may_be(
    budget: Budget, spent: Spent, message: str
) -> None:
    with pytest.raises(BudgetExceeded, match=message):
        budget.check(spent)


@given(st.integers(0, 100), st.integers(0, 100))
def test_it_is_used_up_exactly_when_the_limit_is_reached(limit: int, spent: int) -> None:
    for budget, reached in (
        (Budget(tokens=limit), Spent(spent)),
        (Budget(money=Decimal(limit) / 100), Spent(0, Decimal(spent) / 100)),
    ):
        if spent >= limit:
            with pytest.raises(BudgetExceeded):
                budget.check(reached)
        else:
            budget.check(reached)


def test_periods_are_those_of_utc() -> None:
    moment = datetime(2026, 11, 26, 12, 59, 59, tzinfo=UTC).timestamp()
    shared = [Budget(tokens=1, name="a", per=per).period(moment) for per in ("hour", "day", "month")]
    assert shared == ["2026-11-26T12", "2026-11-26", "2026-11"]
    assert Budget(tokens=1, name="a").period(moment) == ""
