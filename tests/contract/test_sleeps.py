"""Durable sleeps, on virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended

pytestmark = pytest.mark.anyio


def seconds(status: Any) -> float:
    return float((status.finished_at - status.created_at).total_seconds())


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("30 days", 2_592_000),
        ("365 days", 31_536_000),
        (timedelta(hours=1), 3_600),
        (1.5, 1.5),
        (0, 0),
        (-5, 0),
    ],
)
async def test_a_sleep_lasts_as_long_as_said(world: World, duration: Any, expected: float) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("z", duration)

    assert seconds(await world.run(run)) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("duration", ["soon", "150", "10 fortnights", float("nan"), None, True])
async def test_what_is_no_duration_is_refused(world: World, duration: Any) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("z", duration)

    status = await world.run(run)
    assert status.error is not None
    assert "is not a duration" in status.error.message


async def test_more_than_a_year_is_refused_because_it_was_meant_in_milliseconds(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("z", 2_592_000_000)

    status = await world.run(run)
    assert status.error is not None
    assert "365 days" in status.error.message
    assert "seconds" in status.error.message


@pytest.mark.parametrize("as_date", [True, False])
async def test_sleep_until_ends_at_the_instant(world: World, as_date: bool) -> None:
    at = world.clock.now() + 100

    async def run(event: Event, step: Step) -> None:
        await step.sleep_until("u", datetime.fromtimestamp(at, UTC) if as_date else at)

    assert seconds(await world.run(run)) == pytest.approx(100, abs=1e-3)


async def test_an_instant_in_the_past_is_refused(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep_until("u", world.clock.now() - 1)

    status = await world.run(run)
    assert status.error is not None
    assert status.error.message == "You can't sleep until a time in the past, time-traveler"


async def test_a_naive_datetime_is_refused(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep_until("u", datetime(2030, 1, 1))  # noqa: DTZ001

    status = await world.run(run)
    assert status.error is not None
    assert "timezone" in status.error.message or "time zone" in status.error.message


async def test_an_instant_that_passed_while_the_instance_was_paused_is_not_an_error(world: World) -> None:
    at = world.clock.now() + 10

    async def run(event: Event, step: Step) -> str:
        await step.sleep_until("u", at)
        return "done"

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        await world.later(100)
        await instance.resume()
        status = await ended(instance)
    assert status.output == "done"
    assert seconds(status) == pytest.approx(105, abs=1e-3)


@pytest.mark.parametrize(("until", "expected"), [(False, 13), (True, 10)])
async def test_a_pause_shifts_a_sleep_but_not_an_instant(world: World, until: bool, expected: float) -> None:
    at = world.clock.now() + 10

    async def run(event: Event, step: Step) -> None:
        await (step.sleep_until("u", at) if until else step.sleep("z", 10))

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        await world.later(3)
        await instance.resume()
        assert seconds(await ended(instance)) == pytest.approx(expected, abs=1e-3)


async def test_sleeps_may_overlap(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(*(step.sleep("z", number) for number in (10, 30, 20)))

    assert seconds(await world.run(run)) == pytest.approx(30, abs=1e-3)


async def test_a_finished_sleep_is_not_slept_again(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("first", 3)
        await step.sleep("second", 100)

    assert seconds(await world.run_twice(run)) == pytest.approx(103, abs=1e-3)


async def test_an_instant_that_passed_while_nobody_ran_is_not_an_error(world: World) -> None:
    at = world.clock.now() + 3

    async def run(event: Event, step: Step) -> str:
        await step.sleep_until("u", at)
        await step.sleep("z", 10)
        return "done"

    assert (await world.run_twice(run)).output == "done"
