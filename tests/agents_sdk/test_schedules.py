"""Schedules: durable, on virtual time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, InvalidSchedule, Schedule, UnknownMethod
from workflows import InvalidCron, InvalidDuration
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


class LogAgent(Agent[None, list[Any]]):
    initial_state: list[Any] = []

    async def note(self, payload: Any, schedule: Schedule) -> None:
        await self.set_state([*self.state, [f"{schedule.time:%d %H:%M:%S}", payload]])

    async def once(self, payload: Any) -> None:
        await self.set_state([*self.state, payload])

    async def until_three(self, payload: Any, schedule: Schedule) -> None:
        await self.note(payload, schedule)
        if len(self.state) == 3:
            assert await self.cancel_schedule(schedule.id)

    async def exactly(self, payload: int, schedule: Schedule) -> None:
        await self.set_state([*self.state, [payload, schedule.time.isoformat()]])

    async def fail_twice(self, payload: Any) -> None:
        await self.set_state([*self.state, len(self.state)])
        if len(self.state) < 3:
            raise RuntimeError("not yet")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


def app(folder: Path, clock: VirtualClock) -> AgentsApp:
    return AgentsApp([LogAgent], data=folder, clock=clock)


async def test_a_delay_an_instant_and_a_duration(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        agent = await agents.get_agent(LogAgent, "a")
        at = datetime.fromtimestamp(clock.now(), UTC) + timedelta(hours=1)
        made = [
            await agent.schedule(300, "note", "delay"),
            await agent.schedule(at, agent.note, "instant"),
            await agent.schedule("2 days", "note", "duration"),
        ]
        assert [one.type for one in made] == ["delayed", "scheduled", "delayed"]
        await clock.sleep(3 * 86_400)
        assert agent.state == [
            ["01 00:05:00", "delay"],
            ["01 01:00:00", "instant"],
            ["03 00:00:00", "duration"],
        ]
        assert await agent.get_schedules() == []


async def test_cron_monday_is_monday_and_a_method_may_end_it(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        agent = await agents.get_agent(LogAgent, "a")
        await agent.schedule("0 9 * * 1", "until_three", "monday")
        await clock.sleep(40 * 86_400)
        assert [when for when, _ in agent.state] == ["05 09:00:00", "12 09:00:00", "19 09:00:00"]
        assert await agent.get_schedules() == []


async def test_an_interval_is_kept_over_a_restart_and_caught_up_once(
    tmp_path: Path, clock: VirtualClock
) -> None:
    async with app(tmp_path, clock) as agents:
        agent = await agents.get_agent(LogAgent, "a")
        await agent.schedule_every(60, "note")
        await clock.sleep(125)
    clock.shift(600)
    async with app(tmp_path, clock) as agents:
        await clock.sleep(30)
        state = (await agents.get_agent(LogAgent, "a")).state
    assert [when for when, _ in state] == ["01 00:01:00", "01 00:02:00", "01 00:12:00"]


async def test_a_missed_delay_wakes_its_agent_at_the_next_start(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        await (await agents.get_agent(LogAgent, "a")).schedule(300, "once", "late")
    clock.shift(3_600)
    async with app(tmp_path, clock) as agents:
        await clock.sleep(1)
        assert (await agents.get_agent(LogAgent, "a")).state == ["late"]


async def test_a_call_that_raises_is_tried_again(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        agent = await agents.get_agent(LogAgent, "a")
        await agent.schedule(1, "fail_twice")
        await clock.sleep(60)
        assert (agent.state, await agent.get_schedules()) == ([0, 1, 2], [])


async def test_recurring_schedules_are_idempotent(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        agent = await agents.get_agent(LogAgent, "a")
        first = await agent.schedule("@daily", "once", {"n": 1})
        assert (await agent.schedule("@daily", agent.once, {"n": 1})).id == first.id
        others = [
            await agent.schedule("@daily", "once", {"n": 2}),
            await agent.schedule("@daily", "once", {"n": 1}, idempotent=False),
            await agent.schedule_every("1 day", "once", {"n": 1}),
            await (await agents.get_agent(LogAgent, "b")).schedule("@daily", "once", {"n": 1}),
        ]
        assert len({first.id, *(one.id for one in others)}) == 5


@pytest.mark.parametrize("options", [{"idempotent": True}, {"key": "k"}])
async def test_one_shots_are_idempotent_when_asked(
    tmp_path: Path, clock: VirtualClock, options: dict[str, Any]
) -> None:
    async with app(tmp_path, clock) as agents:
        agent = await agents.get_agent(LogAgent, "a")
        first = await agent.schedule(60, "once", 1, **options)
        assert (await agent.schedule(90, "once", 1, **options)).id == first.id
        assert (await agent.schedule(60, "once", 1)).id != (await agent.schedule(60, "once", 1)).id


async def test_schedules_belong_to_their_agent(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        mine, other = [await agents.get_agent(LogAgent, name) for name in "ab"]
        task = await mine.schedule(60, "once", 1)
        assert (await other.get_schedule(task.id), await other.cancel_schedule(task.id)) == (None, False)
        assert await mine.get_schedule(task.id) == task
        assert (await mine.cancel_schedule(task.id), await mine.cancel_schedule(task.id)) == (True, False)
        await clock.sleep(120)
        assert mine.state == []


async def test_an_agent_drives_only_its_own_dead_again(tmp_path: Path, clock: VirtualClock) -> None:
    async with app(tmp_path, clock) as agents:
        mine, other = [await agents.get_agent(LogAgent, name) for name in "ab"]
        task = await mine.schedules.add(1, "fail_twice", attempts=1)
        await clock.sleep(60)
        [dead] = await mine.get_schedules(dead=True)
        assert (dead.id, await other.get_schedules(dead=True)) == (task.id, [])
        assert (await other.schedules.redrive(task.id), await mine.schedules.redrive(task.id)) == (
            False,
            True,
        )


async def test_times_keep_their_milliseconds(tmp_path: Path, clock: VirtualClock) -> None:
    begun = datetime.fromtimestamp(clock.now(), UTC)
    times = [begun + timedelta(milliseconds=number) for number in range(1, 60_000, 127)]
    async with app(tmp_path, clock) as agents:
        agent = await agents.get_agent(LogAgent, "a")
        made = [await agent.schedule(time, "exactly", number) for number, time in enumerate(times)]
        assert [task.time for task in made] == times
    async with app(tmp_path, clock) as agents:
        agent = await agents.get_agent(LogAgent, "a")
        assert [task.time for task in await agent.get_schedules()] == times
        await clock.sleep(61)
        assert agent.state == [[number, time.isoformat()] for number, time in enumerate(times)]


@pytest.mark.parametrize(
    ("when", "method", "payload", "error", "why"),
    [
        (
            1,
            "nope",
            None,
            UnknownMethod,
            'LogAgent has no method "nope".*exactly, fail_twice, note, once',
        ),
        (1, "_hidden", None, UnknownMethod, "_hidden"),
        (1, "set_state", None, UnknownMethod, "set_state"),
        ("61 * * * *", "once", None, InvalidCron, "61"),
        ("soon", "once", None, InvalidDuration, "soon"),
        ("300", "once", None, InvalidDuration, "300"),
        (datetime(2026, 1, 1), "once", None, InvalidSchedule, "no time zone"),  # noqa: DTZ001
        (1, "once", object(), InvalidSchedule, 'payload for "once"'),
    ],
)
async def test_bad_schedules_are_refused_in_one_line(
    tmp_path: Path,
    clock: VirtualClock,
    when: Any,
    method: str,
    payload: Any,
    error: type[Exception],
    why: str,
) -> None:
    async with app(tmp_path, clock) as agents:
        agent = await agents.get_agent(LogAgent, "a")
        with pytest.raises(error, match=why) as refused:
            await agent.schedule(when, method, payload)
        assert "\n" not in str(refused.value)
        assert await agent.get_schedules() == []
