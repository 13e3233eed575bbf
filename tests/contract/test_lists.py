"""`Binding.list`: filters, order, and pages that nothing disturbs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, workflow
from workflows import Binding, Engine, ListedInstance, Status, WorkflowError

pytestmark = pytest.mark.anyio


async def behave(event: Event, step: Step) -> str:
    match event.payload:
        case "fail":
            raise ValueError("as wished")
        case "sleep":
            await step.sleep("z", 1_000)
        case "work":
            await step.do("work", asyncio.Event().wait)
    return "done"


FLOW = workflow(behave)
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  # it is to be refused


async def filled(engine: Engine, world: World) -> Binding[Any]:
    """Eight instances, ten seconds apart."""
    binding = engine.workflow(FLOW)
    for n, kind in enumerate(["end", "fail", "sleep", "work", "end", "terminate", "sleep", "end"]):
        instance = await binding.create(id=f"i{n}", params="sleep" if kind == "terminate" else kind)
        if kind == "terminate":
            await instance.terminate()
        elif kind in ("end", "fail"):
            await ended(instance)
        world.clock.shift(10)
    return binding


def ids(instances: tuple[ListedInstance, ...]) -> str:
    return "".join(instance.id[1:] for instance in instances)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, "01234567"),
        ("complete", "047"),
        ("errored", "1"),
        ("waiting", "26"),
        ("running", "3"),
        ("terminated", "5"),
        (["waiting", "running"], "236"),
        (("paused", "queued"), ""),
    ],
)
async def test_by_status(world: World, status: Any, expected: str) -> None:
    async with world.open(FLOW) as engine:
        binding = await filled(engine, world)
        assert ids((await binding.list(status=status)).instances) == expected


async def test_whoever_waits_for_a_slot_is_queued_and_whoever_has_given_it_back_waits(world: World) -> None:
    release = asyncio.Event()

    async def work() -> None:
        with world.clock.waiting():
            await release.wait()

    async def run(event: Event, step: Step) -> None:
        if event.payload == "busy":
            await step.do("work", work)
        else:
            await step.sleep("short", 10)
            await step.do("after", lambda: None)
            await step.sleep("long", 1_000)

    flow = workflow(run)
    async with world.open(flow, concurrency=1) as engine:
        binding = engine.workflow(flow)

        async def listed() -> dict[Status, str]:
            asked: tuple[Status, ...] = ("queued", "running", "waiting")
            shown = {status: ids((await binding.list(status=status)).instances) for status in asked}
            for line in (await binding.list(status=asked)).instances:
                assert line.id[1:] in shown[line.status]
                assert (await binding.get(line.id).status()).status == line.status
            return shown

        for n, payload in enumerate([None, None, "busy", None]):
            await binding.create(id=f"i{n}", params=payload)
            await world.later(1)
        assert await listed() == {"queued": "3", "running": "2", "waiting": "01"}
        await world.later(20)  # the sleeps of 0 and 1 are over, and there is no slot to go on
        assert await listed() == {"queued": "013", "running": "2", "waiting": ""}
        release.set()
        await world.later(1)
        assert await listed() == {"queued": "", "running": "", "waiting": "013"}


async def test_by_time_of_creation(world: World) -> None:
    async with world.open(FLOW) as engine:
        binding = await filled(engine, world)
        start = world.started_at
        between = await binding.list(
            created_from=datetime.fromtimestamp(start + 20, UTC),
            created_before=datetime.fromtimestamp(start + 50, UTC),
        )
        assert ids(between.instances) == "234"
        assert between.instances[0].created_at == datetime.fromtimestamp(start + 20, UTC)


async def test_a_line_says_how_it_ended(world: World) -> None:
    async with world.open(FLOW) as engine:
        binding = await filled(engine, world)
        [line] = (await binding.list(status="errored")).instances
        assert line.error is not None
        assert (line.id, line.error.message) == ("i1", "as wished")
        assert line.finished_at is not None
        assert (await binding.list(status="waiting")).instances[0].finished_at is None


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("status", [None, "waiting", "complete"])
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_pages_join_to_the_whole(world: World, newest_first: bool, status: Any, limit: int) -> None:
    async with world.open(FLOW) as engine:
        binding = await filled(engine, world)
        whole = await binding.list(status=status, newest_first=newest_first)
        assert whole.cursor is None
        pages, cursor = [], None
        while True:
            page = await binding.list(status=status, newest_first=newest_first, cursor=cursor, limit=limit)
            pages.append(page.instances)
            if (cursor := page.cursor) is None:
                break
        assert tuple(one for page in pages for one in page) == whole.instances
        assert {len(page) for page in pages[:-1]} <= {limit}


async def test_what_is_deleted_or_created_meanwhile_disturbs_no_page(world: World) -> None:
    async with world.open(FLOW) as engine:
        binding = await filled(engine, world)
        first = await binding.list(limit=3)
        await binding.get("i0").delete()
        await binding.get("i2").delete()
        await binding.get("i4").delete()
        await binding.create(id="i0", params="end")
        second = await binding.list(limit=100, cursor=first.cursor)
        assert (ids(first.instances), ids(second.instances)) == ("012", "35670")


async def test_only_the_instances_of_this_workflow(world: World) -> None:
    other = type("Other", (FLOW,), {})
    async with world.open(FLOW, other) as engine:
        await filled(engine, world)
        await engine.workflow(other).create(id="x")
        assert ids((await engine.workflow(other).list()).instances) == ""


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"limit": 0}, "limit 0 must be between 1 and 1000"),
        ({"limit": 1.5}, "limit 1.5 must be"),
        ({"status": "asleep"}, "status 'asleep' is not known: use queued, running"),
        ({"status": []}, "status '' is not known"),
        ({"cursor": "abc"}, "cursor 'abc' is not of this list"),
        ({"cursor": "<3"}, "cursor '<3' is not of this list"),
        ({"created_from": NAIVE}, "created_from .* has no time zone"),
    ],
)
async def test_wrong_options_are_refused_by_name(world: World, options: Any, says: str) -> None:
    async with world.open(FLOW) as engine:
        with pytest.raises(WorkflowError, match=says):
            await engine.workflow(FLOW).list(**options)
