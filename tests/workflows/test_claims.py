"""How often an instance was taken up in vain."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.claims import Held, Tried, checked_quarantine, held, reason
from workflows.errors import WorkflowError


def taken(before: Held, process: int = 2, **given: Any) -> tuple[Held, bool]:
    """Taken up by the next process after one that died without anything having ended."""
    facts: dict[str, Any] = {"died": True, "ended": 0, "status": "running", "tried": Tried.NOT, **given}
    return held(before, process, **facts)


def test_each_process_that_dies_with_nothing_having_ended_counts() -> None:
    one = Held(process=1)
    for process in range(2, 6):
        one, _ = taken(one, process)
        assert one == Held(process, claims=process)


@pytest.mark.parametrize(
    ("before", "given"),
    [
        (Held(1, 5), {"ended": 1}),
        (Held(1, 5), {"died": False}),
        (Held(None, 5), {}),
        (Held(1, 5, ended=3), {"ended": 0}),
    ],
)
def test_what_came_further_or_was_let_go_in_order_begins_anew(before: Held, given: Any) -> None:
    after, died_alone = taken(before, **given)
    assert (after.claims, after.ended, died_alone) == (1, given.get("ended", 0), False)


def test_the_same_process_counts_once() -> None:
    assert taken(Held(2, 4, tried=Tried.ALONE)) == (Held(2, 4, tried=Tried.ALONE), False)
    assert taken(Held(2, 4, tried=Tried.ALONE), ended=1)[0].claims == 1


@pytest.mark.parametrize("tried", Tried)
def test_it_died_alone_only_when_it_was_alone(tried: Tried) -> None:
    after, died_alone = taken(Held(1, 3, tried=tried))
    assert (after, died_alone) == (Held(2, 4), tried is Tried.ALONE)


@pytest.mark.parametrize(("status", "process"), [("queued", None), ("paused", None), ("waitingForPause", 2)])
def test_who_has_nothing_to_run_is_nobodys(status: Any, process: int | None) -> None:
    assert taken(Held(1), status=status)[0].process == process


def test_the_reason_says_how_often_and_what_to_do() -> None:
    assert reason(7).startswith("7 processes in a row died while it ran")
    assert reason(7).endswith("resume() tries it again, terminate() ends it")


def test_the_number_is_checked() -> None:
    assert [checked_quarantine(number) for number in (None, 3, 100)] == [None, 3, 100]
    with pytest.raises(WorkflowError, match="quarantine_after is 2: give a whole number, 3 or more, or None"):
        checked_quarantine(2)
