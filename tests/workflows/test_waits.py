"""What waits of one run do to each other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, history
from workflows import InvalidDuration, InvalidPayload, WorkflowError

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    return World(":memory:")


@pytest.mark.parametrize("turns", range(12))
async def test_an_event_that_a_cancelled_wait_held_goes_to_the_next(world: World, turns: int) -> None:
    begun = asyncio.Event()

    async def run(event: Event, step: Step) -> None:
        first, second = (
            asyncio.ensure_future(step.wait_for_event(name, "go", timeout=10)) for name in ("first", "second")
        )
        await step.sleep("z", 1)
        begun.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)

    async with world.started(run) as instance:
        await begun.wait()
        await instance.send_event("go", "here")
        assert (await history(instance)).count("wait_completed") == 1


async def test_events_are_received_by_type_whatever_else_waits(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        waits = [step.wait_for_event(name, name) for name in ("a", "b")]
        received = await asyncio.gather(*waits, step.sleep("z", 5))
        return [one.payload for one in received[:2] if one is not None]

    async with world.started(run) as instance:
        await instance.send_event("b", 2)
        await instance.send_event("other", 3)
        await instance.send_event("a", 1)
        assert (await ended(instance)).output == [1, 2]


async def test_a_payload_that_does_not_fit_fails_the_wait_alike_on_replay(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        with pytest.raises(InvalidPayload, match=r'event "go" does not fit step "w-1": .*valid integer'):
            await step.wait_for_event("w", "go", payload=int)
        await step.sleep("z", 100)
        return "went on"

    async with world.started(run) as instance:
        await instance.send_event("go", "no number")
        await world.later(5)
        await world.engine.replay()
        assert (await ended(instance)).output == "went on"


@pytest.mark.parametrize(
    ("type", "timeout", "error"),
    [("go", 0, InvalidDuration), ("go", "soon", InvalidDuration), ("no type!", 1, WorkflowError)],
)
async def test_a_wrong_wait_is_refused_and_can_be_caught(
    world: World, type: str, timeout: Any, error: Any
) -> None:
    async def run(event: Event, step: Step) -> str:
        with pytest.raises(error):
            await step.wait_for_event("w", type, timeout=timeout)
        return "went on"

    assert (await world.run(run)).output == "went on"


@pytest.mark.parametrize("until", ["tomorrow", True, -1, 1e12])
async def test_what_is_no_instant_is_refused(world: World, until: Any) -> None:
    async def run(event: Event, step: Step) -> str:
        with pytest.raises(InvalidDuration, match="is not a datetime or a number of epoch seconds"):
            await step.sleep_until("u", until)
        return "went on"

    assert (await world.run(run)).output == "went on"


async def test_a_cut_wait_is_waited_for_again_when_nothing_else_is_left(world: World) -> None:
    patient = iter([False, True])

    async def run(event: Event, step: Step) -> str:
        waiting = asyncio.ensure_future(step.sleep("w", 50))
        await step.sleep("z", 3)
        if not next(patient):
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await step.sleep("more", 10)
        else:
            await waiting
        return "went on"

    assert (await world.run_twice(run)).output == "went on"
