"""Times that come while the last call goes on, intervals from its end, and times that are spread."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.timers.ticking import START, Ticking, ticking
from workflows.timers.cron import Cron
from workflows.timers.policy import Overlap, TimerPolicy
from workflows.timers.side_by_side import MOST
from workflows.timers.timer import Every, Timer

pytestmark = pytest.mark.anyio
HOUR = 3_600.0
ALLOW = TimerPolicy(overlap="allow")


def hanging(world: Ticking) -> Callable[[Timer], Awaitable[object]]:
    """A callback that never ends, while time goes on."""

    async def hang(_: Timer) -> None:
        with world.clock.waiting():
            await asyncio.Event().wait()

    return hang


class Slow:
    """A callback of a length, and how many of it were under way together."""

    def __init__(self, world: Ticking, seconds: float) -> None:
        self._world = world
        self._seconds = seconds
        self._together = 0
        self.most = 0
        self.ended = 0

    async def __call__(self, timer: Timer) -> None:
        self._together += 1
        self.most = max(self.most, self._together)
        try:
            await self._world.clock.sleep(self._seconds)
            self.ended += 1
        finally:
            self._together -= 1


@pytest.mark.parametrize(
    ("overlap", "begun", "nominal", "most", "skipped"),
    [
        ("skip", [10, 40, 70], [10, 40, 70], 1, 6),
        ("queue_one", [10, 35, 60, 85], [10, 30, 60, 80], 1, 4),
        ("allow", [10, 20, 30, 40, 50, 60, 70, 80, 90], [10, 20, 30, 40, 50, 60, 70, 80, 90], 3, 0),
    ],
)
@pytest.mark.parametrize("rule", [Every(10), Cron.parse("*/10 * * * * *")])
async def test_s6_a_call_of_two_and_a_half_intervals(
    rule: Cron | Every, overlap: Overlap, begun: list[int], nominal: list[int], most: int, skipped: int
) -> None:
    async with ticking() as world:
        world.then = slow = Slow(world, 25)
        timer = await world.timers.add("ann", "greet", rule, policy=TimerPolicy(overlap=overlap))
        await world.until(99)
        [found] = await world.timers.find()
        assert (world.at, world.nominal, slow.most) == (begun, nominal, most)
        assert (found.skipped, found.last_error) == (skipped, None)
        assert {call.id for call in world.calls} == {timer.id}


async def test_a_call_that_ends_with_the_next_time_is_followed_by_the_one_after() -> None:
    async with ticking() as world:
        world.then = Slow(world, 10)
        await world.timers.add("ann", "greet", Every(10))
        await world.until(55)
    assert world.at == [10, 30, 50]


@pytest.mark.parametrize("catchup", ["skip", "one", "all"])
async def test_what_is_queued_comes_however_long_the_call_took(catchup: Any) -> None:
    async with ticking() as world:
        world.then = Slow(world, 170)
        policy = TimerPolicy(overlap="queue_one", catchup=catchup)
        await world.timers.add("ann", "greet", Cron.parse("*/2 * * * *"), policy=policy)
        await world.until(500)
    assert world.at == [120, 290, 460]
    assert world.nominal == [120, 240, 360]


@pytest.mark.parametrize("overlap", ["skip", "queue_one"])
@pytest.mark.parametrize("catchup", ["skip", "one", "all"])
async def test_after_a_restart_the_call_that_was_cut_off_comes_alone_and_with_its_time(
    path: Path, overlap: Overlap, catchup: Any
) -> None:
    async with ticking(path) as before:
        before.then = hanging(before)
        policy = TimerPolicy(overlap=overlap, catchup=catchup)
        await before.timers.add("ann", "greet", Every(10), policy=policy)
        await before.until(15)
        await before.timers.close(grace=0.01)
    async with ticking(path, down=45) as world:
        world.then = slow = Slow(world, 1)
        await world.until(61)
    late = {"skip": [], "one": [40.0], "all": [20.0, 30.0, 40.0]}[catchup]
    # Those that came in the call are missed ones; the one that was cut off is repeated in any case.
    assert (before.nominal, world.nominal[0], slow.most) == ([10.0], 10.0, 1)
    assert world.nominal[1:] == [*late, 50.0, 60.0]


async def test_runs_beside_each_other_all_outlive_a_restart(path: Path) -> None:
    async with ticking(path) as before:
        before.then = hanging(before)
        timer = await before.timers.add("ann", "greet", Every(10), b"x", policy=ALLOW)
        await before.until(35)
        await before.timers.close(grace=0.01)
    async with ticking(path, down=38) as world:
        world.then = slow = Slow(world, 0.5)
        await world.until(45)
        assert [one.id for one in await world.timers.find()] == [timer.id]
        assert await world.timers.find() == [await world.timers.get(timer.id)]
    assert (before.nominal, world.nominal) == ([10, 20, 30], [10, 20, 30, 40])
    assert (slow.ended, {(call.id, call.payload) for call in world.calls}) == (4, {(timer.id, b"x")})


async def test_runs_beside_each_other_are_tried_again_each_for_itself() -> None:
    async def fail(timer: Timer) -> None:
        if timer.nominal == START + timedelta(seconds=10):
            raise LookupError(f"attempt {timer.attempt}")

    async with ticking() as world:
        world.then = fail
        policy = TimerPolicy(overlap="allow", attempts=5)
        timer = await world.timers.add("ann", "greet", Every(10), policy=policy)
        await world.until(59)
        found = await world.timers.get(timer.id)
        assert await world.timers._store.read("SELECT count(*) FROM timer") == [(1,)]
    counted = Counter(world.nominal)
    assert counted == {10: 5, 20: 1, 30: 1, 40: 1, 50: 1}
    assert [call.attempt for call in world.calls if call.nominal == START + timedelta(seconds=10)] == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert found is not None
    assert (found.state, found.last_error) == ("pending", None)  # others have succeeded since


async def test_a_run_that_is_given_up_shows_its_error_and_kills_nothing() -> None:
    async def fail(timer: Timer) -> None:
        raise LookupError("never")

    async with ticking() as world:
        world.then = fail
        policy = TimerPolicy(overlap="allow", attempts=2)
        timer = await world.timers.add("ann", "greet", Every(10), policy=policy)
        await world.until(39)
        found = await world.timers.get(timer.id)
    assert found is not None
    assert (found.state, found.last_error, len(world.calls)) == ("pending", "LookupError: never", 6)


@pytest.mark.parametrize("after", [15, 20, 20.001])
async def test_cancelled_is_never_called_beside_its_running_ones(path: Path, after: float) -> None:
    async with ticking(path) as world:
        world.then = slow = Slow(world, HOUR)
        timer = await world.timers.add("ann", "greet", Every(10), policy=ALLOW)
        await world.until(after)
        assert await world.timers.cancel(timer.id, owner="ann")
        before = len(world.calls)
        await world.until(2 * HOUR)
        assert (len(world.calls), slow.ended, await world.timers.find()) == (before, before, [])
        assert await world.timers._store.read("SELECT count(*) FROM timer") == [(0,)]


async def test_attempts_that_were_to_come_are_cancelled_too() -> None:
    async def fail(timer: Timer) -> None:
        raise LookupError("never")

    async with ticking() as world:
        world.then = fail
        timer = await world.timers.add("ann", "greet", Every(10), policy=ALLOW)
        await world.until(11)
        assert await world.timers.cancel(timer.id)
        await world.until(HOUR)
    assert len(world.calls) == 1


async def test_so_many_run_beside_each_other_and_no_more() -> None:
    async with ticking() as world:
        world.then = slow = Slow(world, 300)
        await world.timers.add("ann", "greet", Every(1), policy=ALLOW)
        await world.until(250)
        assert (slow.most, len(world.calls)) == (MOST, MOST)
        await world.until(320.5)
        [timer] = await world.timers.find()
    assert slow.most == MOST
    assert MOST + 15 <= len(world.calls) <= MOST + 20
    assert timer.skipped > 190


async def test_an_interval_from_the_end_of_a_call() -> None:
    async with ticking() as world:
        world.then = slow = Slow(world, 4)
        timer = await world.timers.add("ann", "greet", Every(10, "end"))
        await world.until(60)
        found = await world.timers.get(timer.id)
    assert (world.at, world.nominal, slow.most) == ([10, 24, 38, 52], [10, 24, 38, 52], 1)
    assert found is not None
    assert (found.when, found.skipped) == (Every(10, "end"), 0)


async def test_an_interval_from_the_end_counts_from_the_last_attempt() -> None:
    async def fail(timer: Timer) -> None:
        if timer.attempt < 3 or timer.nominal > START + timedelta(seconds=100):
            raise LookupError(f"attempt {timer.attempt}")

    async with ticking() as world:
        world.then = fail
        await world.timers.add("ann", "greet", Every(100, "end"), policy=TimerPolicy(attempts=4))
        await world.until(500)
    begun = [at for at, call in zip(world.at, world.calls, strict=True) if call.attempt == 1]
    ended = [
        at for at, call in zip(world.at, world.calls, strict=True) if call.attempt == (3 if at < 150 else 4)
    ]
    assert [call.attempt for call in world.calls] == [1, 2, 3, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4][
        : len(world.calls)
    ]
    for end, following in zip(ended, begun[1:], strict=False):
        assert following == pytest.approx(end + 100, abs=0.002)


@pytest.mark.parametrize(
    ("catchup", "expected"), [("skip", [1010.0]), ("one", [10.0, 1010.0]), ("all", [10.0, 1010.0])]
)
async def test_an_interval_from_the_end_misses_one_time_at_most(
    path: Path, catchup: Any, expected: list[float]
) -> None:
    async with ticking(path) as before:
        await before.timers.add("ann", "greet", Every(10, "end"), policy=TimerPolicy(catchup=catchup))
    async with ticking(path, down=1000) as world:
        await world.until(1011)
    assert world.nominal == expected


@pytest.mark.parametrize("rule", [Every(60), Cron.parse("* * * * *"), 60])
async def test_jitter_delays_a_call_and_not_its_time(rule: Any) -> None:
    async with ticking() as world:
        await world.timers.add("ann", "greet", rule, policy=TimerPolicy(jitter=20))
        await world.until(HOUR)
        late = [at - nominal for at, nominal in zip(world.at, world.nominal, strict=True)]
    assert all(nominal % 60 == 0 for nominal in world.nominal)
    assert all(0 <= each <= 20 for each in late)
    if rule != 60:
        assert len(world.calls) == 59
        assert min(late) < 5
        assert max(late) > 15


async def test_jitter_spreads_those_that_are_due_together_the_same_way_each_time() -> None:
    async def at(owners: int) -> dict[str, float]:
        async with ticking() as world:
            for number in range(owners):
                await world.timers.add(str(number), "greet", Every(HOUR), policy=TimerPolicy(jitter=600))
            await world.until(HOUR + 601)
            return dict(zip((call.owner for call in world.calls), world.at, strict=True))

    first, second = await at(100), await at(100)
    assert first == second
    assert len(set(first.values())) > 95
    assert sum(each < HOUR + 300 for each in first.values()) in range(30, 71)


async def test_jitter_never_reaches_the_next_time(path: Path) -> None:
    async with ticking(path) as world:
        await world.timers.add("ann", "greet", Every(1), policy=TimerPolicy(jitter=HOUR))
        await world.until(200)
    assert world.nominal == [float(second) for second in range(1, len(world.calls) + 1)]
    assert len(world.calls) in (198, 199, 200)
    assert all(0 <= at - nominal < 1 for at, nominal in zip(world.at, world.nominal, strict=True))


async def test_jitter_is_kept_over_a_restart(path: Path) -> None:
    async with ticking(path) as before:
        timer = await before.timers.add("ann", "greet", Every(HOUR), policy=TimerPolicy(jitter=600))
    async with ticking(path, down=60) as world:
        await world.until(HOUR + 601)
    assert timer.due > timer.nominal
    assert world.at == [(timer.due - START).total_seconds()]


async def test_two_timers_of_one_owner_run_side_by_side() -> None:
    async with ticking() as world:
        world.then = slow = Slow(world, 5)
        await asyncio.gather(*(world.timers.add("ann", method, 10) for method in ("one", "two", "three")))
        await world.until(60)
    assert (slow.most, slow.ended) == (3, 3)
