"""Retention: when a finished instance is erased, and that nothing of it is left."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, named, workflow
from workflows import Engine, InstanceNotFound, WorkflowError, WorkflowInstance

pytestmark = pytest.mark.anyio

DAY = 86_400


async def behave(event: Event, step: Step) -> str:
    match event.payload:
        case "fail":
            raise ValueError("as wished")
        case "sleep":
            await step.sleep("z", "10 days")
    return "done"


async def exists(instance: WorkflowInstance) -> bool:
    try:
        await instance.status()
    except InstanceNotFound:
        return False
    return True


async def gone_after(world: World, instance: WorkflowInstance, days: float) -> bool:
    """It is there shortly before, and not shortly after."""
    await world.later(days * DAY - 60)
    before = await exists(instance)
    await world.later(120)
    return before and not await exists(instance)


async def finished(engine: Engine, flow: Any, params: str = "end", **options: Any) -> WorkflowInstance:
    instance = await engine.workflow(flow).create(params=params, **options)
    if params == "sleep":
        await instance.terminate()
    await ended(instance)
    return instance


@pytest.mark.parametrize(("params", "days"), [("end", 2), ("sleep", 2), ("fail", 5)])
async def test_success_counts_for_complete_and_terminated(world: World, params: str, days: int) -> None:
    flow = workflow(behave, retention={"success_retention": "2 days", "error_retention": "5 days"})
    async with world.open(flow) as engine:
        assert await gone_after(world, await finished(engine, flow, params), days)


@pytest.mark.parametrize(
    ("instance", "of_workflow", "of_engine", "days"),
    [
        ({"success_retention": "1 day"}, {"success_retention": "2 days"}, {"success_retention": "3 days"}, 1),
        ({"error_retention": "1 day"}, {"success_retention": "2 days"}, {"success_retention": "3 days"}, 2),
        (None, {}, {"success_retention": 3 * DAY}, 3),
    ],
)
async def test_the_instance_counts_before_its_workflow_and_that_before_the_engine(
    world: World, instance: Any, of_workflow: Any, of_engine: Any, days: int
) -> None:
    flow = workflow(behave, retention=of_workflow)
    async with world.open(flow, retention=of_engine) as engine:
        assert await gone_after(world, await finished(engine, flow, retention=instance), days)


async def test_by_default_nothing_is_erased(world: World) -> None:
    flow = workflow(behave)
    async with world.open(flow) as engine:
        instance = await finished(engine, flow)
        await world.later(1_000 * DAY)
        assert await exists(instance)


async def test_an_instance_that_runs_is_kept_however_old(world: World) -> None:
    flow = workflow(behave, retention={"success_retention": 60})
    async with world.open(flow) as engine:
        instance = await engine.workflow(flow).create(params="sleep")
        await world.later(9 * DAY)
        assert await exists(instance)
        await ended(instance)
        await world.later(120)
        assert not await exists(instance)


async def test_what_was_restarted_counts_from_its_new_end(world: World) -> None:
    flow = workflow(behave, retention={"success_retention": "2 days"})
    async with world.open(flow) as engine:
        instance = await finished(engine, flow)
        await world.later(DAY)
        await instance.restart()
        await ended(instance)
        assert await gone_after(world, instance, 2)


async def test_what_expired_while_nobody_ran_is_erased_at_the_next_start(durable: World) -> None:
    flow = workflow(behave, retention={"success_retention": "2 days"})
    async with durable.open(flow) as engine:
        instance = await finished(engine, flow)
    durable.clock.shift(3 * DAY)
    async with durable.open(flow) as engine:
        await durable.later(1)
        assert not await exists(engine.workflow(flow).get(instance.id))
        counts = [
            await engine.store.read(f"SELECT count(*) FROM {t}") for t in ("instance", "entry", "moment")
        ]
        assert counts == [[(0,)]] * 3


async def test_many_that_expire_at_once(world: World) -> None:
    flow = workflow(behave, retention={"success_retention": "2 days"})
    async with world.open(flow) as engine:
        binding = engine.workflow(flow)
        batches = [await binding.create_batch([{} for _ in range(100)]) for _ in range(5)]
        for one in batches[-1].created:
            await ended(one)
        await world.later(2 * DAY + 60)
        assert (await binding.list()).instances == ()


async def test_the_id_is_free_again(world: World) -> None:
    flow = workflow(behave, retention={"success_retention": 60})
    async with world.open(flow) as engine:
        old = await finished(engine, flow, id="i")
        await world.later(120)
        new = await finished(engine, flow, id="i")
        assert (await exists(old), await exists(new)) == (False, True)


@pytest.mark.parametrize(
    ("retention", "says"),
    [
        ({"success_retention": "soon"}, "success_retention 'soon' is not a duration"),
        ({"success_retention": -1}, "success_retention -1 must be more than 0"),
        ({"error_retention": 0}, "error_retention 0 must be more than 0"),
        ({"successRetention": 1}, "retention knows no 'successRetention': give success_retention or error_"),
    ],
)
async def test_a_wrong_retention_is_refused_by_name(world: World, retention: Any, says: str) -> None:
    with pytest.raises(WorkflowError, match=f"Flow has a wrong retention: {says}"):
        world.open(workflow(behave, retention=retention))
    async with world.open(workflow(behave)) as engine:
        with pytest.raises(WorkflowError, match=says):
            await engine.workflow("Flow").create(retention=retention)


async def test_what_ends_without_being_served_is_erased_too(durable: World) -> None:
    """By a command, in an engine that was not given its workflow."""
    flow = workflow(behave, retention={"success_retention": "2 days"})
    async with durable.open(flow) as engine:
        await engine.workflow(flow).create(id="i", params="sleep")
        await durable.later(1)
    async with durable.open(named("Other", workflow(behave))) as engine:
        backend = engine._backend
        assert backend is not None
        instance = await backend.find("Flow", "i")
        assert instance is not None
        await backend.control(instance.ref, "terminate")
        await durable.later(1 * DAY)
        assert await backend.find("Flow", "i") is not None
        await durable.later(2 * DAY)
        assert await backend.find("Flow", "i") is None
