"""A figure is only told when every result was right and everything acknowledged is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks import __main__ as program
from benchmarks.asked import Asked, Question
from benchmarks.child import Broken, Child, Reply, Unavailable, ask
from benchmarks.contest import asking
from benchmarks.figures import Answer, Wrong
from benchmarks.rounds import Contender, interleaved

LYING = "tests.benchmarks.lying"
ASKED = Asked(lambda _: None, quick=True)


def lying(**reply: object) -> Callable[[], Reply]:
    return asking(LYING, "somebody", ASKED, {"reply": reply})


def question(measure: Callable[[], Reply], *, may_fail: bool = False) -> Question:
    def ask(asked: Asked) -> Answer:
        answer = Answer()
        contender = Contender("somebody", measure, may_fail=may_fail)
        replies = interleaved([contender], 2, answer=answer, tell=asked.tell)
        for who, rounds in replies.items():
            answer.add("p50", who, "ms", [one["p50_ms"] for one in rounds])
        return answer

    return Question("lie", "Is it true?", ask)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Callable[[Question], int]:
    def call(one: Question) -> int:
        monkeypatch.setattr(program, "QUESTIONS", {"lie": one})
        return program.main(["lie", "--quick"])

    return call


def test_what_is_right_is_told(called: Callable[[Question], int], capsys: pytest.CaptureFixture[str]) -> None:
    assert lying()()["present"] == 50
    assert called(question(lying())) == 0
    assert "Is it true?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"right": 9}, "somebody: 1 of 10 results were wrong"),
        ({"present": 49}, "somebody: 50 rows were acknowledged, 49 are there"),
        ({"present": 51}, "somebody: 50 rows were acknowledged, 51 are there"),
    ],
)
def test_a_wrong_result_fails(
    reply: dict[str, Any],
    said: str,
    called: Callable[[Question], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(Wrong, match=said):
        lying(**reply)()
    assert called(question(lying(**reply))) == 1
    captured = capsys.readouterr()
    assert said in captured.err
    assert "p50" not in captured.out


def test_a_program_that_breaks_fails_and_says_why(
    called: Callable[[Question], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Broken, match="ended with status 3\nthe disk is on fire"):
        ask(LYING, {"by": "breaking"})
    assert called(question(lambda: ask(LYING, {"by": "breaking"}))) == 1
    assert "the disk is on fire" in capsys.readouterr().err


def test_a_program_that_has_no_answer_is_ended() -> None:
    child = Child(LYING, {"by": "waiting", "reply": {}})
    assert child.line() == {"ready": True}
    child.kill()

    def hanging(_: object) -> Reply:
        return Child(LYING, {"by": "waiting", "reply": {}}).reply(limit=0.0)

    with pytest.raises(Broken, match="had no answer after 0 s"):
        hanging(None)


def test_a_peer_that_is_away_is_listed_and_the_others_go_on(
    called: Callable[[Question], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Unavailable, match="it is not here"):
        ask(LYING, {"by": "being away"})
    assert called(question(lambda: ask(LYING, {"by": "being away"}), may_fail=True)) == 0
    assert "skipped: somebody: it is not here" in capsys.readouterr().out


def test_rounds_are_interleaved_and_every_second_goes_backwards() -> None:
    order: list[str] = []

    def contender(who: str) -> Contender:
        def measure() -> Reply:
            order.append(who)
            return {"number": len(order)}

        return Contender(who, measure)

    replies = interleaved([contender("a"), contender("b")], 3, answer=Answer(), tell=lambda _: None)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [one["number"] for one in replies["a"]] == [1, 4, 5]
