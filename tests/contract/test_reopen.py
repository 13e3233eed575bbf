"""Backends that outlive their engine: what was acknowledged is there, and unfinished instances go on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, history, named, workflow
from workflows import StoreInUse
from workflows.lifecycle import BEGUN

pytestmark = pytest.mark.anyio


async def nap(event: Event, step: Step) -> str:
    await step.sleep("z", 100)
    return "slept"


async def test_an_unfinished_instance_goes_on_by_itself(durable: World) -> None:
    calls: list[str] = []

    async def run(event: Event, step: Step) -> Any:
        await step.do("before", lambda: calls.append("before"))
        await step.sleep("z", 100)
        await step.do("after", lambda: calls.append("after"))
        return "done"

    async with durable.started(run):
        await durable.later(5)
    async with durable.reopened(run) as instance:
        assert (await instance.result(), calls) == ("done", ["before", "after"])


@pytest.mark.parametrize(("down", "total"), [(50, 100), (500, 505)])
async def test_a_deadline_stands_while_nobody_runs(durable: World, down: float, total: float) -> None:
    async with durable.started(nap):
        await durable.later(5)
    await durable.later(down)
    async with durable.reopened(nap) as instance:
        status = await ended(instance)
    assert status.finished_at is not None
    assert (status.finished_at - status.created_at).total_seconds() == pytest.approx(total, abs=0.01)


async def test_stopping_the_engine_cuts_a_callback_off_and_it_runs_again_as_the_next_attempt(
    durable: World,
) -> None:
    attempts: list[int] = []

    async def work(ctx: Any) -> int:
        attempts.append(ctx.attempt)
        await durable.clock.sleep(10)
        return ctx.attempt  # type: ignore[no-any-return]  # ctx is named, not annotated, on purpose

    async def run(event: Event, step: Step) -> Any:
        return await step.do("work", work, retries=ONCE)

    async with durable.started(run):
        with durable.clock.busy():
            await asyncio.sleep(0.3)  # a start is written down after a quarter of a second of real time
    async with durable.reopened(run) as instance:
        assert (await instance.result(), attempts) == (2, [1, 2])


async def test_an_event_that_was_sent_is_still_there(durable: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        await step.sleep("z", 100)
        return [(await step.wait_for_event("w", "go")).payload for _ in range(11)]

    async with durable.started(run) as instance:
        for number in range(11):
            await instance.send_event("go", number)
    async with durable.reopened(run) as instance:
        assert await instance.result() == list(range(11))


async def test_a_consumed_event_stays_consumed(durable: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        first = (await step.wait_for_event("w1", "go")).payload
        await step.sleep("z", 100)
        waited = await asyncio.gather(step.wait_for_event("w2", "go", timeout=5), return_exceptions=True)
        return [first, type(waited[0]).__name__]

    async with durable.started(run) as instance:
        await instance.send_event("go", "once")
        await durable.later(5)
    async with durable.reopened(run) as instance:
        assert await instance.result() == ["once", "WorkflowTimeoutError"]


async def test_a_paused_instance_stays_paused(durable: World) -> None:
    async with durable.started(nap) as instance:
        await durable.later(5)
        await instance.pause()
    await durable.later(1_000)
    async with durable.reopened(nap) as instance:
        assert (await instance.status()).status == "paused"
        await instance.resume()
        assert await instance.result() == "slept"


async def test_a_pause_that_waited_for_an_attempt_when_the_process_was_killed_is_one(
    durable: World, tmp_path: Path
) -> None:
    attempts: list[int] = []

    async def work(ctx: Any) -> None:
        attempts.append(ctx.attempt)
        await durable.clock.sleep(10)

    async def run(event: Event, step: Step) -> None:
        await step.do("s", work)

    async with durable.started(run) as instance:
        await durable.later(5)
        await instance.pause()
        assert (await instance.status()).status == "waitingForPause"
        killed = durable.as_killed(tmp_path / "killed")
    async with killed.reopened(run) as instance:
        await killed.later(50)
        assert ((await instance.status()).status, attempts) == ("paused", [1])
        await instance.resume()
        assert await history(instance) == [
            *BEGUN,
            "workflow_waiting_for_pause",
            "workflow_paused",
            "workflow_running",
            *("step_started", "attempt_started", "attempt_completed", "step_completed"),
            "workflow_completed",
        ]


@pytest.mark.parametrize("end", ["complete", "errored", "terminated"])
async def test_a_finished_instance_keeps_its_end(durable: World, end: str) -> None:
    async def run(event: Event, step: Step) -> str:
        if end == "errored":
            raise ValueError("no")
        await step.sleep("z", 10)
        return "out"

    async with durable.started(run) as instance:
        if end == "terminated":
            await instance.terminate()
        before = await ended(instance)
        events = [event async for event in instance.subscribe()]
    async with durable.reopened(run) as instance:
        assert await instance.status() == before
        assert [event async for event in instance.subscribe()] == events
    assert before.status == end


async def test_event_ids_go_on_without_a_gap(durable: World) -> None:
    async with durable.started(nap):
        await durable.later(5)
    async with durable.reopened(nap) as instance:
        ids = [event.event_id async for event in instance.subscribe()]
    assert ids == list(range(1, len(ids) + 1))


async def test_a_retry_delay_stands_while_nobody_runs(durable: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        def fail_once(ctx: Any) -> Any:
            if ctx.attempt == 1:
                raise ValueError("once")
            return ctx.attempt

        return await step.do("s", fail_once, retries={"limit": 2, "delay": 100})

    async with durable.started(run):
        await durable.later(5)
    begun = durable.clock.now()
    async with durable.reopened(run) as instance:
        assert await instance.result() == 2
    assert durable.clock.now() == pytest.approx(begun + 95, abs=0.01)


async def test_two_engines_on_one_backend_are_refused(durable: World) -> None:
    flow = workflow(nap)
    async with durable.open(flow):
        with pytest.raises(StoreInUse):
            async with durable.open(flow):
                pass


async def test_instances_of_unknown_workflows_are_left_alone(durable: World) -> None:
    async with durable.started(nap):
        await durable.later(5)
    other = named("Other", workflow(nap))
    async with durable.open(other):
        await durable.later(1_000)
    async with durable.reopened(nap) as instance:
        assert await instance.result() == "slept"


async def test_steps_that_a_new_program_does_not_ask_for_are_listed(durable: World) -> None:
    async def old(event: Event, step: Step) -> None:
        await step.do("gone", lambda: 1)
        await step.sleep("z", 100)

    async def new(event: Event, step: Step) -> str:
        await step.do("added", lambda: 1)
        await step.sleep("z", 100)
        return "done"

    async with durable.started(old):
        await durable.later(5)
    async with durable.reopened(new) as instance:
        status = await ended(instance)
    assert (status.output, status.unasked) == ("done", ("gone-1",))
