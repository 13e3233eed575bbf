"""Timers are called when they are due, at least once, and never after they were cancelled."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.timers.ticking import START, Ticking, served, ticking
from workflows.clock import SystemClock
from workflows.errors import InvalidDuration
from workflows.sqlite.store import Store
from workflows.timers.cron import Cron
from workflows.timers.policy import TimerPolicy
from workflows.timers.table import milliseconds
from workflows.timers.timer import Due, Every, Timer, When

pytestmark = pytest.mark.anyio
DAY = 86_400.0


@pytest.mark.parametrize(
    ("when", "kind", "days", "expected"),
    [
        (300, "once", 30, [300.0]),
        (0, "once", 30, [0.0]),
        (0.001, "once", 30, [0.001]),
        (START + timedelta(days=2), "once", 30, [2 * DAY]),
        (START - timedelta(days=2), "once", 30, [0.0]),
        (Every.parse("12 hours"), "interval", 2, [DAY / 2, DAY, 3 * DAY / 2]),
        (Cron.parse("0 9 * * 1"), "cron", 20, [4 * DAY + 9 * 3600, 11 * DAY + 9 * 3600, 18 * DAY + 9 * 3600]),
        (Cron.parse("0 0 * * *", "Europe/Berlin"), "cron", 2, [23 * 3600.0, 47 * 3600.0]),
    ],
)
async def test_it_is_called_when_it_is_due(when: When, kind: str, days: float, expected: list[float]) -> None:
    async with ticking() as world:
        timer = await world.timers.add("ann", "greet", when, b"hello")
        assert (timer.kind, timer.owner, timer.method, timer.payload) == (kind, "ann", "greet", b"hello")
        await world.until(days * DAY - 1)
    assert world.at == expected
    assert {(call.id, call.attempt) for call in world.calls} == {(timer.id, 1)}


async def test_a_year_of_hours_takes_no_time() -> None:
    async with ticking() as world:
        await world.timers.add("ann", "greet", Every(3600 * 6))
        await world.until(365 * DAY + 1)
    assert len(world.calls) == 365 * 4
    assert world.nominal == world.at


async def test_many_due_at_once_come_in_order_and_not_too_many_together() -> None:
    together, most = 0, 0

    async def then(timer: Timer) -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await world.clock.sleep(1)
        together -= 1

    async with ticking(most_running=10) as world:
        world.then = then
        await asyncio.gather(*(world.timers.add("ann", str(number), 60) for number in range(95)))
        await world.until(300)
    assert [int(call.method) for call in world.calls] == list(range(95))
    assert (most, max(world.at)) == (10, 69.0)


async def test_more_than_the_window_holds_are_all_called(path: Path) -> None:
    async with ticking(path) as before:
        await asyncio.gather(*(before.timers.add("ann", "greet", 1 + number % 50) for number in range(200)))
    async with ticking(path, window=10) as world:
        await asyncio.gather(*(world.timers.add("bob", "greet", 1 + number % 70) for number in range(70)))
        await world.timers.add("bob", "greet", Every(30))
        await world.until(100)
    assert len(world.calls) == 200 + 70 + 3
    assert world.at == world.nominal


async def test_a_nearer_one_is_not_kept_waiting() -> None:
    async with ticking() as world:
        for seconds in (1000, 10, 100, 1):
            await world.timers.add("ann", "greet", seconds)
        await world.until(2000)
    assert world.at == [1.0, 10.0, 100.0, 1000.0]


async def test_one_that_is_told_of_late_is_not_called_twice_at_once() -> None:
    together, most = 0, 0

    async def then(timer: Timer) -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        if together == 1:
            world.timers.written(told)  # as one does who hears of a COMMIT after the window was read
        await world.clock.sleep(3)
        together -= 1

    async with ticking() as world:
        world.then = then
        timer = await world.timers.add("ann", "greet", 5)
        told = Due("tests", timer.owner, milliseconds(timer.due), timer.id)
        await world.until(60)
        world.timers.written(told)
        await world.until(120)
    assert (world.at, most) == ([5.0], 1)


async def test_a_key_means_the_same_timer() -> None:
    async with ticking() as world:
        one = await world.timers.add("ann", "greet", 10, key="k")
        assert await world.timers.add("ann", "other", 20, key="k") == one
        assert (await world.timers.add("bob", "greet", 10, key="k")).id != one.id
        await world.until(60)
        assert (await world.timers.add("ann", "greet", 10, key="k")).id != one.id
    assert world.at == [10.0, 10.0]


async def test_they_can_be_found() -> None:
    async with ticking() as world:
        add = world.timers.add
        late, soon = await add("ann", "greet", 500), await add("ann", "part", 100)
        every, bob = await add("ann", "greet", Every(200)), await add("bob", "greet", 300)
        find = world.timers.find
        assert await find() == [soon, every, bob, late]
        assert await find("ann", method="greet") == [every, late]
        assert await find(kind="interval") == [every]
        assert await find(since=every.due, until=bob.due) == [every, bob]
        assert await find(limit=1) == [soon]
        assert await find(state="dead") == []
        assert (await world.timers.get(bob.id), await world.timers.get(bob.id, owner="ann")) == (bob, None)


@pytest.mark.parametrize("when", [100, Every(100), Cron.parse("*/2 * * * *")])
async def test_cancelled_is_never_called(when: When) -> None:
    async with ticking() as world:
        timer = await world.timers.add("ann", "greet", when)
        assert not await world.timers.cancel(timer.id, owner="bob")
        assert await world.timers.cancel(timer.id, owner="ann")
        assert not await world.timers.cancel(timer.id)
        await world.until(DAY)
    assert world.calls == []


@pytest.mark.parametrize(("when", "answer"), [(100, False), (Every(100), True)])
async def test_cancelled_by_its_own_callback_it_stays_so(when: When, answer: bool) -> None:
    async def then(timer: Timer) -> None:
        answers.append(await world.timers.cancel(timer.id))
        raise LookupError("and no other attempt either")

    answers: list[bool] = []
    async with ticking() as world:
        world.then = then
        await world.timers.add("ann", "greet", when)
        await world.until(DAY)
        assert (answers, world.at, await world.timers.find()) == ([answer], [100.0], [])


@pytest.mark.parametrize("kind", ["once", "interval"])
@pytest.mark.parametrize("turns", range(12))
async def test_cancel_races_with_the_call(turns: int, kind: str, path: Path) -> None:
    async def then(_: Timer) -> None:
        for _turn in range(3):
            await asyncio.sleep(0)

    async with ticking(path) as world:
        world.then = then
        added = [await world.timers.add("ann", "greet", 5 if kind == "once" else Every(5)) for _ in range(20)]
        await world.clock.sleep(5)
        for _turn in range(turns):
            await asyncio.sleep(0)
        answers = await asyncio.gather(*(world.timers.cancel(timer.id) for timer in added))
        before = len(world.calls)
        await world.until(DAY)
        called = {call.id for call in world.calls}
        if kind == "once":
            assert [timer.id in called for timer in added] == [not answer for answer in answers]
        assert (len(world.calls), all(answers) or kind == "once") == (before, True)


async def test_it_is_not_called_while_its_cancel_waits_to_be_written(path: Path) -> None:
    calls: list[Timer] = []

    async def fire(timer: Timer) -> None:
        calls.append(timer)

    clock, written = SystemClock(), threading.Event()
    async with await Store.open(path, clock=clock) as store, served(store, clock, fire) as timers:
        timer = await timers.add("ann", "greet", 0.02)
        slow = store.write(lambda _: written.wait(10))
        cancelling = asyncio.ensure_future(timers.cancel(timer.id))
        await asyncio.sleep(0.05)
        written.set()
        assert (await slow, await cancelling, calls) == (True, True, [])


async def test_the_clock_of_the_wall_may_jump() -> None:
    async with ticking() as world:
        await world.timers.add("ann", "greet", Every(600))
        await world.until(1300)
        world.clock.shift(-700)
        await world.until(1750)
        world.clock.shift(+3600)
        await world.until(1801 + 3600)
    assert world.nominal == [600.0, 1200.0, 4800.0, 5400.0]


@pytest.mark.parametrize(
    ("when", "says"),
    [
        (datetime(2026, 1, 1), "2026-01-01T00:00:00 has no time zone"),  # noqa: DTZ001
        (-1, "delay -1 is negative"),
        (float("nan"), "delay nan is not a duration"),
        (366 * 86_400, "delay 31622400 is longer than 365 days; numbers are seconds"),
    ],
)
async def test_bad_times_are_refused(when: When, says: str) -> None:
    async with ticking() as world:
        with pytest.raises(ValueError, match=says):
            await world.timers.add("ann", "greet", when)


@pytest.mark.parametrize("interval", [0, 0.0001, -5, "5 parsecs", 400 * 86_400])
def test_bad_intervals_are_refused(interval: float | str) -> None:
    with pytest.raises(InvalidDuration, match=r"^interval "):
        Every.parse(interval)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"catchup": "some"}, r'catchup .some. is not known: use "skip", "one" or "all"'),
        ({"overlap": "queue"}, r'overlap .queue. is not known: use "skip", "queue_one" or "allow"'),
        ({"attempts": 0}, "attempts 0 is too few: give at least 1"),
        ({"attempts": 1_001}, "attempts 1001 is too many: give at most 1,000"),
        ({"attempts": True}, "attempts True is not a whole number"),
        ({"attempts": 2.5}, "attempts 2.5 is not a whole number"),
        ({"base_delay": -1}, "base_delay -1 is out of range: give 0 to 86,400 seconds"),
        ({"max_delay": float("inf")}, "max_delay inf is not a number of seconds"),
        ({"jitter": "5"}, "jitter '5' is not a number of seconds"),
        ({"jitter": 86_401}, "jitter 86401 is out of range"),
        (
            {"base_delay": 60, "max_delay": 30},
            "base_delay 60 is longer than max_delay 30: give a longer max_delay",
        ),
        ({"base_delay": 900}, "base_delay 900 is longer than max_delay 600"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}"):
        TimerPolicy(**options)


async def test_what_never_overlaps_has_no_policy_for_it() -> None:
    async with ticking() as world:
        with pytest.raises(ValueError, match="overlap 'allow' does not fit anchor \"end\""):
            await world.timers.add("ann", "m", Every(5, "end"), policy=TimerPolicy(overlap="allow"))
    with pytest.raises(ValueError, match='anchor \'middle\' is not known: use "start" or "end"'):
        Every.parse(5, anchor="middle")  # type: ignore[arg-type]  # the point


async def test_every_second_counts_without_drift() -> None:
    async with ticking() as world:
        await world.timers.add("ann", "greet", Every.parse(1 / 3))
        await world.until(100)
    assert world.at[-1] == pytest.approx(100 - 0.1, abs=0.333)
    assert [round(later - sooner, 3) for sooner, later in zip(world.at, world.at[1:], strict=False)] == [
        0.333
    ] * 299


@pytest.mark.parametrize("state", ["pending", "dead"])
async def test_one_whose_zone_is_gone_is_seen_and_can_be_cancelled(state: Any) -> None:
    async with ticking() as world:
        timer = await world.timers.add("ann", "greet", Cron.parse("@daily", "Europe/Berlin"))
        other = await world.timers.add("ann", "greet", 60)
        gone = "UPDATE timer SET tz = 'Gone/Zone', state = ?, crc = NULL WHERE id = ?"
        store = world.timers._store
        await store.write(lambda connection: connection.execute(gone, (state, timer.id)).rowcount)
        soon, late = await world.timers.find("ann")
        assert (soon.id, late.id, late.due, late.state) == (other.id, timer.id, timer.due, state)
        assert str(late.last_error).startswith("time zone 'Gone/Zone' is not known")
        assert await world.timers.get(timer.id) == late
        assert await world.timers.cancel(timer.id)
        assert await world.timers.find("ann") == [soon]


async def test_it_says_utc(path: Path) -> None:
    async with ticking(path) as world:
        timer = await world.timers.add("ann", "greet", START.astimezone(UTC) + timedelta(hours=1))
        assert (timer.due.tzinfo, timer.nominal) == (UTC, START + timedelta(hours=1))
    assert isinstance(world, Ticking)
