"""F13: a cancellation at every await: nothing is left over or lost, what is undone is undone once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import BACKENDS, worlds
from tests.contract.liveness import alive
from tests.contract.world import Event, Flow, Step, World, ended, named, workflow
from tests.fault.nth import CancelledAt, Watched
from workflows import Binding, Engine, WorkflowInstance

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

MOST = 500
at_once_and_later = pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
RESULT = ["reserved", "retried", "go", "of the child", "in a thread"]


@pytest.fixture(params=worlds(BACKENDS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Every backend, hot and parked."""
    backend, park = request.param
    return World(BACKENDS[backend](tmp_path), park=park)


async def of_the_child(event: Event, step: Step) -> str:
    await step.sleep("nap", 1)
    return "of the child"


CHILD = named("Child", workflow(of_the_child))


class Trip:
    """A run with every kind of step; `undone` is how often its first step was taken back."""

    def __init__(self) -> None:
        self.reserved = 0
        self.undone = 0

    async def reserve(self) -> str:
        self.reserved += 1
        await asyncio.sleep(0)
        return "reserved"

    async def undo(self, _: Any) -> None:
        await asyncio.sleep(0)
        self.undone += 1

    async def flaky(self, ctx: Any) -> str:
        await asyncio.sleep(0)
        if ctx.attempt == 1:
            raise ValueError("once")
        return "retried"

    async def body(self, step: Step) -> list[Any]:
        reserved = await step.do("reserve", self.reserve, rollback=self.undo)
        retried = await step.do("flaky", self.flaky, retries={"limit": 2, "delay": 1})
        await step.sleep("nap", 5)
        received = await step.wait_for_event("go", "go", payload=str)
        of_child = await step.run_workflow("child", CHILD)
        return [reserved, retried, received.payload, of_child, await step.do("thread", in_a_thread)]


def in_a_thread() -> str:
    return "in a thread"


@asynccontextmanager
async def opened(world: World, flow: Flow) -> AsyncIterator[tuple[Engine, Binding[Any]]]:
    """An engine with one slot, of which nothing is left when it is closed."""
    before = asyncio.all_tasks()
    async with world.open(flow, CHILD, concurrency=1) as engine:
        yield engine, engine.workflow(flow)
        await alive(engine)
    assert asyncio.all_tasks() == before
    assert world.clock._next_at() is None


async def nothing_is_left(world: World) -> None:
    """No lease, no run, no slot, no timer: everything has ended."""
    backend = world.engine._backend
    assert backend is not None
    runs = backend._runs
    for _ in range(20):  # what has ended is told before the last callbacks of its tasks have run
        await asyncio.sleep(0)
    assert not runs.leases
    assert not runs.tasks
    assert not backend._commands.changes
    assert not backend._claiming.locked()
    assert runs._slots is not None
    assert runs._slots._all == 0
    assert world.clock._next_at() is None


@at_once_and_later
async def test_a_run_that_is_cancelled_at_any_await_is_undone_once(world: World, later: bool) -> None:
    for n in count(1):
        trip, cancelled = Trip(), CancelledAt(n, later=later)

        async def run(event: Event, step: Step) -> Any:
            return await Watched(trip.body(step), cancelled)  # noqa: B023  # of this round

        async with opened(world, workflow(run)) as (_, binding):
            instance = await binding.create(id=f"i-{n}")
            await instance.send_event("go", "go")
            status = await ended(instance)
            for child in (await world.engine.workflow(CHILD).list()).instances:
                await ended(world.engine.workflow(CHILD).get(child.id))
            await nothing_is_left(world)
        if not cancelled.done:
            assert (status.status, status.output, trip.undone) == ("complete", RESULT, 0)
        if not cancelled.reached:
            assert n > 10
            return
        if not cancelled.done:
            continue
        assert (status.status, status.error and status.error.name) == ("errored", "CancelledError"), n
        assert (trip.reserved <= 1, trip.undone) == (True, 1), n  # its start is recorded before it is called
        assert n < MOST


