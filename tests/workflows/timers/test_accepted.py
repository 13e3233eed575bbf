"""What a schedule promises, as it is accepted: S5 to S10 (S6 is in `test_overlap`)."""

from __future__ import annotations

import asyncio
import itertools
import random
import types
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.timers.test_overlap import Slow
from tests.workflows.timers.ticking import START, Ticking, served, ticking
from workflows import clock as clocks
from workflows.clock import SystemClock
from workflows.sqlite.store import Store
from workflows.testing import VirtualClock
from workflows.timers.cron import Cron
from workflows.timers.policy import TimerPolicy
from workflows.timers.timer import Every, Timer, When
from workflows.timers.timetable import Timetable

pytestmark = pytest.mark.anyio
HOUR = 3_600.0
ROUNDS = 10_000
TOGETHER = 100


@pytest.mark.parametrize(
    ("catchup", "nominal"),
    [("skip", []), ("one", [3 * HOUR]), ("all", [300.0 * number for number in range(1, 37)])],
)
async def test_s5_three_hours_of_downtime(path: Path, catchup: Any, nominal: list[float]) -> None:
    async with ticking(path) as before:
        policy = TimerPolicy(catchup=catchup)
        await before.timers.add("ann", "greet", Cron.parse("*/5 * * * *"), policy=policy)
    async with ticking(path, down=3 * HOUR + 1) as world:
        world.then = slow = Slow(world, 8)
        await world.until(3 * HOUR + 299)
    assert world.nominal == nominal
    assert slow.most <= 1


async def test_s7_a_call_that_always_fails() -> None:
    async def fail(timer: Timer) -> None:
        if timer.method == "fail" and timer.nominal < START + timedelta(hours=1.5):
            raise LookupError("always")

    async with ticking() as world:
        world.then = fail
        policy = TimerPolicy(attempts=5, base_delay=10, max_delay=60)
        once = await world.timers.add("ann", "fail", HOUR, policy=policy)
        cron = await world.timers.add("ann", "fail", Cron.parse("@hourly"), policy=policy)
        await world.until(2 * HOUR + 1)
        [dead] = await world.timers.find(state="dead")
        assert (dead.id, dead.attempt, dead.last_error) == (once.id, 5, "LookupError: always")
        found = await world.timers.get(cron.id)
        assert found is not None
        assert (found.state, found.last_error) == ("pending", None)
    for timer in (once, cron):
        at = [at for at, call in zip(world.at, world.calls, strict=True) if call.id == timer.id]
        waits = [later - sooner for sooner, later in itertools.pairwise(at[:5])]
        for wait, middle in zip(waits, [10, 20, 40, 60], strict=True):
            assert 0.75 * middle <= wait <= 1.25 * middle
        assert at[5:] == ([] if timer is once else [2 * HOUR])


async def test_s8_the_wall_clock_jumps_by_an_hour_and_back() -> None:
    async with ticking() as world:
        for rule in (Every(600), Cron.parse("*/10 * * * *"), 900, 5_000):
            await world.timers.add("ann", str(rule), rule)
        await world.until(650)
        world.clock.shift(HOUR)
        await world.clock.sleep(1.5)
        came = [
            (call.method, nominal) for call, nominal in zip(world.calls[2:], world.nominal[2:], strict=True)
        ]
        assert [nominal for method, nominal in came if method == "900"] == [900]
        assert [nominal for method, nominal in came if method not in ("900", "5000")] == [4200, 4200]
        world.clock.shift(-HOUR)
        before = len(world.calls)
        await world.clock.sleep(HOUR - 60)
        assert len(world.calls) == before
        await world.until(5_001)
    counted = Counter((call.id, nominal) for call, nominal in zip(world.calls, world.nominal, strict=True))
    assert set(counted.values()) == {1}
    assert (world.nominal[-1], world.at[-1]) == (5_000, 5_000)


@pytest.mark.parametrize(
    ("day", "expression", "local"),
    [
        ("2026-03-28T12:00+01:00", "30 2 * * *", ["29 03:00", "30 02:30"]),
        (
            "2026-03-28T12:00+01:00",
            "0 */6 * * *",
            ["28 18:00", "29 00:00", "29 06:00", "29 12:00", "29 18:00"],
        ),
        ("2026-10-24T12:00+02:00", "30 2 * * *", ["25 02:30", "26 02:30"]),
        (
            "2026-10-25T01:10+02:00",
            "*/30 * * * *",
            ["25 01:30", "25 02:00", "25 02:30", "25 02:00", "25 02:30"],
        ),
    ],
)
async def test_s8_the_offset_of_a_zone_changes(day: str, expression: str, local: list[str]) -> None:
    clock = VirtualClock(datetime.fromisoformat(day))
    world = Ticking(clock)
    async with await Store.open(":memory:", clock=clock) as store, served(store, clock, world.fire) as timers:
        cron = Cron.parse(expression, "Europe/Berlin")
        await timers.add("ann", "greet", cron)
        await clock.sleep(50 * HOUR)
    seen = [call.nominal.astimezone(cron.next_after(START).tzinfo) for call in world.calls]
    assert [f"{each:%d %H:%M}" for each in seen[: len(local)]] == local
    assert len(set(world.nominal)) == len(world.nominal)


