"""`schedules = [...]`: an instance for each time of a cron expression, exactly one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.world import Event, Flow, Step, World, named, workflow
from workflows import (
    Cron,
    CronFiring,
    Engine,
    InvalidCron,
    InvalidParams,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowStep,
)

pytestmark = pytest.mark.anyio
HOUR, DAY = 3_600.0, 86_400.0


async def tell(event: Event, step: Step) -> Any:
    schedule = event.schedule
    assert schedule is not None
    return [schedule.cron, schedule.scheduled_time, event.payload]


@asynccontextmanager
async def opened(world: World, schedules: Any = None, *, name: str = "Flow") -> AsyncIterator[Engine]:
    """An engine of one workflow that is called on these schedules."""
    async with world.open(scheduled(schedules, name)) as engine:
        yield engine


def scheduled(schedules: Any, name: str = "Flow") -> Flow:
    return named(name, workflow(tell, **({} if schedules is None else {"schedules": schedules})))


async def times(engine: Engine, name: str = "Flow") -> list[str]:
    """For which times there are instances, in the order of their creation; ids end with them."""
    found = await engine.workflow(name).list()
    outputs = [await engine.workflow(name).get(one.id).result() for one in found.instances]
    stamps = [round(time.timestamp() * 1000) for _, time, _ in outputs]
    assert [int(one.id.rpartition("-")[2]) for one in found.instances] == stamps
    return [f"{time:%d %H:%M:%S}" for _, time, _ in outputs]


async def test_each_time_creates_an_instance_that_knows_it(world: World) -> None:
    seen: list[Event] = []

    async def run(event: Event, step: Step) -> Any:
        await step.sleep("z", 10)
        seen.append(event)

    flow = workflow(run, schedules="0 9 * * 1")
    async with world.open(flow) as engine:
        await world.later(12 * DAY)
        [first, second] = (await engine.workflow(flow).list()).instances
    times = [datetime(2026, 1, day, 9, tzinfo=UTC) for day in (5, 12)]
    assert [event.schedule for event in seen] == [CronFiring("0 9 * * 1", time) for time in times]
    assert [event.payload for event in seen] == [{}, {}]
    assert [event.instance_id for event in seen] == [first.id, second.id]
    # Written out: a release that made other ids would create those again whose timer is called again.
    assert [first.id, second.id] == ["cron-1a3b6c0d-1767603600000", "cron-1a3b6c0d-1768208400000"]
    assert first.created_at == times[0]


async def test_an_instance_of_a_user_has_no_schedule(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return event.schedule is None

    flow = workflow(run, schedules="@hourly")
    async with world.open(flow) as engine:
        assert await (await engine.workflow(flow).create()).result() is True


async def test_several_expressions_and_zones(world: World) -> None:
    berlin = Cron.parse("0 9 * * *", "Europe/Berlin")
    async with opened(world, ["0 9 * * *", berlin, "30 */12 * * *", "0 9 * * *"]) as engine:
        await world.later(DAY)
        assert await times(engine) == ["01 00:30:00", "01 08:00:00", "01 09:00:00", "01 12:30:00"]
        found = await engine.workflow("Flow").list()
    assert len({one.id.split("-")[1] for one in found.instances}) == 3


async def test_a_sequence_of_seconds_is_kept_up_with(world: World) -> None:
    async with opened(world, ("*/10 * * * * *",)) as engine:
        await world.later(60.5)
        assert await times(engine) == [
            f"01 00:0{second // 60}:{second % 60:02}" for second in range(10, 61, 10)
        ]


async def test_a_concurrency_limit_counts_for_them_too(world: World) -> None:
    running, most = 0, 0

    async def slow() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await world.clock.sleep(1.5 * HOUR)
        running -= 1

    async def run(event: Event, step: Step) -> Any:
        await step.do("s", slow, timeout="1 day")

    flow = workflow(run, schedules="@hourly", concurrency=1)
    async with world.open(flow) as engine:
        await world.later(4.2 * HOUR)
        found = await engine.workflow(flow).list()
        assert [one.status for one in found.instances] == ["complete", "complete", "running", "queued"]
    assert most == 1


# What was missed, and what changes, on backends that outlive their engine.


async def test_of_the_times_that_were_missed_the_latest_is_caught_up(durable: World) -> None:
    async with opened(durable, "@hourly") as engine:
        await durable.later(1.5 * HOUR)
        assert await times(engine) == ["01 01:00:00"]
    await durable.later(7 * HOUR)
    async with opened(durable, "@hourly") as engine:
        await durable.later(HOUR)
        assert await times(engine) == ["01 01:00:00", "01 08:00:00", "01 09:00:00"]


async def test_an_unchanged_expression_keeps_its_next_time(durable: World) -> None:
    for _ in range(3):
        async with opened(durable, "0 12 * * *") as engine:
            await durable.later(5 * HOUR)
    async with opened(durable, "0 12 * * *") as engine:
        assert await times(engine) == ["01 12:00:00"]


async def test_expressions_that_are_gone_from_the_code_rest_no_more(durable: World) -> None:
    async with opened(durable, ["@hourly", "@daily"]):
        await durable.later(0.5 * HOUR)
    async with opened(durable, ["30 * * * *", "@daily"]) as engine:
        await durable.later(DAY + 1)
        seen = await times(engine)
    assert "01 01:00:00" not in seen
    assert (seen[0], seen[-1], len(seen)) == ("01 01:30:00", "02 00:30:00", 25)


async def test_a_workflow_without_schedules_any_more_is_left_alone(durable: World) -> None:
    async with opened(durable, "@hourly"):
        await durable.later(0.5 * HOUR)
    async with opened(durable) as engine:
        await durable.later(DAY)
        assert await engine.timers("cron").find() == []
    async with opened(durable, "@hourly") as engine:
        await durable.later(0)
        assert await times(engine) == []


async def test_schedules_of_a_workflow_that_is_not_here_rest(durable: World) -> None:
    async with opened(durable, "@hourly"):
        await durable.later(0.5 * HOUR)
    async with opened(durable, "@daily", name="Other") as engine:
        await durable.later(DAY)
        assert await times(engine, "Other") == ["02 00:00:00"]
    async with opened(durable, "@hourly") as engine:
        await durable.later(1)
        assert await times(engine) == ["02 00:00:00"]


async def test_a_time_whose_timer_is_called_again_has_one_instance(durable: World) -> None:
    async with opened(durable, "@hourly") as engine:
        await durable.later(HOUR + 1)
        # As after a kill between the instance and the record of the call: the row stands as it was.
        [timer] = await engine.timers("cron").find()
        back = "UPDATE timer SET due = due - 3600000, nominal = nominal - 3600000 WHERE id = ?"
        await engine.store.write(lambda connection: connection.execute(back, (timer.id,)).rowcount)
    async with opened(durable, "@hourly") as engine:
        await durable.later(HOUR)
        assert await times(engine) == ["01 01:00:00", "01 02:00:00"]


async def test_a_zone_that_is_not_known_any_more_does_not_stand_in_the_way(durable: World) -> None:
    async with opened(durable, Cron.parse("@daily", "Europe/Berlin")) as engine:
        gone = "UPDATE timer SET tz = 'Gone/Zone', key = '@daily Gone/Zone', crc = NULL"
        await engine.store.write(lambda connection: connection.execute(gone).rowcount)
    async with opened(durable, "@daily") as engine:
        await durable.later(DAY + 1)
        assert await times(engine) == ["02 00:00:00"]


# What is refused before anything is opened.


@dataclass
class Needs:
    name: str


class Wants(WorkflowEntrypoint[None, Needs]):
    schedules = "@daily"

    async def run(self, event: WorkflowEvent[Needs], step: WorkflowStep) -> None: ...


@pytest.mark.parametrize(
    ("flow", "error", "says"),
    [
        (scheduled("every day"), InvalidCron, "^Flow has a wrong schedule: cron 'every day' "),
        (scheduled(["@daily", "0 0 31 2 *"]), InvalidCron, "^Flow has a wrong schedule: .* never fires"),
        (scheduled(60), WorkflowError, "^schedules of Flow are 60: give cron expressions"),
        (scheduled([None]), WorkflowError, r"^schedules of Flow are \[None\]: give cron expressions"),
        (
            Wants,
            InvalidParams,
            "^Wants has schedules, whose instances get {} as params: give each .* default",
        ),
    ],
)
def test_wrong_schedules_are_refused_with_the_class(flow: Flow, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        Engine("never.db", workflows=[flow])
