"""`restart(from_step=…)`: what is forgotten, what stays, and what subscribers see."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, history
from workflows import WorkflowError

pytestmark = pytest.mark.anyio


async def test_the_step_and_all_that_started_after_it_run_again(world: World) -> None:
    calls: Counter[str] = Counter()

    async def run(event: Event, step: Step) -> list[int]:
        def call(name: str) -> int:
            calls[name] += 1
            return calls[name]

        return [await step.do(name, call, name) for name in ("a", "b", "c")]

    async with world.started(run) as instance:
        await ended(instance)
        await instance.restart(from_step="b")
        assert (await ended(instance)).output == [1, 2, 2]
        await instance.restart(from_step="c")
        assert (await ended(instance)).output == [1, 2, 3]


async def test_of_the_history_the_kept_steps_and_the_beginning_stay(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        for _ in range(3):
            await step.do("x", lambda: 1)

    async with world.started(run) as instance:
        await ended(instance)
        await instance.restart(from_step="x", count=2)
        types = await history(instance)
        one = ["step_started", "attempt_started", "attempt_completed", "step_completed"]
        assert types == [
            "workflow_queued",
            "workflow_started",
            *one,
            "workflow_running",
            *one,
            *one,
            "workflow_completed",
        ]
        ids = [event.event_id async for event in instance.subscribe()]
        assert ids == sorted(set(ids))


async def test_after_is_by_the_order_of_starts_not_of_ends(world: World) -> None:
    calls: Counter[str] = Counter()

    async def run(event: Event, step: Step) -> None:
        async def call(name: str, seconds: float) -> None:
            calls[name] += 1
            await world.later(seconds)

        await asyncio.gather(
            *(step.do(name, call, name, wait) for name, wait in (("a", 3), ("b", 1), ("c", 2)))
        )

    async with world.started(run) as instance:
        await ended(instance)
        await instance.restart(from_step="b")
        await ended(instance)
        assert calls == {"a": 1, "b": 2, "c": 2}


async def test_a_failed_step_can_be_tried_again(world: World) -> None:
    broken = True

    async def run(event: Event, step: Step) -> str:
        def call() -> str:
            if broken:
                raise ValueError("the service is down")
            return "paid"

        await step.do("before", lambda: 1)
        return await step.do("pay", call, retries={"limit": 0, "delay": 0})

    async with world.started(run) as instance:
        assert (await ended(instance)).status == "errored"
        broken = False
        await instance.restart(from_step="pay")
        status = await ended(instance)
        assert (status.output, status.error) == ("paid", None)


async def test_from_a_sleep_and_from_a_wait(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        await step.sleep("z", 100)
        got = await step.wait_for_event("w", "go")
        await step.do("last", lambda: 1)
        return got.payload

    async with world.started(run) as instance:
        await instance.send_event("go", 1)
        await instance.send_event("go", 2)
        assert (await ended(instance)).output == 1
        at = world.clock.now()
        await instance.restart(from_step="w", kind="wait_for_event")
        assert (await ended(instance)).output == 2  # what was received is gone, what was not is kept
        assert world.clock.now() - at < 1
        await instance.restart(from_step="z", kind="sleep")
        await world.later(100)
        await instance.send_event("go", 3)
        assert (await ended(instance)).output == 3


async def test_a_running_instance_is_cut_off(world: World) -> None:
    started: list[str] = []

    async def run(event: Event, step: Step) -> str:
        async def slow(name: str) -> None:
            started.append(name)
            await world.later(10)
            started.append(f"{name} ended")

        await step.do("a", slow, "a")
        await step.do("b", slow, "b")
        return "done"

    async with world.started(run) as instance:
        await world.later(15)
        await instance.restart(from_step="a")
        assert (await ended(instance)).output == "done"
        assert started == ["a", "a ended", "b", "a", "a ended", "b", "b ended"]


async def test_what_forgotten_steps_have_used_still_counts(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        for name in ("a", "b"):
            await step.do(name, world.clock.sleep, 3)

    async with world.started(run) as instance:
        await ended(instance)
        await instance.restart(from_step="b")
        await ended(instance)
        await instance.restart()
        usage = (await ended(instance)).usage
        assert (usage.steps, usage.attempts) == (5, 5)


@pytest.mark.parametrize(("step", "options"), [("b", {}), ("a", {"count": 2}), ("a", {"kind": "sleep"})])
async def test_an_unknown_step_is_refused_and_nothing_is_lost(world: World, step: str, options: Any) -> None:
    async def run(event: Event, step: Step) -> str:
        await step.do("a", lambda: 1)
        return "done"

    async with world.started(run) as instance:
        await ended(instance)
        with pytest.raises(
            WorkflowError, match=r"\(instance.cannot_restart\) Step \"[ab]\" not found in exec"
        ):
            await instance.restart(from_step=step, **options)
        assert (await instance.status()).output == "done"


@pytest.mark.parametrize("ends", [True, False])
async def test_a_step_that_was_cut_off_as_soon_as_it_began_is_found(world: World, ends: bool) -> None:
    attempts: list[int] = []

    async def work(ctx: Any) -> None:
        attempts.append(ctx.attempt)
        await world.clock.sleep(10)

    async with world.started(lambda event, step: step.do("s", work)) as instance:
        await world.later(5)
        if ends:
            await instance.terminate()
        await instance.restart(from_step="s")
        assert (await ended(instance)).status == "complete"
        assert attempts == [1, 1]


async def test_a_step_that_began_before_goes_on_with_its_next_attempt(world: World) -> None:
    attempts: list[int] = []

    async def work(ctx: Any) -> None:
        attempts.append(ctx.attempt)
        await world.clock.sleep(10)

    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(step.do("a", work), step.do("b", lambda: 1))

    async with world.started(run) as instance:
        await world.later(5)
        await instance.restart(from_step="b")
        assert (await ended(instance)).status == "complete"
        assert attempts == [1, 2]


async def test_an_unknown_kind_is_refused(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("z", 10)

    async with world.started(run) as instance:
        kind: Any = "nap"
        with pytest.raises(WorkflowError, match="kind 'nap' is not known: use do, sleep, wait_for_event"):
            await instance.restart(from_step="z", kind=kind)


async def test_it_survives_the_engine(durable: World) -> None:
    calls: Counter[str] = Counter()

    async def run(event: Event, step: Step) -> list[int]:
        def call(name: str) -> int:
            calls[name] += 1
            return calls[name]

        first = await step.do("a", call, "a")
        await step.sleep("z", 10)
        return [first, await step.do("b", call, "b")]

    async with durable.started(run) as instance:
        await ended(instance)
        await instance.restart(from_step="z", kind="sleep")
        assert (await instance.status()).status in ("running", "waiting")
    async with durable.reopened(run) as instance:
        status = await ended(instance)
        assert (status.output, status.usage.steps) == ([1, 2], 3)


async def test_a_follower_sees_it_begin_anew(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1)
        await step.sleep("z", 10)

    async with world.started(run) as instance:
        seen: list[str] = []

        async def follow() -> None:
            seen.extend([event.type async for event in instance.subscribe()])

        following = asyncio.create_task(follow())
        await world.later(5)
        await instance.restart(from_step="z", kind="sleep")
        await following
        assert seen[-4:] == ["workflow_running", "sleep_started", "sleep_completed", "workflow_completed"]
        assert seen.count("sleep_started") == 2
