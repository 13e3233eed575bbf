"""Limits as they are given, and turns as they are planned: pure rows, without a model."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.llm import Limit
from integrations.llm.limiter.turns import Admitted, Later, admit, close_until, correct
from integrations.llm.tables import STEPS
from workflows.sqlite.schema import CREATE, migration


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "give one"),
        ({"requests_per_minute": 0}, "requests_per_minute=0: give a whole number"),
        ({"tokens_per_minute": 1.5}, r"tokens_per_minute=1\.5: give a whole number"),
        ({"requests_per_minute": 1, "answer_tokens": -1}, "answer_tokens=-1"),
        ({"requests_per_minute": 1, "name": ""}, "name is empty"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Limit(**wrong)


class Desk:
    """Rows of one limit, asked at instants."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.rows = sqlite3.connect(":memory:", isolation_level=None)
        self.rows.execute(CREATE[-1])
        migration("llm", STEPS)(self.rows)
        self.sent: list[tuple[float, str, int]] = []
        self.last: dict[str, Admitted] = {}

    def ask(self, key: str, now: float, tokens: int = 0) -> float | None:
        """When to come again; None when it was admitted."""
        verdict = admit(self.limit, "n", key, tokens=tokens, now=now)(self.rows)
        if isinstance(verdict, Later):
            return verdict.at
        self.sent.append((now, key, min(tokens, self.limit.tokens_per_minute or tokens)))
        self.last[key] = verdict
        return None

    def runs(self, keys: dict[str, int], now: float = 0.0) -> None:
        """All ask at once, and come back when they were told to."""
        due = dict.fromkeys(keys, now)
        while due:
            key = min(due, key=lambda one: due[one])
            again = self.ask(key, due[key], keys[key])
            if again is None:
                del due[key]
            else:
                assert again > due[key]
                due[key] = again


@pytest.fixture
def desk() -> Any:
    desk = Desk(Limit(requests_per_minute=3))
    with closing(desk.rows):
        yield desk


def test_a_burst_goes_at_once_and_the_rest_comes_evenly_in_the_order_of_asking(desk: Desk) -> None:
    desk.runs({str(number): 0 for number in range(9)})
    assert [at for at, _, _ in desk.sent] == [0, 0, 0, 60, 80, 100, 120, 140, 160]
    assert [key for _, key, _ in desk.sent] == [str(number) for number in range(9)]


def test_nobody_overtakes_who_waits(desk: Desk) -> None:
    for key in "abcd":
        desk.ask(key, 0.0)
    assert desk.ask("e", 59.0) == 80
    assert desk.ask("d", 60.0) is None
    assert desk.ask("e", 80.0) is None


def test_who_comes_late_still_comes_before_those_behind(desk: Desk) -> None:
    for key in "abcdef":
        desk.ask(key, 0.0)  # d: 60, e: 80, f: 100
    for key in "xyz":
        assert desk.ask(key, 100.0) is not None  # behind f
    assert desk.ask("d", 100.5) is None
    assert desk.ask("e", 100.5) is None
    assert desk.ask("f", 100.5) is None


def test_a_turn_that_nobody_takes_is_forgotten(desk: Desk) -> None:
    for key in "abcd":
        desk.ask(key, 0.0)
    assert desk.ask("e", 170.0) is None  # d should have come at 60; there is room
    for key in "fg":
        desk.ask(key, 171.0)
    assert desk.ask("h", 185.0) == 230  # d has lost its turn
    assert desk.ask("d", 186.0) == 250


def test_tokens_make_room_as_they_are_reported() -> None:
    desk = Desk(Limit(tokens_per_minute=1_000))
    assert desk.ask("a", 0.0, 900) is None
    assert desk.ask("b", 1.0, 500) == 60
    correct(desk.last["a"].sent, 400)(desk.rows)
    assert desk.ask("b", 60.0, 500) is None
    correct(desk.last["b"].sent, 100)(desk.rows)
    assert desk.ask("c", 61.0, 900) is None
    desk.rows.close()


