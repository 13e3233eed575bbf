"""How a schedule is called: overlap, the end of an interval, jitter, attempts; and how it is found again."""

from __future__ import annotations

import itertools
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, InvalidSchedule, Schedule
from workflows import Engine
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = 3_600


class Slow(Agent[None, None]):
    """Notes when each run began, and for which time."""

    async def on_start(self) -> None:
        self.began: list[tuple[float, float]] = []
        self.together = self.most = 0
        self.errors: list[str] = []
        self.seen: list[Schedule] = []

    async def work(self, length: float, schedule: Schedule) -> None:
        clock = self.ctx.clock
        self.seen.append(schedule)
        self.began.append((after(clock.now()), after(schedule.time.timestamp())))
        self.together += 1
        self.most = max(self.most, self.together)
        await clock.sleep(length or 0)
        self.together -= 1

    async def fail(self, payload: Any, schedule: Schedule) -> None:
        await self.work(0, schedule)
        raise RuntimeError(f"attempt {schedule.attempt}")

    async def on_error(self, error: Exception) -> None:
        self.errors.append(str(error))


def after(moment: float) -> float:
    """Seconds since the start."""
    return round(moment - START.timestamp(), 3)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


def app(folder: Path, clock: VirtualClock, **options: Any) -> AgentsApp:
    return AgentsApp([Slow], data=folder, clock=clock, **options)


@pytest.mark.parametrize(
    ("overlap", "times", "most", "skipped"),
    [("skip", [10, 40], 1, 4), ("queue_one", [10, 30, 60], 1, 3), ("allow", [10, 20, 30, 40, 50, 60], 3, 0)],
)
async def test_what_comes_during_a_run(
    tmp_path: Path, clock: VirtualClock, overlap: Any, times: list[int], most: int, skipped: int
) -> None:
    async with app(tmp_path, clock) as agents:
        slow = await agents.get_agent(Slow, "a")
        made = await slow.schedules.add_every(10, "work", 25, overlap=overlap)
        await clock.sleep(66)
        [found] = await slow.get_schedules()
        assert ([time for _, time in slow.began], slow.most) == (times, most)
        assert (found.id, found.skipped, {one.id for one in slow.seen}) == (made.id, skipped, {made.id})


