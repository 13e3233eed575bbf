"""`create_batch` and `delete_batch`: all or nothing, and what became of each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, workflow
from workflows import BatchItem, InstanceNotFound, WorkflowError

pytestmark = pytest.mark.anyio


async def echo(event: Event, step: Step) -> Any:
    return event.payload


FLOW = workflow(echo)


async def test_each_item_is_created_with_its_own_params(world: World) -> None:
    async with world.open(FLOW) as engine:
        binding = engine.workflow(FLOW)
        batch = await binding.create_batch([{"id": "a", "params": 1}, {"id": "b"}, {"params": 0}])
        assert [(await ended(instance)).output for instance in batch.created] == [1, {}, 0]
        assert ([one.id for one in batch.created[:2]], batch.errors) == (["a", "b"], ())
        assert len(batch.created[2].id) == 36


async def test_taken_and_repeated_ids_are_told_by_place_and_code(world: World) -> None:
    async with world.open(FLOW) as engine:
        binding = engine.workflow(FLOW)
        await binding.create(id="taken")
        ids = ["new", "taken", "new", "other", "taken"]
        batch = await binding.create_batch([{"id": id} for id in ids])
        assert [one.id for one in batch.created] == ["new", "other"]
        assert [(error.index, error.id, error.code) for error in batch.errors] == [
            (1, "taken", 10405),
            (2, "new", 10415),
            (4, "taken", 10415),
        ]
        assert "already exists" in batch.errors[0].message
        assert "more than once" in batch.errors[1].message


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ([{"id": "good"}, {"id": "not good"}], "Workflow instance has invalid id"),
        ([{"id": "good"}, {"id": "terminateAll"}], 'invalid id: "terminateAll" is reserved'),
        ([{"id": "good"}, {"id": "cf_" + "0" * 64}], "is reserved"),
        (
            [{"id": "good"}, {"retention": {"success_retention": 0}}],
            "success_retention 0 must be more than 0",
        ),
        ([{"id": "good"}, {"params": object()}], "object"),
        ([], "batchCreate should have at least 1 instance"),
        ([{}] * 101, "batchCreate only supports 100 instances at a time"),
    ],
)
async def test_a_wrong_item_refuses_the_whole_batch(
    world: World, items: list[BatchItem[Any]], says: str
) -> None:
    async with world.open(FLOW) as engine:
        binding = engine.workflow(FLOW)
        with pytest.raises(WorkflowError, match=says):
            await binding.create_batch(items)
        assert (await binding.list()).instances == ()


async def test_a_batch_above_the_concurrency_limit_is_queued(world: World) -> None:
    async def rest(event: Event, step: Step) -> None:
        await step.do("work", world.clock.sleep, 10)

    flow = workflow(rest, concurrency=2)
    async with world.open(flow) as engine:
        batch = await engine.workflow(flow).create_batch([{} for _ in range(5)])
        await world.later(1)
        statuses = [(await one.status()).status for one in batch.created]
        assert statuses == ["running"] * 2 + ["queued"] * 3
        for one in batch.created:
            await ended(one)


async def test_deleting_tells_what_is_gone_and_what_never_was(world: World) -> None:
    async with world.open(FLOW) as engine:
        binding = engine.workflow(FLOW)
        await binding.create_batch([{"id": "a"}, {"id": "b"}, {"id": "c"}])
        cron = "*/5 * * * *-1767225600000"  # what Cloudflare would call an instance that cron has created
        batch = await binding.delete_batch(["a", "x", "b", "a", cron])
        assert batch.deleted == ("a", "b")
        unknown = [(error.index, error.id, error.code) for error in batch.errors]
        assert unknown == [(1, "x", 10400), (4, cron, 10400)]
        assert [one.id for one in (await binding.list()).instances] == ["c"]


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (["c", "not.good"], "Workflow instance has invalid id"),
        ([], "batchDelete should have at least 1 instance"),
        (["c"] * 101, "batchDelete only supports 100"),
    ],
)
async def test_a_malformed_id_deletes_nothing(world: World, ids: list[str], says: str) -> None:
    async with world.open(FLOW) as engine:
        binding = engine.workflow(FLOW)
        await ended(await binding.create(id="c"))
        with pytest.raises(WorkflowError, match=says):
            await binding.delete_batch(ids)
        assert (await binding.get("c").status()).status == "complete"


async def test_a_deleted_id_is_a_new_instance_for_old_handles(world: World) -> None:
    async with world.open(FLOW) as engine:
        binding = engine.workflow(FLOW)
        old = await binding.create(id="a", params=1)
        await ended(old)
        await old.delete()
        new = await binding.create(id="a", params=2)
        assert (await ended(new)).output == 2
        with pytest.raises(InstanceNotFound):
            await old.status()
        with pytest.raises(InstanceNotFound):
            await old.delete()