async def test_s8_the_clock_of_the_machine_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = [START.timestamp()]
    monkeypatch.setattr(clocks, "time", types.SimpleNamespace(time=lambda: wall[0]))
    monkeypatch.setattr(clocks, "_RECHECK", 0.001)  # a second
    called: asyncio.Queue[float] = asyncio.Queue()

    async def fire(timer: Timer) -> None:
        called.put_nowait((timer.nominal - START).total_seconds())

    clock = SystemClock()
    async with await Store.open(":memory:", clock=clock) as store, served(store, clock, fire) as timers:
        await timers.add("ann", "greet", Every(600))
        wall[0] += HOUR
        assert await asyncio.wait_for(called.get(), 20) == HOUR
        wall[0] -= HOUR
        await asyncio.sleep(0.05)
        assert called.empty()
        wall[0] += HOUR + 600
        assert await asyncio.wait_for(called.get(), 20) == HOUR + 600


async def test_s9_after_five_seconds_of_a_blocked_loop_everything_comes() -> None:
    async def block(timer: Timer) -> None:
        if timer.method == "block":
            world.clock.shift(5)  # the loop did nothing else meanwhile

    async with ticking() as world:
        world.then = block
        await world.timers.add("ann", "block", 10.5)
        for number in range(50):
            await world.timers.add("ann", "once", 10.55 + number / 10)
        await world.timers.add("ann", "every", Every(1))
        await world.until(15.5)  # on a clock that shows five seconds more by then
        [every] = await world.timers.find(kind="interval")
    once = [
        nominal for call, nominal in zip(world.calls, world.nominal, strict=True) if call.method == "once"
    ]
    assert once == [pytest.approx(10.55 + number / 10) for number in range(50)]
    assert max(at for at, call in zip(world.at, world.calls, strict=True) if call.method == "once") <= 15.6
    again = [
        nominal for call, nominal in zip(world.calls, world.nominal, strict=True) if call.method == "every"
    ]
    assert again == [*range(1, 11), *range(15, 21)]  # what came meanwhile is one call, the latest
    assert every.skipped == 4


RACES: list[tuple[When, TimerPolicy]] = [
    (5, TimerPolicy()),
    (Every(5), TimerPolicy()),
    (Every(5), TimerPolicy(overlap="queue_one")),
    (Every(5), TimerPolicy(overlap="allow")),
    (Every(5, "end"), TimerPolicy()),
]


async def test_s10_a_cancel_races_the_call_ten_thousand_times() -> None:
    chance = random.Random(10)
    cancelled: set[int] = set()
    called: set[int] = set()
    too_late: list[int] = []

    async def then(timer: Timer) -> None:
        called.add(timer.id)
        if timer.id in cancelled:
            too_late.append(timer.id)
        for _ in range(timer.id % 4):
            await asyncio.sleep(0)

    async def one(when: When, policy: TimerPolicy, turns: int, moment: float) -> tuple[int, bool]:
        timer = await world.timers.add("ann", "greet", when, policy=policy)
        await world.clock.sleep(5)
        for _ in range(turns):
            await asyncio.sleep(0)
        with world.clock.busy():
            await asyncio.sleep(moment)  # real time, as the thread that writes needs it
        answer = await world.timers.cancel(timer.id)
        if answer:
            cancelled.add(timer.id)
        return timer.id, answer

    answers: Counter[tuple[int, bool, bool]] = Counter()
    async with ticking() as world:
        world.then = then
        for number in range(ROUNDS // TOGETHER):
            kind = number % len(RACES)
            longest = 0.05 if RACES[kind][1].overlap == "allow" else 0.02  # its run is two writes later
            rounds = (
                one(*RACES[kind], chance.randrange(60), chance.choice([0, chance.uniform(0, longest)]))
                for _ in range(TOGETHER)
            )
            for timer, answer in await asyncio.gather(*rounds):
                answers[kind, answer, timer in called] += 1
        await world.clock.sleep(60)
        assert await world.timers._store.read("SELECT count(*) FROM timer") == [(0,)]
    assert too_late == []
    assert sum(answers.values()) == ROUNDS
    assert (answers[0, True, True], answers[0, False, False]) == (0, 0)  # one-shots: cancelled, or called
    for kind in range(len(RACES)):
        assert answers[kind, True, False] > 0, answers  # both came to pass: it was a race
        assert answers[kind, kind > 0, True] > 0, answers


async def test_a_restart_between_launching_and_calling_loses_no_run(path: Path) -> None:
    async with ticking(path) as before:
        await before.timers.add("ann", "greet", Every(10), policy=TimerPolicy(overlap="allow"))
        timetable: Timetable = before.timers._ticks  # type: ignore[assignment]  # it closes before it has called
        await before.clock.sleep(10)
        await timetable.close(0)
    async with ticking(path, down=12) as world:
        await world.until(25)
    assert sorted({*before.nominal, *world.nominal}) == [10, 20]