async def test_the_schedules_of_an_agent_run_side_by_side(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        slow = await agents.get_agent(Slow, "a")
        for second in (1, 2, 3):
            await slow.schedule(second, "work", 60)
        await clock.sleep(10)
        assert (slow.began, slow.most) == ([(1, 1), (2, 2), (3, 3)], 3)


async def test_an_interval_that_counts_from_the_end_of_a_run(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        slow = await agents.get_agent(Slow, "a")
        made = await slow.schedules.add_every("1 minute", slow.work, 30, anchor="end")
        assert (await slow.schedules.add_every(60, "work", 30, anchor="end")).id == made.id
        assert (await slow.schedule_every(60, "work", 30)).id != made.id
        await slow.cancel_schedule((await slow.schedule_every(60, "work", 30)).id)
        await clock.sleep(250)
        assert slow.began == [(60, 60), (150, 150), (240, 240)]


async def test_jitter_delays_the_call_and_not_the_time(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        several = [await agents.get_agent(Slow, name) for name in "abcdefgh"]
        for slow in several:
            await slow.schedules.add("@hourly", "work", jitter=600)
        await clock.sleep(2 * HOUR - 1)
        began = [slow.began[0] for slow in several]
        assert {time for _, time in began} == {HOUR}
        assert len({at for at, _ in began}) == len(began)
        assert all(HOUR <= at <= HOUR + 600 for at, _ in began)


async def test_attempts_and_their_delays_are_the_schedules_own(
    tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "workflows.timers.call")
    async with app(tmp_path, clock) as agents:
        slow = await agents.get_agent(Slow, "a")
        made = await slow.schedules.add(10, "fail", attempts=4, base_delay=30, max_delay=50)
        await clock.sleep(HOUR)
        at = [began for began, _ in slow.began]
        waits = [later - sooner for sooner, later in itertools.pairwise(at)]
        for wait, middle in zip(waits, [30, 50, 50], strict=True):
            assert 0.75 * middle <= wait <= 1.25 * middle
        [dead] = await slow.get_schedules(dead=True)
        assert (dead.id, dead.attempt, dead.last_error) == (made.id, 4, "RuntimeError: attempt 4")
        assert await slow.schedules.redrive(dead.id)
        assert await slow.get_schedules(dead=True) == []
        await clock.sleep(1)
        assert (slow.began[-1], slow.seen[-1].attempt) == ((HOUR, 10), 1)


async def test_schedules_are_found_by_everything(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        slow = await agents.get_agent(Slow, "a")
        daily = await slow.schedules.add("@daily", "work", tz="Europe/Berlin")
        once = await slow.schedule(60, "fail")
        at = await slow.schedule(START + timedelta(hours=30), "work")
        every = await slow.schedule_every(7, "fail")

        async def found(**wanted: Any) -> list[int]:
            return [one.id for one in await slow.get_schedules(**wanted)]

        assert await found() == [every.id, once.id, daily.id, at.id]
        assert await found(type="delayed") == [once.id]
        assert await found(type="scheduled") == [at.id]
        assert await found(callback="fail") == await found(callback=slow.fail) == [every.id, once.id]
        assert await found(callback="fail", type="interval") == [every.id]
        assert await found(callback="gone") == []
        assert await found(since=START + timedelta(hours=1), until=START + timedelta(hours=24)) == [daily.id]
        assert await found(dead=False) == await found()
        assert await found(dead=True) == []
        assert (daily.tz, daily.cron, at.tz) == ("Europe/Berlin", "@daily", None)
        assert daily.time == START + timedelta(hours=23)
        with pytest.raises(ValueError, match="no time zone"):
            await found(since=datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("overlap", [None, "skip", "queue_one", "allow"])
async def test_an_agent_cancels_what_it_was_woken_for(
    tmp_path: Path, clock: VirtualClock, overlap: Any
) -> None:
    """The call has begun, the method has not: who is told that it is cancelled never sees it run."""
    called: list[str] = []
    answers: list[bool] = []

    class Waker(Agent[None, None]):
        async def on_start(self) -> None:
            answers.extend([await self.cancel_schedule(one.id) for one in await self.get_schedules()])

        async def ring(self) -> None:
            called.append(self.name)

    async with AgentsApp([Waker], data=tmp_path, clock=clock) as agents:
        waker = await agents.get_agent(Waker, "a")
        if overlap is None:
            await waker.schedule(60, "ring")
        else:
            await waker.schedules.add_every(60, "ring", overlap=overlap)
    clock.shift(60)
    async with AgentsApp([Waker], data=tmp_path, clock=clock) as agents:
        await clock.sleep(300)
        assert await (await agents.get_agent(Waker, "a")).get_schedules() == []
    assert (answers, called) == (([False], ["a"]) if overlap is None else ([True], []))


async def test_what_each_start_schedules_anew_is_told(
    tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Starter(Agent[None, None]):
        async def on_start(self) -> None:
            await self.schedule(600, "again")
            await self.schedule(600, "ring", idempotent=True)
            await self.schedule(600, "ring", key="one")
            await self.schedule_every(60, "ring")

        async def again(self) -> None: ...

        async def ring(self) -> None:
            await self.schedule(600, "again")

    async with AgentsApp([Starter], data=tmp_path, clock=clock) as agents:
        await agents.get_agent(Starter, "a")
        await clock.sleep(61)
    said = [one.getMessage() for one in caplog.records if one.name == "agents_sdk.schedule"]
    assert said == [
        'Starter.on_start schedules "again" once more at each start: give idempotent=True, or a key'
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"overlap": "buffer"}, 'overlap .buffer. is not known: use "skip", "queue_one" or "allow"'),
        ({"catchup": "none"}, 'catchup .none. is not known: use "skip", "one" or "all"'),
        ({"jitter": -1}, "jitter -1 is out of range: give 0 to 86,400 seconds"),
        ({"attempts": 0}, "attempts 0 is too few: give at least 1"),
        ({"base_delay": 20, "max_delay": 10}, "base_delay 20 is longer than max_delay 10"),
        ({"anchor": "begin"}, 'anchor .begin. is not known: use "start" or "end"'),
        (
            {"anchor": "end", "overlap": "allow"},
            "overlap .allow. belongs to cron expressions, and to intervals",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused_at_once(
    tmp_path: Path, clock: VirtualClock, options: dict[str, Any], says: str
) -> None:
    async with app(tmp_path, clock) as agents:
        slow = await agents.get_agent(Slow, "a")
        with pytest.raises(InvalidSchedule, match=f"^{says}"):
            await slow.schedules.add_every(60, "work", **options)
        with pytest.raises(InvalidSchedule, match="overlap 'queue_one' belongs to cron"):
            await slow.schedules.add(60, "work", overlap="queue_one")
        assert await slow.get_schedules() == []


async def test_runs_of_a_destroyed_agent_go_with_it(
    tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Engine(tmp_path / "a.db", [], clock=clock) as engine,
        AgentsApp([Slow], engine=engine) as agents,
    ):
        slow = await agents.get_agent(Slow, "a")
        await slow.schedules.add_every(10, "work", 25, overlap="allow")
        await clock.sleep(35)
        began = slow.began
        await slow.destroy()
        await clock.sleep(60)
        assert len(began) == 3
        assert await engine.store.read("SELECT count(*) FROM timer") == [(0,)]
    assert "failed" not in caplog.text
