"""What steps report as spent: counted when it is told, over attempts, restarts, children and crashes."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, named, workflow
from workflows import Spent, StepContext, WorkflowFatalError, WorkflowInstance

pytestmark = pytest.mark.anyio

PRICE = Decimal("0.000000125")


async def pays(ctx: StepContext) -> None:
    await ctx.spend(tokens=100, money=PRICE)


async def spent_by(instance: WorkflowInstance) -> Spent:
    usage = (await instance.status()).usage
    return Spent(usage.tokens, usage.money)


async def test_what_the_steps_of_an_instance_spend_adds_up(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        for _ in range(3):
            await step.do("pay", pays)
        await step.do("free", lambda: None)

    async with world.started(run) as instance:
        await ended(instance)
        assert await spent_by(instance) == Spent(300, Decimal("0.000000375"))


async def test_an_attempt_that_fails_has_spent_all_the_same(world: World) -> None:
    async def fails(ctx: StepContext) -> None:
        await ctx.spend(tokens=10, money=Decimal(1))
        raise ConnectionError

    async def run(event: Event, step: Step) -> None:
        await step.do("pay", fails, retries={"limit": 2, "delay": 1})

    async with world.started(run) as instance:
        assert (await ended(instance)).status == "errored"
        assert await spent_by(instance) == Spent(30, Decimal(3))


async def test_what_is_not_waited_for_is_there_when_the_step_is_recorded(world: World) -> None:
    seen: list[Spent] = []

    def pays_at_once(ctx: StepContext) -> None:
        ctx.spend(tokens=7)

    async def run(event: Event, step: Step) -> None:
        await step.do("pay", pays_at_once)
        seen.append(await spent_by(world.engine.workflow("Flow").get("i")))

    await world.run(run)
    assert seen == [Spent(7)]


async def test_a_function_in_a_thread_spends(world: World) -> None:
    def pays_in_thread(ctx: StepContext) -> None:
        ctx.spend(tokens=5).result(10)
        ctx.spend(money=Decimal("0.5"))

    async def run(event: Event, step: Step) -> None:
        await step.do("pay", pays_in_thread)

    async with world.started(run) as instance:
        await ended(instance)
        assert await spent_by(instance) == Spent(5, Decimal("0.5"))


@pytest.mark.parametrize(
    ("spent", "message"),
    [
        ({"tokens": -1}, "tokens=-1: give a whole number, 0 or more"),
        ({"tokens": 1.5}, r"tokens=1\.5: give a whole number"),
        ({"money": 0.1}, r"money=0\.1: give a Decimal"),
        ({"money": Decimal(-1)}, "give 0 or more"),
        ({"money": Decimal("nan")}, "give a Decimal"),
    ],
)
async def test_what_cannot_be_spent_is_refused_at_once(world: World, spent: Any, message: str) -> None:
    async def run(event: Event, step: Step) -> None:
        with pytest.raises(WorkflowFatalError, match=message):
            await step.do("pay", lambda ctx: ctx.spend(**spent))

    status = await world.run(run)
    assert (status.status, status.usage.attempts, status.usage.tokens) == ("complete", 1, 0)


async def test_a_restart_forgets_nothing_that_was_spent(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("pay", pays)

    async with world.started(run) as instance:
        await ended(instance)
        await instance.restart()
        await ended(instance)
        assert await spent_by(instance) == Spent(200, 2 * PRICE)


async def test_a_replay_spends_nothing(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("pay", pays)
        await step.sleep("z", 10)

    assert (await world.run_twice(run)).usage.tokens == 100


async def test_a_parent_has_spent_what_its_children_have_also_those_that_are_deleted(world: World) -> None:
    async def child(event: Event, step: Step) -> None:
        await step.do("pay", pays)

    leaf = named("Leaf", workflow(child))

    async def run(event: Event, step: Step) -> None:
        await step.do("pay", pays)
        for number in range(2):
            await step.run_workflow(f"child {number}", leaf, id=f"leaf-{number}")

    parent = workflow(run)
    async with world.open(parent, leaf) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await ended(instance)
        assert await spent_by(instance) == Spent(300, 3 * PRICE)
        await engine.workflow(leaf).get("leaf-0").delete()
        assert await spent_by(instance) == Spent(300, 3 * PRICE)


async def test_a_step_knows_what_its_whole_family_has_spent(world: World) -> None:
    seen: dict[str, Spent] = {}

    async def look(ctx: StepContext) -> None:
        seen[ctx.key.partition("/")[0]] = await ctx.spent()

    async def child(event: Event, step: Step) -> None:
        await step.do("pay", pays)
        await step.do("look", look)

    leaf = named("Leaf", workflow(child))

    async def between(event: Event, step: Step) -> None:
        await step.do("pay", pays)
        await step.run_workflow("leaf", leaf)
        await step.do("look", look)

    middle = named("Middle", workflow(between))

    async def run(event: Event, step: Step) -> None:
        await step.do("pay", pays)
        await asyncio.gather(*(step.run_workflow(name, middle) for name in ("a", "b")))
        await step.do("look", look)

    top = named("Top", workflow(run))
    async with world.open(top, middle, leaf) as engine:
        await ended(await engine.workflow(top).create())
        await ended(await engine.workflow(leaf).create())
    assert seen["Top"] == Spent(500, 5 * PRICE)
    assert seen["Leaf"] == Spent(100, PRICE)  # of the one that was alone, the last


async def test_what_was_spent_before_a_crash_stays_spent(world: World, tmp_path: Path) -> None:
    if world.path == ":memory:":
        pytest.skip("what is in memory does not outlive its process")
    paid = asyncio.Event()

    async def hangs(ctx: StepContext) -> None:
        await pays(ctx)
        if not paid.is_set():
            paid.set()
            await asyncio.Event().wait()

    async def run(event: Event, step: Step) -> None:
        await step.do("pay", hangs, retries=ONCE)

    async with world.started(run) as instance:
        await paid.wait()
        again = world.as_killed(tmp_path / "killed")
        await instance.terminate()
    async with again.reopened(run) as instance:
        await ended(instance)
        assert await spent_by(instance) == Spent(200, 2 * PRICE)


async def test_the_key_of_a_step_is_the_same_for_all_its_attempts(world: World) -> None:
    keys: list[str] = []

    def fails(ctx: StepContext) -> None:
        keys.append(ctx.key)
        if len(keys) == 1:
            raise ConnectionError

    async def run(event: Event, step: Step) -> None:
        await step.do("s", fails, retries={"limit": 1, "delay": 1})
        await step.do("s", fails)

    await world.run(run)
    assert keys == ["Flow/i/1/s-1", "Flow/i/1/s-1", "Flow/i/1/s-2"]
