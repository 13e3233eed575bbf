import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from integrations.compaction import (
    Compacted,
    Compaction,
    CompactionIneffective,
    FellShort,
    Plan,
    Reason,
    Unchanged,
    from_wire,
    plan,
)
from tests.integrations.compaction.driving import Driver, fixed, tokens
from tests.integrations.compaction.histories import Wire, calling, count, reads, result, said, talk

LARGE = Compaction(window=30_000, reserve=10_000)  # room 20,000, due at 15,000, to reach 8,000
SETTINGS = Compaction(window=3_000, reserve=1_000, tail=300)  # room 2,000, due at 1,500, to reach 800


def planned(wires: list[Wire], settings: Compaction = SETTINGS, **options: object) -> Plan:
    made = plan(from_wire(wires), settings=settings, counter=count, **options)  # type: ignore[arg-type]
    assert isinstance(made, Plan)
    return made


def test_it_is_due_at_the_threshold() -> None:
    assert isinstance(plan(from_wire(talk(6)), settings=SETTINGS, counter=count), Unchanged)
    assert isinstance(plan(from_wire(talk(8)), settings=SETTINGS, counter=count), Plan)


def test_measured_overhead_counts() -> None:
    assert isinstance(plan(from_wire(talk(6)), settings=SETTINGS, overhead=600, counter=count), Plan)


def test_the_default_counter_is_that_of_the_newest_encoding() -> None:
    assert isinstance(plan(from_wire(talk(2)), settings=SETTINGS), Unchanged)


def test_old_results_are_shortened_before_anything_is_summarised() -> None:
    made = planned([said("user", "read all"), *reads(8, 2_000)], LARGE)
    assert made.request is None
    assert list(made.shape.overlay.stubs) == ["m3", "m5", "m7", "m9", "m11"]


def test_results_of_tools_to_keep_are_not_shortened() -> None:
    keep = replace(LARGE, keep_tools=frozenset({"read"}))
    assert planned([said("user", "read all"), *reads(8, 2_000)], keep).shape.overlay.stubs == {}


def test_a_large_new_result_is_quoted_in_part() -> None:
    made = planned([said("user", "read it"), *reads(1, 1_600)])
    assert made.request is None
    assert made.shape.overlay.stubs == {"m3": 2_000}


def test_talk_is_summarised_between_head_and_tail() -> None:
    made = planned([said("system", "Be brief."), *talk(10)])
    overlay = made.shape.overlay
    assert (overlay.from_id, overlay.to_id) == ("m3", "m19")
    assert [unit.id for unit in made.shape.fresh] == [f"m{n}" for n in range(3, 20)]


def test_a_pin_within_the_range_is_kept_in_place() -> None:
    made = planned(talk(10), pinned=["m4"])
    assert made.shape.overlay.kept == ("m4",)
    assert "m4" not in [unit.id for unit in made.shape.fresh]


def test_a_pin_that_is_not_in_the_history_is_refused() -> None:
    with pytest.raises(ValueError, match="pinned messages are not in the history: m99"):
        plan(from_wire(talk(1)), pinned=["m99"])


def test_an_overlay_of_another_history_is_refused() -> None:
    driver = Driver(SETTINGS, fixed("Short."))
    driver.compact(from_wire(talk(10)))
    with pytest.raises(ValueError, match="give the whole history that the overlay was made for"):
        plan(from_wire(talk(1)), overlay=driver.overlay)


def test_it_waits_while_a_tool_call_is_open() -> None:
    outcome = plan(from_wire([*talk(10), calling(["c"], ["read"])]), settings=SETTINGS, counter=count)
    assert isinstance(outcome, Unchanged)
    assert outcome.reason is Reason.OPEN_CALL


@pytest.mark.parametrize(
    ("turns", "settings", "most"),
    [
        (20, SETTINGS, 425),  # what the target leaves: 800 less 359 that stay, and 16 spare
        (80, LARGE, 2_578),  # a fifth of what goes
        (2_000, Compaction(window=520_000, reserve=20_000), 8_000),
    ],
)
def test_a_summary_is_a_fifth_of_what_it_replaces(turns: int, settings: Compaction, most: int) -> None:
    request = planned(talk(turns), settings).request
    assert request is not None
    assert request.max_tokens == most