@at_once_and_later
async def test_a_run_that_catches_a_cancellation_completes_after_a_replay(world: World, later: bool) -> None:
    for n in count(1):
        trip, cancelled = Trip(), CancelledAt(n, later=later)
        caught: list[int] = []

        async def run(event: Event, step: Step) -> Any:
            try:
                output = await Watched(trip.body(step), cancelled)  # noqa: B023  # of this round
            except asyncio.CancelledError:
                task = asyncio.current_task()
                assert task is not None
                task.uncancel()
                output = None
                caught.append(1)  # noqa: B023
            await step.sleep("at the end", 1_000)
            return output

        async with opened(world, workflow(run)) as (engine, binding):
            instance = await binding.create(id=f"i-{n}")
            await instance.send_event("go", "go")
            await world.later(500)
            await engine.replay()
            status = await ended(instance)
            await nothing_is_left(world)
        assert len(caught) <= 1
        assert (status.status, status.output) == ("complete", RESULT), n
        assert trip.undone == 0
        if not cancelled.reached:
            assert n > 10
            return
        assert n < MOST


async def use(engine: Engine, binding: Binding[Any], id: str) -> None:
    """What a caller does."""
    instance = await binding.create(id=id, exist_ok=True)
    await instance.status()
    await instance.send_event("go", "go")
    await instance.pause()
    await instance.resume()
    await binding.list()
    async for event in instance.subscribe():
        if event.type == "step_completed":
            break
    await engine.replay()
    await instance.result()


@at_once_and_later
async def test_a_caller_that_is_cancelled_at_any_await_disturbs_nobody(world: World, later: bool) -> None:
    for n in count(1):
        trip, cancelled = Trip(), CancelledAt(n, later=later)

        async def run(event: Event, step: Step) -> Any:
            return await trip.body(step)  # noqa: B023  # of this round

        async def calls(use: Callable[[], Any]) -> None:
            await Watched(use(), cancelled)  # noqa: B023

        async with opened(world, workflow(run)) as (engine, binding):
            id = f"i-{n}"
            caller = asyncio.ensure_future(calls(lambda: use(engine, binding, id)))  # noqa: B023
            await asyncio.gather(caller, return_exceptions=True)
            assert caller.cancelled() == cancelled.done
            await finished(await binding.create(id=id, exist_ok=True))
            await nothing_is_left(world)
        assert trip.undone == 0
        if not cancelled.reached:
            assert n > 5
            return
        assert n < MOST


async def finished(instance: WorkflowInstance) -> None:
    """Ends what a caller has left at any point, as somebody else does later."""
    if not (await instance.status()).finished:
        await instance.send_event("go", "go")
        await instance.resume()
    assert await instance.result() == RESULT


@at_once_and_later
async def test_a_cancelled_opening_or_closing_leaves_nothing(world: World, later: bool) -> None:
    trip = Trip()

    async def run(event: Event, step: Step) -> Any:
        return await trip.body(step)

    flow, before = workflow(run), asyncio.all_tasks()
    for n in count(1):
        cancelled = CancelledAt(n, later=later)

        async def live(cancelled: CancelledAt) -> None:
            engine: Awaitable[Engine] = Watched(world.open(flow, CHILD).open(), cancelled)
            opened = await engine
            await opened.workflow(flow).create(id="i", exist_ok=True)
            await Watched(opened.close(), cancelled)

        living = asyncio.ensure_future(live(cancelled))
        await asyncio.gather(living, return_exceptions=True)
        assert living.cancelled() == cancelled.done
        await world.engine.close()
        assert asyncio.all_tasks() == before, n
        assert world.clock._next_at() is None
        if not cancelled.reached:
            assert n > 3
            break
        assert n < MOST
    async with world.open(flow, CHILD) as engine:
        await finished(await engine.workflow(flow).create(id="i", exist_ok=True))
