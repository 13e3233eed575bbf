"""Schedules when code, time or methods do not stay as they were."""

from __future__ import annotations

import types
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, InvalidSchedule, Schedule
from workflows import InvalidCron
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

DAY = 86_400
CATCHUPS = [("skip", 0), ("one", 1), ("all", 12)]
LOG: list[Any] = []


class Ringer(Agent[None, None]):
    async def ring(self, payload: Any, schedule: Schedule) -> None:
        LOG.append(schedule.time.strftime("%d %H:%M"))

    async def bare(self) -> None:
        LOG.append("bare")

    def plain(self, payload: Any) -> None:
        LOG.append(payload)

    async def fail(self, payload: Any) -> None:
        LOG.append("failed")
        raise RuntimeError("never works")

    async def on_error(self, error: Exception) -> None:
        LOG.append(str(error))


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def app(folder: Path, clock: VirtualClock, cls: type[Agent[Any, Any]] = Ringer) -> AgentsApp:
    return AgentsApp([cls], data=folder, clock=clock)


async def test_methods_take_what_they_have_parameters_for(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        ringer = await agents.get_agent(Ringer, "a")
        await ringer.schedule(1, "bare")
        await ringer.schedule(2, "plain", {"n": 1})
        await ringer.schedule(timedelta(seconds=60), ringer.ring)
        await clock.sleep(100)
    assert LOG == ["bare", {"n": 1}, "01 00:01"]


async def test_what_is_past_runs_at_once(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        ringer = await agents.get_agent(Ringer, "a")
        for when in (0, -5, datetime(2020, 1, 1, tzinfo=UTC)):
            await ringer.schedule(when, "bare")
        await clock.sleep(0.01)
    assert LOG == ["bare"] * 3


async def test_cron_in_a_time_zone(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        ringer = await agents.get_agent(Ringer, "a")
        await ringer.schedules.add("0 9 * * *", "ring", tz="America/New_York")
        await clock.sleep(DAY)
    assert LOG == ["01 14:00"]


async def test_rules_that_differ_are_schedules_that_differ(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        ringer = await agents.get_agent(Ringer, "a")
        made = [
            await ringer.schedule("@daily", "bare"),
            await ringer.schedule("0 0 * * *", "bare"),
            await ringer.schedules.add("@daily", "bare", tz="Asia/Tokyo"),
            await ringer.schedule_every(60, "bare"),
            await ringer.schedule_every(61, "bare"),
            await ringer.schedule_every(61, "fail"),
        ]
        assert len({one.id for one in made}) == 6


@pytest.mark.parametrize(("catchup", "rings"), CATCHUPS)
async def test_what_was_missed_is_caught_up_as_told(
    tmp_path: Path, clock: VirtualClock, catchup: Any, rings: int
) -> None:
    async with app(tmp_path, clock) as agents:
        await (await agents.get_agent(Ringer, "a")).schedules.add("*/5 * * * *", "ring", catchup=catchup)
    clock.shift(3_601)
    async with app(tmp_path, clock) as agents:
        await clock.sleep(60)
    assert len(LOG) == rings


async def test_after_the_last_attempt_a_schedule_is_dead_and_can_be_driven_again(
    tmp_path: Path, clock: VirtualClock
) -> None:
    async with app(tmp_path, clock) as agents:
        ringer = await agents.get_agent(Ringer, "a")
        task = await ringer.schedules.add(1, "fail", attempts=3)
        await clock.sleep(DAY)
        assert LOG == ["failed", "never works"] * 3
        found = await ringer.get_schedule(task.id)
        assert found is not None
        assert (found.dead, found.last_error) == (True, "RuntimeError: never works")
        assert await ringer.schedules.redrive(task.id)
        await clock.sleep(DAY)
        assert len(LOG) == 12


async def test_a_method_that_is_gone_is_reported_and_its_schedule_stays_visible(
    tmp_path: Path, clock: VirtualClock
) -> None:
    async with app(tmp_path, clock) as agents:
        task = await (await agents.get_agent(Ringer, "a")).schedule(1, "bare")
    changed = types.new_class(
        "Ringer", (Agent,), exec_body=lambda body: body.update(on_error=Ringer.on_error)
    )
    async with app(tmp_path, clock, changed) as agents:
        await clock.sleep(DAY)
        found = await (await agents.get_agent(changed, "a")).get_schedule(task.id)
    assert found is not None
    assert found.dead
    assert 'Ringer has no method "bare" to call; it has no public methods' in LOG[0]


async def test_a_class_that_is_gone_is_logged_and_its_schedule_stays(
    tmp_path: Path, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with app(tmp_path, clock) as agents:
        task = await (await agents.get_agent(Ringer, "a")).schedules.add(1, "bare", attempts=1)
    async with app(tmp_path, clock, types.new_class("Other", (Agent,))) as agents:
        await clock.sleep(DAY)
    assert 'a schedule of Ringer "a" is due, and this app was not given its class' in caplog.text
    async with app(tmp_path, clock) as agents:
        assert await (await agents.get_agent(Ringer, "a")).schedules.redrive(task.id)
        await clock.sleep(1)
    assert LOG == ["bare"]


async def test_schedules_are_listed_as_asked(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        ringer = await agents.get_agent(Ringer, "a")
        now = datetime.fromtimestamp(clock.now(), UTC)
        await ringer.schedule("@daily", "bare")
        await ringer.schedule(now + timedelta(hours=2), "bare")
        await ringer.schedule("1 hour", "bare")
        await ringer.schedule_every("3 hours", "bare")
        types = [one.type for one in await ringer.get_schedules()]
        assert types == ["delayed", "scheduled", "interval", "cron"]
        assert [one.cron for one in await ringer.get_schedules(type="cron")] == ["@daily"]
        soon = await ringer.get_schedules(since=now + timedelta(hours=1.5), until=now + timedelta(hours=3))
        assert [(one.type, one.interval) for one in soon] == [("scheduled", None), ("interval", 10_800)]


@pytest.mark.parametrize(
    ("when", "method", "options", "error", "why"),
    [
        (1, "bare", {"payload": 1}, InvalidSchedule, "Ringer.bare takes no payload"),
        (1, "ring", {"payload": (1, 2)}, InvalidSchedule, "cannot be kept"),
        (1, Ringer.ring, {}, InvalidSchedule, "give a name, or a bound method of itself"),
        (1, "ring", {"tz": "UTC"}, InvalidSchedule, "belongs to a cron expression"),
        ("@daily", "ring", {"tz": "Mars/Base"}, InvalidCron, "Mars/Base"),
        (1, "ring", {"attempts": 0}, ValueError, "attempts 0"),
        ("@daily", "ring", {"catchup": "some"}, ValueError, 'use "skip", "one" or "all"'),
        (True, "ring", {}, ValueError, "True"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    tmp_path: Path,
    clock: VirtualClock,
    when: Any,
    method: Any,
    options: dict[str, Any],
    error: type[Exception],
    why: str,
) -> None:
    async with app(tmp_path, clock) as agents:
        ringer = await agents.get_agent(Ringer, "a")
        with pytest.raises(error, match=why) as refused:
            await ringer.schedules.add(when, method, **options)
        assert "\n" not in str(refused.value)


async def test_a_method_of_another_agent_is_refused(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        ringer, other = [await agents.get_agent(Ringer, name) for name in "ab"]
        with pytest.raises(InvalidSchedule, match="bound method of itself"):
            await ringer.schedule(1, other.bare)


@pytest.mark.parametrize("interval", [0, -1, "31 days", 31 * DAY])
async def test_an_interval_is_positive_and_at_most_30_days(
    tmp_path: Path, clock: VirtualClock, interval: Any
) -> None:
    async with app(tmp_path, clock) as agents:
        ringer = await agents.get_agent(Ringer, "a")
        with pytest.raises(ValueError, match="interval"):
            await ringer.schedule_every(interval, "bare")
