"""What fails is tried again, what is down is caught up, what still runs is not started twice."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.timers.ticking import START, served, ticking
from workflows.errors import StoreError
from workflows.sqlite.store import Store
from workflows.testing import VirtualClock
from workflows.timers.cron import Cron
from workflows.timers.policy import Catchup, TimerPolicy
from workflows.timers.timer import Every, Timer
from workflows.timers.timetable import Timetable

pytestmark = pytest.mark.anyio
HOUR = 3600.0


def failing(times: int) -> Callable[[Timer], Awaitable[object]]:
    """Fails the first attempts of each nominal time."""

    async def fail(timer: Timer) -> None:
        if timer.attempt <= times:
            raise LookupError(f"attempt {timer.attempt}")

    return fail


async def test_a_failed_call_comes_again_after_a_growing_while() -> None:
    async with ticking() as world:
        world.then = failing(6)
        await world.timers.add("ann", "greet", 10)
        await world.until(HOUR)
        assert await world.timers.find() == []
    waits = [later - sooner for sooner, later in zip(world.at, world.at[1:], strict=False)]
    for wait, nominal in zip(waits, [2, 4, 8, 16, 32, 64], strict=True):
        assert 0.75 * nominal <= wait <= 1.25 * nominal
    assert [call.attempt for call in world.calls] == [1, 2, 3, 4, 5, 6, 7]
    assert set(world.nominal) == {10.0}


async def test_after_the_last_attempt_it_is_dead_and_can_be_driven_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, "workflows.timers.runs")
    async with ticking() as world:
        world.then = failing(99)
        timer = await world.timers.add("ann", "greet", 10, key="k", policy=TimerPolicy(attempts=3))
        await world.until(HOUR)
        [dead] = await world.timers.find(state="dead")
        assert (dead.id, dead.attempt, dead.last_error) == (timer.id, 3, "LookupError: attempt 3")
        world.then = None
        assert await world.timers.redrive(timer.id, owner="ann")
        assert not await world.timers.redrive(timer.id)
        await world.until(2 * HOUR)
        assert await world.timers.find() == []
    assert [call.attempt for call in world.calls] == [1, 2, 3, 1]
    assert (world.nominal[-1], world.at[-1]) == (10.0, HOUR)


async def test_a_dead_one_gives_its_key_away() -> None:
    async with ticking() as world:
        world.then = failing(99)
        dead = await world.timers.add("ann", "greet", 10, key="k", policy=TimerPolicy(attempts=1))
        await world.until(HOUR)
        successor = await world.timers.add("ann", "greet", HOUR, key="k")
        assert successor.id != dead.id
        assert not await world.timers.redrive(dead.id)
        assert await world.timers.cancel(dead.id)


async def test_a_recurring_one_never_dies_and_its_next_time_is_not_delayed() -> None:
    async with ticking() as world:
        world.then = failing(99)
        await world.timers.add("ann", "greet", Cron.parse("* * * * *"), policy=TimerPolicy(attempts=3))
        await world.until(200)
        [timer] = await world.timers.find()
    assert [time for time, call in zip(world.at, world.calls, strict=True) if call.attempt == 1] == [
        60,
        120,
        180,
    ]
    assert [call.attempt for call in world.calls] == [1, 2, 3] * 3
    assert timer.last_error == "LookupError: attempt 3"


async def test_attempts_end_when_the_next_time_comes() -> None:
    async with ticking() as world:
        world.then = failing(99)
        await world.timers.add("ann", "greet", Every(10))
        await world.until(21)
    assert [time for time, call in zip(world.at, world.calls, strict=True) if call.attempt == 1] == [10, 20]
    assert [call.attempt for call in world.calls][:3] == [1, 2, 3]


async def test_a_callback_that_ends_cancelled_has_failed() -> None:
    async def cancelled(timer: Timer) -> None:
        if timer.attempt == 1:
            raise asyncio.CancelledError("by itself")

    async with ticking() as world:
        world.then = cancelled
        await world.timers.add("ann", "greet", 10)
        await world.until(60)
    assert [call.attempt for call in world.calls] == [1, 2]


@pytest.mark.parametrize(
    ("catchup", "expected"),
    [("skip", []), ("one", [3 * HOUR]), ("all", [300.0 * number for number in range(1, 37)])],
)
@pytest.mark.parametrize("rule", [Cron.parse("*/5 * * * *"), Every(300)])
async def test_what_was_missed_is_caught_up(
    catchup: Catchup, expected: list[float], rule: Cron | Every, path: Path
) -> None:
    async with ticking(path) as before:
        await before.timers.add("ann", "greet", rule, policy=TimerPolicy(catchup=catchup))
    async with ticking(path, down=3 * HOUR + 30) as world:
        world.then = lambda _: world.clock.sleep(1)
        await world.until(3 * HOUR + 100)
        assert world.nominal == expected
        await world.until(3 * HOUR + 301)
    assert world.nominal == [*expected, 3 * HOUR + 300]


@pytest.mark.parametrize("rule", [Cron.parse("* * * * *"), Every(60)])
async def test_no_more_than_a_thousand_are_caught_up(rule: Cron | Every, path: Path) -> None:
    async with ticking(path) as before:
        await before.timers.add("ann", "greet", rule, policy=TimerPolicy(catchup="all"))
    async with ticking(path, down=2000 * 60) as world:
        await world.until(2001 * 60 - 1)
    assert world.nominal == [60.0 * number for number in range(1001, 2001)]


async def test_what_comes_while_much_is_caught_up_drops_nothing_of_it(path: Path) -> None:
    async with ticking(path) as before:
        await before.timers.add("ann", "greet", Every(60), policy=TimerPolicy(catchup="all"))
    down = 1_500 * 60
    async with ticking(path, down=down) as world:
        world.then = lambda _: world.clock.sleep(90)  # so it gets more, and not fewer
        await world.until(down + 50 * 90)
    assert world.nominal == [60 * (501 + number) for number in range(len(world.nominal))]
    assert len(world.nominal) >= 50


async def test_a_years_downtime_of_seconds_is_quickly_over(path: Path) -> None:
    async with ticking(path) as before:
        await before.timers.add("ann", "greet", Cron.parse("* * * * * *"))
    async with ticking(path, down=364 * 86_400 + 0.5) as world:
        await world.until(364 * 86_400 + 2.7)
    assert world.nominal == [364 * 86_400 + second for second in (0, 1, 2)]


async def test_what_was_due_while_down_is_called_however_late(path: Path) -> None:
    async with ticking(path) as before:
        await before.timers.add("ann", "greet", 10)
    async with ticking(path, down=30 * 24 * HOUR) as world:
        await world.until(30 * 24 * HOUR + 1)
    assert world.nominal == [10.0]


@pytest.mark.parametrize("catchup", ["skip", "one", "all"])
async def test_two_calls_of_one_timer_never_overlap(catchup: Catchup) -> None:
    running = 0

    async def slow(_: Timer) -> None:
        nonlocal running
        running += 1
        assert running == 1
        await world.clock.sleep(25)
        running -= 1

    async with ticking() as world:
        world.then = slow
        await world.timers.add("ann", "greet", Every(10), policy=TimerPolicy(catchup=catchup))
        await world.until(99)
        [timer] = await world.timers.find()
    assert world.at == [10.0, 40.0, 70.0]
    assert (timer.last_error, timer.skipped) == (None, 6)


@pytest.mark.parametrize("catchup", ["skip", "one", "all"])
async def test_a_blocked_loop_delays_and_drops_nothing(catchup: Catchup) -> None:
    async with ticking() as world:
        await world.timers.add("ann", "greet", Every(10), policy=TimerPolicy(catchup=catchup))
        await world.timers.add("ann", "once", 11)
        world.clock.shift(14)
        await world.until(21)
    assert sorted(zip(world.nominal, (call.method for call in world.calls), strict=True)) == [
        (10.0, "greet"),
        (11.0, "once"),
        (20.0, "greet"),
    ]


async def test_what_is_cut_off_at_the_end_comes_again(path: Path) -> None:
    async def hangs(_: Timer) -> None:
        started.set()
        await asyncio.Event().wait()

    started = asyncio.Event()
    async with ticking(path) as before:
        before.then = hangs
        await before.timers.add("ann", "greet", 10)
        await started.wait()
        await before.timers.close(grace=0.01)
    async with ticking(path, down=60) as world:
        await world.until(70)
    assert [(call.attempt, call.nominal) for call in world.calls] == [(1, before.calls[0].nominal)]


@pytest.mark.parametrize("when", [10, Every(10)], ids=["once", "again and again"])
async def test_what_fails_as_all_ends_comes_again_with_all_its_attempts(path: Path, when: Any) -> None:
    async def fails(_: Timer) -> None:
        started.set()
        await ending.wait()
        raise RuntimeError("what it needs has ended")

    started, ending = asyncio.Event(), asyncio.Event()
    async with ticking(path) as before:
        before.then = fails
        await before.timers.add("ann", "greet", when, policy=TimerPolicy(attempts=1))
        await started.wait()
        closing = asyncio.create_task(before.timers.close(grace=10))
        await asyncio.sleep(0)
        ending.set()
        await closing
    async with ticking(path, down=1) as world:
        await world.until(15)
        dead = await world.timers.find(state="dead")
    assert [(call.attempt, call.nominal) for call in world.calls] == [(1, before.calls[0].nominal)]
    assert dead == []


async def test_the_end_waits_for_what_runs(path: Path) -> None:
    async def short(_: Timer) -> None:
        started.set()
        await asyncio.sleep(0.02)

    started = asyncio.Event()
    async with ticking(path) as before:
        before.then = short
        await before.timers.add("ann", "greet", 10)
        await started.wait()
    async with ticking(path, down=60) as world:
        await world.until(70)
        assert (world.calls, await world.timers.find()) == ([], [])


async def test_a_full_disk_only_delays(path: Path) -> None:
    async def too_long_an_error(timer: Timer) -> None:
        if timer.attempt == 1:
            raise LookupError("x" * 2_000)

    async with ticking(path) as world:
        world.then = too_long_an_error
        await asyncio.gather(*(world.timers.add("ann", "greet", 10) for _ in range(20)))
        store = world.timers._store
        store.patience = 0
        [(pages,)] = await store.read("PRAGMA page_count")
        await store.write(lambda connection: connection.execute(f"PRAGMA max_page_count={pages}").fetchone())
        await world.until(30)
        assert len(world.calls) == 20
        await store.write(lambda connection: connection.execute("PRAGMA max_page_count=100000").fetchone())
        await world.until(60)
        assert ([call.attempt for call in world.calls[20:]], await world.timers.find()) == ([2] * 20, [])


@pytest.mark.parametrize("at", [0, 10])
@pytest.mark.parametrize("overlap", [None, "skip", "queue_one", "allow"])
async def test_a_cancel_that_fails_leaves_the_timer_as_it_was(path: Path, at: float, overlap: Any) -> None:
    async with ticking(path) as world:
        if overlap is None:
            timer = await world.timers.add("ann", "greet", 10)
        else:
            policy = TimerPolicy(overlap=overlap)
            timer = await world.timers.add("ann", "greet", Every(10), policy=policy)
        await world.timers._store.write(
            lambda connection: connection.execute("PRAGMA busy_timeout=1").fetchone()
        )
        other = sqlite3.connect(path, isolation_level=None)
        await world.until(at)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"nothing was written to .* database is locked"):
            await world.timers.cancel(timer.id)
        other.close()
        await world.until(59)
    assert world.nominal == ([10.0] if overlap is None else [10.0, 20.0, 30.0, 40.0, 50.0])


async def test_what_came_before_it_was_open_was_missed() -> None:
    calls: list[Timer] = []

    async def fire(timer: Timer) -> None:
        calls.append(timer)

    clock = VirtualClock(START)
    async with await Store.open(":memory:", clock=clock) as store:
        async with served(store, clock, fire) as earlier:
            await earlier.add("ann", "greet", Every(20), policy=TimerPolicy(catchup="skip"))
        timetable = Timetable(store, clock=clock)
        later = timetable.of("tests")
        await clock.sleep(30)
        await later.serve(fire)
        await clock.sleep(1)
        await timetable.close(10)
    assert calls == []


async def test_time_stands_still_while_one_works_and_another_sleeps() -> None:
    async def then(timer: Timer) -> None:
        await asyncio.sleep(0)
        if timer.method == "sleep":
            await world.clock.sleep(100)
        else:
            begun = world.clock.now()
            await asyncio.sleep(0.01)
            stood_still.append(world.clock.now() == begun)

    stood_still: list[bool] = []
    async with ticking() as world:
        world.then = then
        for method in ("work", "sleep", "work"):
            await world.timers.add("ann", method, 10)
        await world.until(60)
    assert stood_still == [True, True]
