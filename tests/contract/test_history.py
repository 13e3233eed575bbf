"""What subscribers see."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended
from workflows import WorkflowError

pytestmark = pytest.mark.anyio


async def program(event: Event, step: Step) -> str:
    await step.do("a", lambda: 1)
    await step.sleep("z", 10)
    await step.do("b", lambda: 2)
    return "end"


async def test_history_comes_first_and_then_what_happens(world: World) -> None:
    async with world.started(program) as instance:
        await world.later(5)
        seen = [(event.event_id, event.type) async for event in instance.subscribe()]
        again = [(event.event_id, event.type) async for event in instance.subscribe()]
    assert seen == again
    assert [number for number, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1][1] == "workflow_completed"


@pytest.mark.parametrize("cursor", [0, 3, 7])
async def test_a_cursor_leaves_out_what_is_known(world: World, cursor: int) -> None:
    async with world.started(program) as instance:
        await ended(instance)
        ids = [event.event_id async for event in instance.subscribe(cursor=cursor)]
    assert ids[0] == cursor + 1


async def test_an_event_is_shown_when_it_happens_not_at_the_end(world: World) -> None:
    async with world.started(program) as instance:
        async for event in instance.subscribe():
            if event.type == "sleep_started":
                assert not (await instance.status()).finished
                break
        else:
            pytest.fail("the sleep was never shown")


async def test_many_may_subscribe_and_leave(world: World) -> None:
    async def follow(instance: Any, count: int) -> int:
        seen = 0
        async for _ in instance.subscribe():
            seen += 1
            if seen == count:
                break
        return seen

    async with world.started(program) as instance:
        assert await asyncio.gather(*(follow(instance, count) for count in (1, 4, 99))) == [1, 4, 14]


async def test_outputs_and_errors_are_shown(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        await step.do("s", lambda: {"a": 1})
        return "out"

    async with world.started(run) as instance:
        shown = {event.type: event.output async for event in instance.subscribe()}
    assert (shown["step_completed"], shown["workflow_completed"]) == ({"a": 1}, "out")


async def test_a_long_attempt_is_shown_before_it_ends(world: World) -> None:
    release = asyncio.Event()

    async def run(event: Event, step: Step) -> None:
        await step.do("long", release.wait)

    async with world.started(run) as instance:
        async for event in instance.subscribe():
            if event.type == "attempt_started":
                break
        assert (await instance.status()).status == "running"
        release.set()


@pytest.mark.parametrize("cursor", [-1, "a", 1.5, None])
async def test_a_bad_cursor_is_refused(world: World, cursor: Any) -> None:
    async with world.started(program) as instance:
        with pytest.raises(WorkflowError, match="Invalid Workflow subscription options"):
            async for _ in instance.subscribe(cursor=cursor):
                pass


async def test_a_filter_shows_only_the_wanted_types_and_ends_all_the_same(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1)
        await step.sleep("z", 10)

    async with world.started(run) as instance:
        wanted = ["sleep_started", "step_completed"]
        seen = [(event.event_id, event.type) async for event in instance.subscribe(filter=wanted)]
        assert [type for _, type in seen] == ["step_completed", "sleep_started"]
        after = [event.type async for event in instance.subscribe(cursor=seen[0][0], filter=wanted)]
        assert after == ["sleep_started"]
        assert [event async for event in instance.subscribe(filter=[])] == []


@pytest.mark.parametrize("filter", [["sleep_ended"], "sleep_started", ["workflow_completed", 1]])
async def test_a_filter_that_can_never_match_is_refused(world: World, filter: Any) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("z", 10)

    async with world.started(run) as instance:
        with pytest.raises(WorkflowError, match="Invalid Workflow subscription options"):
            await anext(aiter(instance.subscribe(filter=filter)))


async def test_steps_that_todays_code_does_not_ask_for_are_told(world: World) -> None:
    first = True

    async def run(event: Event, step: Step) -> None:
        await step.do("charge" if first else "pay", lambda: 1)
        await step.sleep("z", 100)

    async with world.started(run) as instance:
        await world.later(10)
        first = False
        await world.engine.replay()
        assert (await ended(instance)).unasked == ("charge-1",)
        told = [event async for event in instance.subscribe(filter=["step_unasked", "workflow_completed"])]
        assert [(event.type, event.step_name) for event in told] == [
            ("step_unasked", "charge-1"),
            ("workflow_completed", None),
        ]