def test_turns_come_as_fast_as_requests_are_small() -> None:
    desk = Desk(Limit(tokens_per_minute=1_000))
    assert desk.ask("a", 0.0, 800) is None
    assert desk.ask("b", 0.0, 800) == 60
    assert desk.ask("c", 0.0, 800) == 120
    correct(desk.last["a"].sent, 80)(desk.rows)
    assert desk.ask("b", 1.0, 800) is None
    correct(desk.last["b"].sent, 80)(desk.rows)
    assert desk.ask("c", 2.0, 800) is None
    assert desk.ask("d", 2.0, 800) == 62  # all that c may take is not known to be left
    desk.rows.close()


def test_turns_are_planned_by_what_requests_have_taken_lately() -> None:
    desk = Desk(Limit(tokens_per_minute=1_000))
    assert desk.ask("a", 0.0, 800) is None
    correct(desk.last["a"].sent, 80)(desk.rows)
    assert desk.ask("b", 0.0, 800) is None
    assert [desk.ask(key, 0.0, 800) for key in "cd"] == pytest.approx([60, 64.8])
    desk.rows.close()


def test_what_is_larger_than_the_limit_takes_a_minute_of_its_own() -> None:
    desk = Desk(Limit(tokens_per_minute=1_000))
    assert desk.ask("a", 0.0, 5_000) is None
    assert desk.ask("b", 0.0, 1) == 60
    assert desk.ask("c", 0.0, 5_000) == 120
    desk.rows.close()


def test_while_the_server_is_closed_nobody_is_admitted_and_then_the_first_was_there_first(desk: Desk) -> None:
    assert desk.ask("a", 0.0) is None
    close_until("n", "a", desk.last["a"].turn, 500.0)(desk.rows)
    close_until("n", "a", desk.last["a"].turn, 300.0)(desk.rows)  # does not open it earlier
    assert [desk.ask(key, 1.0) for key in "bc"] == [520, 540]
    assert desk.ask("a", 300.0) == 500
    assert desk.ask("a", 500.0) is None
    assert desk.ask("b", 520.0) is None


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 5),
    st.integers(50, 300),
    st.lists(st.tuples(st.integers(0, 150), st.integers(0, 400), st.floats(0, 30)), max_size=25),
)
def test_no_minute_has_more_than_the_limit_whenever_people_come(
    requests: int, tokens: int, arrivals: list[tuple[int, int, float]]
) -> None:
    """Each comes at an instant, wants so many tokens, and is late by so much whenever its turn has come."""
    desk = Desk(Limit(requests_per_minute=requests, tokens_per_minute=tokens))
    due = {str(number): (float(at), at) for number, (at, _, _) in enumerate(arrivals)}
    wants = {str(number): arrival for number, arrival in enumerate(arrivals)}
    asked = 0
    while due:
        key = min(due, key=lambda one: due[one][0])
        now = due[key][0]
        asked += 1
        assert asked < 50 * len(arrivals) + 1, "they never get through"
        again = desk.ask(key, now, wants[key][1])
        if again is None:
            del due[key]
        else:
            due[key] = (again + wants[key][2], 0)
    for begin, _, _ in desk.sent:
        within = [one for one in desk.sent if begin <= one[0] < begin + 60]
        assert len(within) <= requests
        assert sum(one[2] for one in within) <= tokens
    desk.rows.close()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.integers(1, 80))
def test_as_many_get_through_as_may(requests: int, people: int) -> None:
    desk = Desk(Limit(requests_per_minute=requests))
    desk.runs({str(number): 0 for number in range(people)})
    waiting = max(0, people - requests)
    last = 0.0 if not waiting else 60 + (waiting - 1) * 60 / requests
    assert math.isclose(desk.sent[-1][0], last)
    desk.rows.close()
