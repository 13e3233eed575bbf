"""The task factory: whose tasks are known to a run, and what stands on the loop before and after."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, workflow
from workflows import Engine
from workflows.tasks import RunTask, Steered, TaskFactory
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


async def sleeps(event: Event, step: Step) -> bool:
    await asyncio.gather(step.sleep("a", 5), step.sleep("b", 6))
    return isinstance(asyncio.current_task(), RunTask)


async def test_engines_share_a_factory_and_the_last_one_takes_it_off() -> None:
    loop, flow = asyncio.get_running_loop(), workflow(sleeps)
    found, clock = loop.get_task_factory(), VirtualClock()
    async with Engine(":memory:", [flow], clock=clock, park="always") as one:
        factory = loop.get_task_factory()
        async with Engine(":memory:", [flow], clock=clock, park="always") as other:
            assert loop.get_task_factory() is factory
            instances = [await engine.workflow(flow).create() for engine in (one, other)]
            assert await asyncio.gather(*(instance.result() for instance in instances)) == [True, True]
        assert loop.get_task_factory() is factory
        assert await (await one.workflow(flow).create()).result() is True
    assert loop.get_task_factory() is found


async def test_tasks_of_others_are_made_by_the_factory_that_was_there() -> None:
    made: list[Any] = []

    def makes(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coro)
        return asyncio.Task(coro, loop=loop, **options)

    loop, flow = asyncio.get_running_loop(), workflow(sleeps)
    loop.set_task_factory(makes)
    try:
        async with Engine(":memory:", [flow], clock=VirtualClock(), park="always") as engine:
            instance = await engine.workflow(flow).create()
            assert await instance.result() is False  # made there, and parked all the same
            plain = asyncio.create_task(asyncio.sleep(0))
            await plain
            assert type(made[-1]) is not Steered
            assert len([one for one in made if type(one) is Steered]) == 3 * 3
        assert loop.get_task_factory() is makes
    finally:
        loop.set_task_factory(None)


async def test_a_factory_that_stands_on_ours_stays() -> None:
    loop, flow = asyncio.get_running_loop(), workflow(sleeps)
    engine = await Engine(":memory:", [flow], clock=VirtualClock(), park="always").open()
    ours: Any = loop.get_task_factory()
    assert isinstance(ours, TaskFactory)

    def on_top(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        return ours(loop, coro, **options)

    loop.set_task_factory(on_top)
    try:
        assert await (await engine.workflow(flow).create()).result() is True
        await engine.close()
        assert loop.get_task_factory() is on_top
        assert await asyncio.create_task(asyncio.sleep(0, "still works")) == "still works"
    finally:
        loop.set_task_factory(None)


async def test_without_our_factory_runs_stay_hot_and_work() -> None:
    loop = asyncio.get_running_loop()
    world, runs = World(":memory:", park="always"), list[int]()

    async def run(event: Event, step: Step) -> int:
        runs.append(1)
        await sleeps(event, step)
        return len(runs)

    try:
        flow = workflow(run)
        async with world.open(flow) as engine:
            loop.set_task_factory(None)
            assert (await ended(await engine.workflow(flow).create())).output == 1
    finally:
        loop.set_task_factory(None)


async def test_tools_see_the_coroutine_inside() -> None:
    shown: list[str] = []

    async def run(event: Event, step: Step) -> None:
        task = asyncio.current_task()
        assert task is not None
        shown.extend([repr(task), str([frame.f_code.co_name for frame in task.get_stack()])])

    await World(":memory:").run(run)
    assert "Driver._main" in shown[0]
    assert "_main" in shown[1]


async def test_what_cleans_up_cannot_be_cancelled_by_what_parks_around_it() -> None:
    seen: list[str] = []

    async def child(step: Step) -> None:
        try:
            await step.sleep("child", 5)
        finally:
            try:
                for _ in range(5):
                    await asyncio.sleep(0)
                seen.append("cleaned up")
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

    async def run(event: Event, step: Step) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child(step))
            await step.sleep("body", 6)

    await World(":memory:", park="always").run(run)
    assert set(seen) == {"cleaned up"}
    assert len(seen) == 3  # parked, gone on, and run once more after the last wait


async def test_a_task_that_did_not_leave_in_time_can_be_cancelled_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workflows.driver._GRACE", 0.02)
    stuck: list[asyncio.Task[Any]] = []

    async def run(event: Event, step: Step) -> str:
        try:
            await step.sleep("z", 10)
        finally:
            if not stuck:
                task = asyncio.current_task()
                assert task is not None
                stuck.append(task)
                assert task.cancel() is False
                await asyncio.Event().wait()
        return "done"

    assert (await World(":memory:", park="always").run(run)).output == "done"
    assert stuck[0].cancel()
    await asyncio.wait(stuck)
    assert stuck[0].cancelled()


PROGRAM = """
import asyncio
from workflows import Engine, WorkflowEntrypoint

class Flow(WorkflowEntrypoint):
    async def run(self, event, step):
        while True:
            try:
                await step.wait_for_event("w", "go")
            except:
                pass

async def main():
    async with Engine(":memory:", [Flow], park="always") as engine:
        await engine.workflow(Flow).create()
        await asyncio.sleep(0.1)

asyncio.run(main())
print("over")
"""


def test_the_interpreter_ends_after_a_loop_that_caught_everything() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (0, "over\n")
