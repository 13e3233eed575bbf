"""Creating, finding and reading instances."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, named, workflow
from workflows import (
    InstanceExists,
    InstanceNotFound,
    UnknownWorkflow,
    WorkflowError,
    WorkflowFailed,
)

pytestmark = pytest.mark.anyio


async def echo(event: Event, step: Step) -> Any:
    return event.payload


async def forever(event: Event, step: Step) -> None:
    await step.wait_for_event("w", "never")


async def fails(event: Event, step: Step) -> None:
    raise ValueError("no")


async def test_without_params_the_payload_is_an_empty_dict(world: World) -> None:
    assert (await world.run(echo)).output == {}


@pytest.mark.parametrize("params", ["text", 0, None, False, "", [], {}, 1.5, {"a": [1, None]}, b""])
async def test_params_arrive_as_they_were_given(world: World, params: Any) -> None:
    status = await world.run(echo, params)
    assert (status.output, type(status.output)) == (params, type(params))


async def test_it_is_created_and_runs_when_its_creator_was_cancelled_meanwhile(world: World) -> None:
    flow = workflow(echo)
    async with world.open(flow) as engine:
        creating = asyncio.create_task(engine.workflow(flow).create(id="i", params="there"))
        await asyncio.sleep(0)
        creating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await creating
        while not (await engine.workflow(flow).list(status="complete")).instances:  # noqa: ASYNC110  # nothing rings
            await asyncio.sleep(0.001)
        assert await engine.workflow(flow).get("i").result() == "there"


async def test_the_event_names_instance_and_workflow(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return [event.instance_id, event.workflow_name, event.timestamp]

    status = await world.run(run)
    assert status.output == ["i", "Flow", status.created_at]


async def test_a_generated_id_is_a_uuid(world: World) -> None:
    flow = workflow(echo)
    async with world.open(flow) as engine:
        instance = await engine.workflow(flow).create()
        assert uuid.UUID(instance.id).version == 4


@pytest.mark.parametrize("end", [True, False])
async def test_an_id_is_taken_whatever_the_status(world: World, end: bool) -> None:
    flow = workflow(echo if end else forever)
    async with world.open(flow) as engine:
        instance = await engine.workflow(flow).create(id="x")
        await (ended(instance) if end else world.later(1))
        with pytest.raises(InstanceExists, match=r'\(instance.already_exists\).*"x" already exists'):
            await engine.workflow(flow).create(id="x")


async def test_exist_ok_gives_the_existing_instance(world: World) -> None:
    flow = workflow(echo)
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="x", params=1)
        again = await engine.workflow(flow).create(id="x", params=2, exist_ok=True)
        assert await again.result() == 1


async def test_one_id_may_be_used_by_two_workflows(world: World) -> None:
    one, other = workflow(echo), named("Other", workflow(echo))
    async with world.open(one, other) as engine:
        first = await engine.workflow(one).create(id="x", params=1)
        second = await engine.workflow(other).create(id="x", params=2)
        assert [await first.result(), await second.result()] == [1, 2]


@pytest.mark.parametrize("id", ["", "-a", "a b", "a.b", "é", "a" * 101, "A/B"])
async def test_a_malformed_id_is_refused(world: World, id: str) -> None:
    flow = workflow(echo)
    async with world.open(flow) as engine:
        with pytest.raises(WorkflowError, match="Workflow instance has invalid id"):
            await engine.workflow(flow).create(id=id)


@pytest.mark.parametrize("id", ["nobody", "a b"])
async def test_an_unknown_id_is_an_error_at_first_use(world: World, id: str) -> None:
    flow = workflow(echo)
    async with world.open(flow) as engine:
        instance = engine.workflow(flow).get(id)
        with pytest.raises(InstanceNotFound, match=r"instance\.not_found"):
            await instance.status()


async def test_a_workflow_that_the_engine_was_not_given_is_refused(world: World) -> None:
    async with world.open(workflow(echo)) as engine:
        with pytest.raises(UnknownWorkflow, match="Other"):
            engine.workflow(named("Other", workflow(echo)))


async def test_result_raises_what_ended_the_instance(world: World) -> None:
    async with world.started(fails) as instance:
        with pytest.raises(WorkflowFailed, match='Flow "i" is errored: ValueError: no'):
            await instance.result()


async def test_changing_the_event_is_not_kept(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        event.payload["seen"] = event.payload.get("seen", 0) + 1
        await step.sleep("z", 10)
        return event.payload["seen"]

    assert (await world.run_twice(run, {"a": 1})).output == 1


async def test_a_finished_instance_tells_when_and_what_it_used(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1)
        await step.sleep("z", 100)

    status = await world.run(run)
    assert status.finished
    assert status.finished_at is not None
    assert (status.finished_at - status.created_at).total_seconds() == 100
    assert (status.usage.steps, status.usage.attempts) == (1, 1)
