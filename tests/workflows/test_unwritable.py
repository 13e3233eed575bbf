"""What the engine does by itself while its file takes no writes, and what it makes up for later."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, workflow
from workflows import StoreError, WorkflowInstance

pytestmark = pytest.mark.anyio


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(str(tmp_path / "engine.db"))


class Refusal:
    """A file that does not take one change of status, as long as it is `on`."""

    def __init__(self, before: str, after: str) -> None:
        self.on = True
        self.met = 0
        self.before = before
        self.after = after

    async def into(self, world: World) -> None:
        def install(file: Any) -> None:
            file.create_function("refused", 0, self)
            file.execute(
                "CREATE TEMP TRIGGER refusing BEFORE UPDATE ON main.instance WHEN "
                f"OLD.status = '{self.before}' AND NEW.status = '{self.after}' BEGIN SELECT refused(); END"
            )

        await world.engine.store.write(install)

    def __call__(self) -> None:
        self.met += 1
        if self.on:
            raise OSError("not now")


async def status(instance: WorkflowInstance) -> str:
    return (await instance.status()).status


async def test_a_queued_instance_whose_start_cannot_be_written_starts_later(world: World) -> None:
    refusal = Refusal("queued", "running")

    async def run(event: Event, step: Step) -> str:
        await step.do("work", world.clock.sleep, 10)
        return "done"

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        first, second = [await engine.workflow(flow).create(id=id) for id in "ab"]
        await refusal.into(world)
        assert (await ended(first)).output == "done"
        with pytest.raises(Exception, match="exception"):
            await second.result()
        third = await engine.workflow(flow).create(id="c")
        assert (await ended(third)).output == "done"  # the second one does not keep its slot
        assert await status(second) == "queued"
        refusal.on = False
        await world.later(6)
        assert await second.result() == "done"


async def test_a_pause_that_cannot_be_settled_is_settled_later(world: World) -> None:
    refusal = Refusal("waitingForPause", "paused")

    async def run(event: Event, step: Step) -> str:
        await step.do("work", world.clock.sleep, 10)
        await step.sleep("z", 10)
        return "done"

    async with world.started(run) as instance:
        await refusal.into(world)
        await world.later(5)
        await instance.pause()
        assert await status(instance) == "waitingForPause"
        with pytest.raises(Exception, match="exception"):
            await instance.result()
        refusal.on = False
        await world.later(6)
        assert await status(instance) == "paused"
        await instance.resume()
        assert await instance.result() == "done"


async def test_a_mark_that_cannot_be_written_breaks_its_run_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.marks._AFTER", 0.0)
    unheard: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))

    async def work() -> None:
        await world.engine.store.close()
        await asyncio.Event().wait()

    async def run(event: Event, step: Step) -> None:
        await step.do("s", work)

    async with world.open(flow := workflow(run)) as engine:
        instance = await engine.workflow(flow).create(id="i")
        with pytest.raises(StoreError, match="closed"):
            await instance.result()
    assert unheard == []


async def test_a_cut_that_cannot_be_written_breaks_its_run_off(world: World) -> None:
    async def work() -> None:
        await world.engine.store.close()
        await asyncio.Event().wait()

    async def run(event: Event, step: Step) -> None:
        working = asyncio.ensure_future(step.do("s", work))
        for _ in range(10):
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await asyncio.Event().wait()

    async with world.open(flow := workflow(run)) as engine:
        instance = await engine.workflow(flow).create(id="i")
        with pytest.raises(StoreError, match="closed"):
            await instance.result()


async def test_a_second_attempt_that_cannot_be_begun_breaks_its_run_off(world: World) -> None:
    seen: list[BaseException] = []

    async def work() -> None:
        raise ValueError("again")

    async def run(event: Event, step: Step) -> None:
        try:
            await step.do("s", work, retries={"limit": 1, "delay": 10})
        except Exception as error:
            seen.append(error)
            raise

    async with world.open(flow := workflow(run)) as engine:
        instance = await engine.workflow(flow).create(id="i")
        await world.later(5)
        await world.engine.store.close()
        with pytest.raises(StoreError, match="closed"):
            await instance.result()
    assert seen == []
