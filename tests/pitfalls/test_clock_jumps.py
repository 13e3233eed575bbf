"""Pitfall 28: the wall clock is set forward or back, by an hour or a day, while something is waited for.

A recorded instant is an instant: it comes when the clock shows it, not earlier and not never. A time limit of
an attempt is a length: no jump moves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended

pytestmark = pytest.mark.anyio

HOUR, DAY = 3_600.0, 86_400.0
jumps = pytest.mark.parametrize("jump", [HOUR, -HOUR, DAY, -DAY])


def fail_once(ctx: Any) -> None:
    if ctx.attempt == 1:
        raise ValueError("once")


async def wait(kind: str, step: Step) -> object:
    """Takes 100 seconds."""
    waits: dict[str, Awaitable[object]] = {
        "sleep": step.sleep("w", 100),
        "retry": step.do("w", fail_once, retries={"limit": 1, "delay": 100}),
        "time limit of a wait": step.wait_for_event("w", "never", timeout=100),
    }
    for other, unused in waits.items():
        if other != kind:
            unused.close()  # type: ignore[attr-defined]  # all of them are coroutines
    return await asyncio.gather(waits[kind], return_exceptions=True)


@jumps
@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("kind", ["sleep", "retry", "time limit of a wait"])
async def test_an_instant_comes_when_the_clock_shows_it(
    world: World, jump: float, replayed: bool, kind: str
) -> None:
    async def run(event: Event, step: Step) -> float:
        await wait(kind, step)
        return world.clock.now()

    async with world.started(run) as instance:
        await world.later(10)
        world.clock.shift(jump)
        if replayed:
            await world.engine.replay()
        over = await instance.result()
    assert over == pytest.approx(max(world.started_at + 100, world.started_at + 10 + jump), abs=0.01)


@jumps
async def test_a_time_limit_of_an_attempt_does_not_move(world: World, jump: float) -> None:
    async def nap(seconds: float) -> str:
        await world.clock.sleep(seconds)
        return "slept"

    async def run(event: Event, step: Step) -> Any:
        quick = await step.do("quick", nap, 20, timeout=30, retries=ONCE)
        slow = await asyncio.gather(
            step.do("slow", nap, 40, timeout=30, retries=ONCE), return_exceptions=True
        )
        return [quick, type(slow[0]).__name__]

    async with world.started(run) as instance:
        await world.later(10)
        world.clock.shift(jump)
        await world.later(15)  # within the slow one
        world.clock.shift(-jump)
        assert await instance.result() == ["slept", "WorkflowTimeoutError"]
    assert world.clock.now() == pytest.approx(world.started_at + 50, abs=0.01)


@jumps
async def test_the_history_keeps_its_order(world: World, jump: float) -> None:
    async def run(event: Event, step: Step) -> None:
        for number in range(3):
            await step.do(f"s{number}", world.clock.sleep, 10)

    async with world.started(run) as instance:
        for _ in range(2):
            await world.later(8)
            world.clock.shift(jump)
        await ended(instance)
        events = [event async for event in instance.subscribe()]
    assert [event.event_id for event in events] == list(range(1, len(events) + 1))
    starts = [event.step_name for event in events if event.type == "step_started"]
    assert starts == ["s0-1", "s1-1", "s2-1"]


@jumps
async def test_a_pause_over_a_jump_shifts_what_is_waited_for_by_what_the_clock_showed(
    world: World, jump: float
) -> None:
    async def run(event: Event, step: Step) -> str:
        await step.sleep("z", 100)
        return "done"

    async with world.started(run) as instance:
        await world.later(10)
        await instance.pause()
        world.clock.shift(jump)
        await instance.resume()
        assert await instance.result() == "done"
    assert world.clock.now() <= world.started_at + jump + 100.01