def test_the_next_summary_updates_the_one_before() -> None:
    driver = Driver(SETTINGS, fixed("First."))
    history = talk(10)
    first = driver.compact(from_wire(history))
    second = driver.compact(from_wire([*history, *talk(10)]))
    assert isinstance(first, Compacted)
    assert isinstance(second, Compacted)
    assert "First." in driver.requests[1].material
    assert "[user] 0 word" not in driver.requests[1].material.split("[assistant] 9 word")[0]
    assert (second.overlay.from_id, second.overlay.to_id) == ("m2", "m38")


def test_what_frees_too_little_is_a_strike_and_the_second_one_is_an_error() -> None:
    driver = Driver(SETTINGS, fixed("Short."))
    history = from_wire([said("system", "rule " * 1_200), *talk(1, 20)])
    first = driver.compact(history)
    assert isinstance(first, FellShort)
    assert (first.overlay.strikes, driver.ineffective) == (1, False)
    driver.compact([*history, *from_wire([{"id": "new", **said("assistant", "Yes.")}])])
    assert driver.ineffective
    assert driver.requests == []


def test_growth_that_can_be_freed_ends_the_strikes() -> None:
    driver = Driver(SETTINGS, fixed("Short."))
    instructions, more = said("system", "rule " * 960), talk(10, 100)
    driver.compact(from_wire([instructions, *talk(3, 100)]))
    outcome = driver.compact(from_wire([instructions, *talk(3, 100), *more]))
    assert not driver.ineffective
    assert outcome.overlay.strikes == 0


@pytest.mark.parametrize("overhead", [0, 1_900, 5_000])
def test_what_can_never_fit_is_an_error_that_says_so(overhead: int) -> None:
    history = from_wire([said("user", "paste " * 4_000)])
    with pytest.raises(
        CompactionIneffective, match=r"cannot be made to fit: what has to stay takes 6,00\d tokens"
    ):
        plan(history, settings=SETTINGS, overhead=overhead, counter=count)


def test_short_of_the_target_is_no_error_while_it_fits() -> None:
    driver = Driver(SETTINGS, fixed("Short."))
    outcome = driver.compact(from_wire([said("system", "rule " * 720), *talk(5)]))
    assert isinstance(outcome, FellShort)
    assert not driver.ineffective
    assert outcome.goal < outcome.tokens == tokens(outcome.messages)


def test_the_hash_is_the_same_in_every_process() -> None:
    code = """
from integrations.compaction import Compaction, from_wire, plan
history = from_wire([{"role": "user", "content": f"{n} " + "word " * 300} for n in range(12)])
settings = Compaction(window=22_000, reserve=2_000, keep_tools=frozenset("abcdef"))
print(plan(history, settings=settings, pinned={"m3", "m5", "m4"}, counter=len).hash)
"""
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(hashes) == 1


def test_a_file_that_is_read_again_is_kept_once() -> None:
    chosen = replace(LARGE, file_tools={"read": "read"})
    function = {"name": "read", "arguments": '{"path": "c5.py"}'}
    call = {"id": "again", "type": "function", "function": function}
    again: list[Wire] = [{"role": "assistant", "tool_calls": [call]}, result("again", "line\n" * 1_600)]
    made = planned([said("user", "read all"), *reads(7, 2_000), *again], chosen)
    assert made.request is None
    results = {"m3", "m5", "m7", "m9", "m11", "m13", "m15", "m17"}
    assert results - made.shape.overlay.stubs.keys() == {"m11", "m15", "m17"}, "m13 is read again in m17"


def test_a_file_that_is_read_in_other_lines_is_not_read_again() -> None:
    history = [said("user", "read all"), *reads(8, 2_000)]
    chosen = replace(LARGE, file_tools={"read": "read"})
    assert planned(history, chosen).shape.overlay.stubs == planned(history, LARGE).shape.overlay.stubs


def test_long_arguments_of_old_calls_are_clipped() -> None:
    def writes(number: int) -> list[Wire]:
        function = {"name": "write", "arguments": json.dumps({"path": f"{number}", "text": "line\n" * 1_300})}
        call = {"id": f"w{number}", "type": "function", "function": function}
        return [{"role": "assistant", "content": None, "tool_calls": [call]}, result(f"w{number}", "ok")]

    made = planned(
        [said("user", "write all"), *(one for number in range(10) for one in writes(number))], LARGE
    )
    assert made.request is None
    assert made.shape.overlay.stubs == {f"m{place}": 200 for place in (2, 4, 6, 8, 10, 12, 14)}
