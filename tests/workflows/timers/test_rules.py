"""What becomes of times that were missed, and when an error is tried again: pure, so looked at everywhere."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.timers.cron import Cron
from workflows.timers.policy import Catchup, Overlap, TimerPolicy
from workflows.timers.rules import Advance, Call, _from, after_success, due_time, first, retry_delay, to_do
from workflows.timers.table import milliseconds, moment
from workflows.timers.timer import Every, Timer

START = datetime(2026, 3, 28, tzinfo=UTC)
RULES = [
    Every(1),
    Every(7.5),
    Every(86_400),
    Cron.parse("*/5 * * * *"),
    Cron.parse("15,16 2 * * *", "Europe/Berlin"),
    Cron.parse("*/30 1-3 * * 0", "Europe/Berlin"),
    Cron.parse("*/10 0 0 1 * *"),
]
seconds = st.integers(0, 40 * 86_400) | st.integers(0, 5_000)


def timer(rule: Cron | Every, nominal: datetime, catchup: Catchup) -> Timer:
    return Timer(
        id=1, owner="ann", method="greet", payload=None, when=rule, nominal=nominal, due=nominal, attempt=0,
        policy=TimerPolicy(catchup=catchup), key=None, state="pending", skipped=0, last_error=None,
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(RULES), seconds, st.sampled_from([1, 1000]))
def test_missed_times_are_found_as_if_counted(rule: Cron | Every, late: int, kept: int) -> None:
    nominal = first(rule, START)
    now = nominal + timedelta(seconds=min(late, 20_000) if isinstance(rule, Every) else late)
    all_times = list(takewhile(lambda time: time <= now, _from(rule, nominal)))
    catchup: Catchup = "one" if kept == 1 else "all"
    missed = len(all_times[:-kept])
    for opened, skipped in ((START, missed), (now + timedelta(seconds=1), 0)):
        decided = to_do(timer(rule, nominal, catchup), now=now, opened=opened, limited=False)
        assert decided == Call(all_times[-kept:][0], 1, min(skipped, 1000))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(RULES), seconds, st.integers(0, 40 * 86_400))
def test_skip_calls_for_what_has_just_come_only(rule: Cron | Every, late: int, opened: int) -> None:
    nominal = first(rule, START)
    now, open_since = nominal + timedelta(seconds=late), START + timedelta(seconds=opened)
    match to_do(timer(rule, nominal, "skip"), now=now, opened=open_since, limited=False):
        case Call(chosen, attempt):
            assert chosen >= open_since
            assert timedelta() <= now - chosen <= timedelta(seconds=60)
            assert attempt == 1
        case Advance(chosen):
            assert chosen > now


@given(st.sampled_from(RULES), seconds, seconds)
def test_the_next_time_is_never_one_that_came_during_the_call(
    rule: Cron | Every, late: int, took: int
) -> None:
    nominal = first(rule, START)
    began = nominal + timedelta(seconds=late % 3)
    ended = began + timedelta(seconds=took % 900)
    done = after_success(timer(rule, nominal, "one"), began=began, ended=ended)
    assert done is not None
    came = list(takewhile(lambda time: time <= done.nominal, _from(rule, nominal)))
    assert came[-1] == done.nominal
    assert done.nominal > ended or came[1] <= began
    assert done.skipped == len(came) - 2


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(RULES),
    st.sampled_from(["skip", "queue_one"]),
    st.sampled_from([0.0, 0.4, 20.0]),
    st.lists(st.floats(0.001, 5_000), min_size=1, max_size=30),
)
def test_each_time_is_called_for_or_counted_and_calls_never_overlap(
    rule: Cron | Every, overlap: Overlap, jitter: float, lengths: list[float]
) -> None:
    now = first(rule, START)
    due = due_time(rule, now, jitter, "ann", "greet", None)
    one = timer(rule, now, "one")
    one = replace(one, due=due, policy=TimerPolicy(overlap=overlap, jitter=jitter))
    called: list[datetime] = []
    for length in lengths:
        now = max(now, one.due)
        decided = to_do(one, now=now, opened=START, limited=False)
        assert isinstance(decided, Call)
        called.append(decided.nominal)
        assert decided.nominal <= now
        one = replace(one, nominal=decided.nominal, skipped=one.skipped + decided.skipped)
        began, now = now, now + timedelta(seconds=length)
        done = after_success(one, began=began, ended=now)
        assert done is not None
        assert done.due >= done.nominal > one.nominal
        assert done.promised is (overlap == "queue_one" and done.due <= now)
        one = replace(
            one, nominal=done.nominal, due=done.due, skipped=one.skipped + done.skipped, begun=done.promised
        )
    times = takewhile(lambda each: each < one.nominal, _from(rule, called[0]))
    assert min(sum(1 for _ in times), 1_000) == min(len(called) + one.skipped, 1_000)


def test_every_millisecond_is_kept() -> None:
    chance = random.Random(3)
    for kept in (chance.randrange(4_102_444_800_000) for _ in range(20_000)):
        assert milliseconds(moment(kept)) == kept


@given(st.integers(1, 2000), st.floats(-1, 1))
def test_attempts_grow_apart_up_to_ten_minutes(attempt: int, luck: float) -> None:
    middle = min(2.0 * 2 ** min(attempt - 1, 40), 600)
    assert 0.75 * middle <= retry_delay(attempt, luck, TimerPolicy()) <= 1.25 * middle


@pytest.mark.parametrize("attempt", range(1, 12))
def test_luck_is_spread_to_both_sides(attempt: int) -> None:
    assert (
        retry_delay(attempt, -1, TimerPolicy())
        < retry_delay(attempt, 0, TimerPolicy())
        < retry_delay(attempt, 1, TimerPolicy())
    )
