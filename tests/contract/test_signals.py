"""Events against waits and steps: the lessons of others, each as a test."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, workflow

pytestmark = pytest.mark.anyio


async def test_an_event_between_the_look_and_the_registration_of_a_wait_is_not_lost(world: World) -> None:
    """Pitfall 9, with 2,100 pairs of a send and a wait in random order."""
    pairs, instances = 100, 21
    chance = random.Random(9)

    async def run(event: Event, step: Step) -> Any:
        received = []
        for number in range(pairs):
            if not chance.randrange(4):
                await step.sleep(f"z{number}", chance.choice((0, 0.5)))
            received.append((await step.wait_for_event(f"w{number}", "go", timeout=60)).payload)
        return received

    async def send(instance: Any) -> None:
        for number in range(pairs):
            await instance.send_event("go", number)
            for _ in range(chance.randrange(9)):
                await asyncio.sleep(0)
            if not chance.randrange(4):
                await world.later(0.5)

    flow = workflow(run)
    async with world.open(flow) as engine:
        created = [await engine.workflow(flow).create(id=f"i{n}") for n in range(instances)]
        await asyncio.gather(*map(send, created))
        for instance in created:
            assert await instance.result() == list(range(pairs))


async def test_waits_in_a_loop_and_side_by_side_run_nothing_before_them_again(world: World) -> None:
    """Pitfall 20: each wait is a step with an id of its own."""
    effects: list[str] = []

    async def run(event: Event, step: Step) -> Any:
        answers = []
        for turn in range(4):
            await step.do("effect", lambda turn=turn: effects.append(f"before {turn}"))
            answers.append((await step.wait_for_event("approval", "go")).payload)
        both = await asyncio.gather(*(step.wait_for_event("side", kind) for kind in ("a", "b")))
        return [*answers, *(received.payload for received in both)]

    async with world.started(run) as instance:
        for number in range(4):
            await world.later(1)
            await instance.send_event("go", number)
            await world.later(1)
            await world.engine.replay()
        for kind in ("b", "a"):
            await instance.send_event(kind, kind)
            await world.engine.replay()
        assert await instance.result() == [0, 1, 2, 3, "a", "b"]
    assert effects == [f"before {turn}" for turn in range(4)]


async def test_a_storm_of_signals_does_not_run_a_step_twice(world: World) -> None:
    """Pitfall 21: whoever wakes an instance finds that its step is under way."""
    bodies: list[int] = []

    async def long() -> None:
        bodies.append(1)
        await world.clock.sleep(100)
        bodies.append(-1)

    async def run(event: Event, step: Step) -> Any:
        await step.do("long", long)
        return [(await step.wait_for_event(f"w{n}", "go")).payload for n in range(200)]

    async with world.started(run) as instance:
        await world.later(1)
        for number in range(200):
            await instance.send_event("go", number)
            if number % 40 == 0:
                await instance.pause()
                await instance.resume()
        assert await instance.result() == list(range(200))
    assert bodies == [1, -1]
