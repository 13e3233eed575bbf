import pytest

from integrations.compaction import from_wire
from integrations.compaction.units import NO_RESULT, flat, group
from tests.integrations.compaction.histories import (
    Wire,
    calling,
    calling_in_parts,
    result,
    result_parts,
    said,
)
from tests.integrations.compaction.wire_rules import complaint


def units(*turns: Wire) -> list[list[str]]:
    return [[message.id for message in unit.messages] for unit in group(from_wire(turns))]


def test_parallel_calls_and_their_results_are_one_unit() -> None:
    calls = calling(["a", "b"], ["read", "read"])
    assert units(said("user", "go"), calls, result("b", "2"), result("a", "1"), said("user", "thanks")) == [
        ["m1"],
        ["m2", "m3", "m4"],
        ["m5"],
    ]


def test_a_message_with_text_and_results_belongs_to_the_calls() -> None:
    calls = calling_in_parts(["a", "b"], ["read", "read"])
    assert units(calls, result_parts(["a", "b"], "1", "and now?"), said("assistant", "ok")) == [
        ["m1", "m2"],
        ["m3"],
    ]


@pytest.mark.parametrize("orphan", [result("nobody", "x"), result_parts(["nobody"], "x", None)])
def test_a_result_without_a_call_is_left_out(orphan: Wire) -> None:
    assert units(said("user", "go"), orphan, said("assistant", "ok")) == [["m1"], ["m3"]]


def test_text_beside_a_result_without_a_call_stays() -> None:
    (unit,) = group(from_wire([result_parts(["nobody"], "x", "hello")]))
    assert unit.messages[0].wire() == said("user", [{"type": "text", "text": "hello"}])


def test_a_second_result_of_one_call_is_left_out() -> None:
    assert units(calling(["a"], ["read"]), result("a", "1"), result("a", "2")) == [["m1", "m2"]]


def test_a_second_result_in_the_same_message_is_left_out() -> None:
    (unit,) = group(from_wire([calling_in_parts(["a"], ["read"]), result_parts(["a", "a"], "1", None)]))
    assert unit.messages[1].answers == ("a",)


def test_a_late_result_moves_up_to_its_call() -> None:
    assert units(calling(["a"], ["read"]), said("user", "hurry"), result("a", "1")) == [["m1", "m3"], ["m2"]]


def test_a_result_answers_the_newest_call_of_its_id() -> None:
    call, answer = calling(["call_0"], ["read"]), result("call_0", "1")
    assert units(call, answer, call, answer) == [["m1", "m2"], ["m3", "m4"]]
    assert units(call, call, answer) == [["m1", "m1~0"], ["m2", "m3"]]


@pytest.mark.parametrize("calls", [calling(["a", "b"], ["read", "read"]), calling_in_parts(["a"], ["read"])])
def test_a_missing_result_is_filled_in(calls: Wire) -> None:
    history = group(from_wire([calls, said("user", "go on")]))
    assert history[0].filled
    assert NO_RESULT in str(history[0].messages[-1].wire())
    assert complaint(flat(history)) is None


def test_the_last_call_may_wait_for_its_result() -> None:
    (unit,) = group(from_wire([calling(["a", "b"], ["read", "read"]), result("a", "1")]))
    assert unit.open
    assert len(unit.messages) == 2


@pytest.mark.parametrize(
    ("ids", "complaint"),
    [
        (["m", "m"], "two messages of the history have the id 'm'"),
        (["summary~m9"], "give the original messages and the overlay, not the compacted ones"),
    ],
)
def test_ids_that_are_not_free_are_refused(ids: list[str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        group(from_wire([{"id": id_, **said("user", "x")} for id_ in ids]))
