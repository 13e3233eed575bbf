"""Steps that still run when `run()` has returned, and commands on instances that are finished."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, history, workflow
from workflows import InstanceNotFound, WorkflowInstance

pytestmark = pytest.mark.anyio


class Left:
    """A workflow that returns while a step of it runs for 100 seconds; notes what becomes of its attempts."""

    def __init__(self, world: World, *, fails: int = 0, **options: Any) -> None:
        self.world = world
        self.fails = fails
        self.options = options
        self.begun = 0
        self.done = 0
        self.cut = 0
        self.tasks: list[asyncio.Future[Any]] = []

    @property
    def running(self) -> int:
        return self.begun - self.done - self.cut

    async def __call__(self, event: Event, step: Step) -> str:
        self.tasks.append(asyncio.ensure_future(self.left(step)))
        await step.sleep("z", 1)
        return "returned"

    async def left(self, step: Step) -> None:
        await step.do("left", self.work, **self.options)
        await step.do("next", self.work)

    async def work(self) -> None:
        self.begun += 1
        try:
            await self.world.clock.sleep(100)
        except asyncio.CancelledError:
            self.cut += 1
            raise
        self.done += 1
        if self.done <= self.fails:
            raise ValueError("again")


@pytest.mark.parametrize("fails", [0, 1])
async def test_an_attempt_that_runs_goes_on_and_no_other_one_begins(world: World, fails: int) -> None:
    left = Left(world, fails=fails, retries={"limit": 3, "delay": 5})
    async with world.started(left) as instance:
        assert (await ended(instance)).output == "returned"
        await world.later(1_000)
        assert (left.begun, left.done, left.cut) == (1, 1, 0)
        entries = [event.type async for event in instance.subscribe() if event.step_name == "left-1"]
        assert entries[-1] == ("attempt_errored" if fails else "step_completed")
        assert all(task.done() for task in left.tasks)
        assert world.engine._driver is not None
        assert not world.engine._driver._left


async def test_steps_that_only_wait_are_let_go(world: World) -> None:
    tasks: list[asyncio.Future[Any]] = []

    async def run(event: Event, step: Step) -> str:
        tasks.append(asyncio.ensure_future(step.sleep("long", 1_000)))
        tasks.append(asyncio.ensure_future(step.wait_for_event("w", "go")))
        await step.sleep("z", 1)
        return "returned"

    async with world.started(run) as instance:
        assert (await ended(instance)).output == "returned"
        await world.later(5)
        assert all(task.done() for task in tasks)


async def test_a_step_that_is_called_after_run_returned_is_refused(world: World) -> None:
    calls: list[str] = []
    tasks: list[asyncio.Task[Any]] = []

    async def late(step: Step) -> None:
        await world.clock.sleep(10)
        await step.do("late", calls.append, "late")

    async def run(event: Event, step: Step) -> str:
        tasks.append(asyncio.create_task(late(step)))
        await step.do("s", lambda: 1)
        return "returned"

    async with world.started(run) as instance:
        assert (await ended(instance)).output == "returned"
        await world.later(20)
        assert calls == []
        assert [task.cancelled() for task in tasks] == [True]


async def test_an_attempt_that_is_left_begins_no_step(world: World) -> None:
    """It fails at once, and does not wait until its time is over."""
    refused: list[str] = []

    async def outer(step: Step) -> None:
        await step.do("first", world.clock.sleep, 10)
        try:
            await step.do("second", world.clock.sleep, 10)
        except Exception as error:
            refused.append(str(error))
            raise

    async def run(event: Event, step: Step) -> str:
        tasks.append(asyncio.ensure_future(step.do("outer", outer, step)))
        await step.sleep("z", 1)
        return "returned"

    tasks: list[asyncio.Future[Any]] = []
    async with world.started(run) as instance:
        assert (await ended(instance)).output == "returned"
        await world.later(20)
        assert refused == ["Cannot execute steps after run() has ended"]
        assert tasks[0].done()


@pytest.mark.parametrize("command", ["restart", "delete"])
async def test_a_command_cuts_off_what_was_left(world: World, command: str) -> None:
    left = Left(world)
    async with world.started(left) as instance:
        assert (await ended(instance)).output == "returned"
        await world.later(5)
        await getattr(instance, command)()
        await world.later(5)
        assert (left.begun, left.cut, left.running) == ((2, 1, 1) if command == "restart" else (1, 1, 0))


async def test_a_restart_from_a_step_cuts_off_what_was_left(world: World) -> None:
    left = Left(world)
    async with world.started(left) as instance:
        assert (await ended(instance)).output == "returned"
        await world.later(5)
        await instance.restart(from_step="z", kind="sleep")
        await world.later(5)
        assert left.running == 1


class Once:
    """A workflow whose step tells how often it runs at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.runs = self.at_once = self.most = 0

    async def __call__(self, event: Event, step: Step) -> None:
        await step.do("s", self.work, retries=ONCE)

    async def work(self) -> None:
        self.runs += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.world.clock.sleep(10)
        finally:
            self.at_once -= 1


async def finished(instance: WorkflowInstance) -> None:
    assert (await ended(instance)).status == "complete"


async def test_restarts_at_once_of_a_finished_instance_leave_one_run(world: World) -> None:
    once = Once(world)
    async with world.started(once) as instance:
        await finished(instance)
        await asyncio.gather(*(instance.restart() for _ in range(5)))
        await world.later(5)
        assert once.at_once == 1
        await finished(instance)
        assert (once.at_once, once.most) == (0, 1)
        assert await history(instance) == [
            "workflow_queued",
            "workflow_started",
            "workflow_running",
            "step_started",
            "attempt_started",
            "attempt_completed",
            "step_completed",
            "workflow_completed",
        ]


async def test_a_restart_and_a_deletion_at_once_come_one_after_the_other(world: World) -> None:
    once = Once(world)
    async with world.started(once) as instance:
        await finished(instance)
        await asyncio.gather(
            instance.restart(),
            instance.pause(),
            instance.delete(),
            instance.restart(),
            return_exceptions=True,
        )
        await world.later(50)
        assert once.at_once == 0
        with pytest.raises(InstanceNotFound):
            await instance.status()


async def test_a_command_that_follows_a_restart_finds_the_instance_that_runs(world: World) -> None:
    once = Once(world)
    async with world.started(once) as instance:
        await finished(instance)
        await asyncio.gather(instance.restart(), instance.terminate())
        assert (await instance.status()).status == "terminated"
        await world.later(20)
        assert once.at_once == 0


async def test_commands_at_once_on_a_limited_workflow_keep_no_slot(world: World) -> None:
    once = Once(world)
    flow = workflow(once, concurrency=1)
    async with world.open(flow) as engine:
        instance = await engine.workflow(flow).create(id="i")
        await finished(instance)
        await asyncio.gather(*(instance.restart() for _ in range(3)))
        await finished(instance)
        await finished(await engine.workflow(flow).create(id="next"))
        assert once.most == 1


async def test_an_attempt_that_was_left_behind_comes_to_the_end_of_its_wait(world: World) -> None:
    done: list[str] = []

    async def outer(step: Step) -> None:
        await step.sleep("inner", 50)
        done.append("slept")

    async def run(event: Event, step: Step) -> str:
        left.append(asyncio.ensure_future(step.do("outer", outer, step)))
        await step.sleep("a moment", 5)
        return "returned"

    left: list[asyncio.Future[None]] = []
    async with world.started(run) as instance:
        assert (await ended(instance)).output == "returned"
        await world.later(100)
    assert done == ["slept"]
