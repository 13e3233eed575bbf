"""Instances that are parked: what wakes them, what commands do to them, and what they cost."""

from __future__ import annotations

import asyncio
import gc
import logging
from contextvars import Context
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.contract.test_parking import PROGRAMS
from tests.contract.world import Event, Step, World, ended, workflow
from workflows import Engine, WorkflowInstance
from workflows.run import Run
from workflows.tasks import Steered
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


def runs_in_memory() -> list[str]:
    """The names of the runs that have tasks."""
    return sorted(task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("run "))


def runs_kept() -> int:
    """How many runs and coroutines of runs there are."""
    gc.collect()
    return sum(type(one) in (Steered, Run) for one in gc.get_objects())


async def quiet() -> None:
    """Lets what is ready go on, so that whoever waits is parked."""
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
def parked(tmp_path: Path) -> World:
    """One that parks at every wait."""
    return World(":memory:", park="always")


async def approval(event: Event, step: Step) -> Any:
    received, _ = await asyncio.gather(
        step.wait_for_event("approval", "approval", timeout=1_000), step.sleep("at least", 50)
    )
    return received.payload if received is not None else None


async def test_a_parked_instance_is_waiting_and_has_no_task(parked: World) -> None:
    async with parked.started(approval) as instance:
        await quiet()
        assert (runs_in_memory(), (await instance.status()).status) == ([], "waiting")
        await instance.send_event("approval", "yes")
        assert (await ended(instance)).output == "yes"


async def test_two_thousand_parked_instances_hold_no_coroutine(parked: World) -> None:
    flow = workflow(approval)
    async with parked.open(flow) as engine:
        before = len(asyncio.all_tasks()), runs_kept()
        binding = engine.workflow(flow)
        created = await asyncio.gather(*(binding.create() for _ in range(2_000)))
        await quiet()
        assert (len(asyncio.all_tasks()), runs_kept()) == before
        some = created[::100]
        for instance in some:
            await instance.send_event("approval", instance.id)
        assert await asyncio.gather(*(one.result() for one in some)) == [one.id for one in some]


async def test_the_longest_blocked_is_parked_above_hot_waits() -> None:
    flow = workflow(approval)
    async with Engine(":memory:", [flow], clock=VirtualClock(), hot_waits=3) as engine:
        created = []
        for number in range(6):
            created.append(await engine.workflow(flow).create(id=f"i{number}"))
            await quiet()
        assert set(runs_in_memory()) == {"run i3", "run i4", "run i5"}
        await created[0].send_event("approval", 0)
        for instance in created[1:]:
            await instance.send_event("approval", 0)
        assert await asyncio.gather(*(one.result() for one in created)) == [0] * 6


@pytest.mark.parametrize("command", ["terminate", "restart", "pause"])
async def test_commands_reach_a_waiting_instance(world: World, command: str) -> None:
    async with world.started(approval) as instance:
        await world.later(10)
        await getattr(instance, command)()
        await quiet()
        if command == "terminate":
            assert (await instance.status()).status == "terminated"
            return
        if command == "pause":
            assert (await instance.status()).status == "paused"
            await instance.send_event("approval", "meanwhile")
            await world.later(100)
            assert (await instance.status()).status == "paused"
            await instance.resume()
        else:
            await instance.send_event("approval", "meanwhile")
        assert (await ended(instance)).output == "meanwhile"
        seconds = world.clock.now() - world.started_at
        assert seconds == pytest.approx(150 if command == "pause" else 60, abs=1e-3)


async def test_a_paused_instance_is_parked_too(parked: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        first = await step.wait_for_event("first", "go")
        return first.payload, await step.do("second", lambda: 2)

    async with parked.started(run) as instance:
        await instance.pause()
        await instance.send_event("go", 1)
        await quiet()
        assert (runs_in_memory(), (await instance.status()).status) == ([], "paused")
        await instance.resume()
        assert (await ended(instance)).output == (1, 2)


@pytest.mark.parametrize("after", range(0, 40, 3))
async def test_a_run_that_is_resumed_while_it_is_being_parked_goes_on(parked: World, after: int) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        begun.set()
        await go.wait()

    async def run(event: Event, step: Step) -> str:
        try:
            await step.do("first", slow)
            return await step.do("second", lambda: "went on")
        finally:
            await turns(8)

    async with parked.started(run) as instance:
        await begun.wait()
        await instance.pause()
        go.set()
        await turns(after)
        await instance.resume()
        assert (await ended(instance)).output == "went on"


async def test_an_instance_goes_on_after_the_engine_was_closed_while_it_waited(durable: World) -> None:
    async with durable.started(approval) as instance:
        await durable.later(10)
        await instance.send_event("other")
    async with durable.reopened(approval) as instance:
        await durable.later(10)
        await instance.send_event("approval", "in the end")
        assert (await ended(instance)).output == "in the end"
        assert durable.clock.now() - durable.started_at == pytest.approx(50, abs=1e-3)


async def test_events_go_to_the_oldest_wait_and_none_is_lost(world: World) -> None:
    async def branch(step: Step, name: str, first: float) -> str:
        await step.sleep(f"{name} first", first)
        received = await step.wait_for_event(name, "go")
        return f"{name} {received.payload}"

    async def run(event: Event, step: Step) -> Any:
        return await asyncio.gather(*(branch(step, name, n) for n, name in ((3, "a"), (2, "b"), (1, "c"))))

    async with world.started(run) as instance:
        await world.later(5)
        for number in range(3):
            await instance.send_event("go", number)
        assert (await ended(instance)).output == ["a 2", "b 1", "c 0"]


@pytest.mark.parametrize("turns", range(0, 24, 3))
async def test_an_event_that_arrives_while_a_run_is_being_parked_wakes_it(world: World, turns: int) -> None:
    async def run(event: Event, step: Step) -> Any:
        try:
            return (await step.wait_for_event("w", "go", timeout=1_000)).payload
        finally:
            for _ in range(5):
                await asyncio.sleep(0)

    async with world.started(run) as instance:
        for _ in range(turns):
            await asyncio.sleep(0)
        await instance.send_event("go", "here")
        assert (await ended(instance)).output == "here"
    assert world.clock.now() == world.started_at


@pytest.mark.parametrize("program", [one for one, _ in PROGRAMS], ids=[one.__name__ for one, _ in PROGRAMS])
async def test_parking_records_nothing(program: Any) -> None:
    async def recorded(world: World) -> list[tuple[str, str | None, int | None]]:
        async with world.started(program) as instance:
            seen = [(one.type, one.step_name, one.attempt) async for one in instance.subscribe()]
        return sorted(seen, key=str)

    hot, parked = World(":memory:"), World(":memory:", park="always")
    assert await recorded(hot) == await recorded(parked)


async def test_cleanup_runs_at_each_park_and_no_step_does(parked: World) -> None:
    seen: list[str] = []

    async def run(event: Event, step: Step) -> None:
        try:
            await step.sleep("z", 10)
            seen.append("slept")
        except BaseException as error:
            seen.append(type(error).__name__)
            raise
        finally:
            await asyncio.wait_for(asyncio.sleep(0), 1)
            assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
            seen.append("cleaned up")
            await step.do("s", lambda: seen.append("step"))

    assert (await parked.run(run)).error is None
    assert seen == ["Park", "cleaned up", "slept", "cleaned up", "step"]


async def test_what_a_run_returns_while_it_is_parked_is_dropped(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        try:
            await step.sleep("z", 10)
        except BaseException:  # noqa: BLE001
            return "too early"
        return "slept"

    assert (await world.run(run)).output == "slept"


async def test_a_run_that_does_not_unwind_is_kept_and_goes_on(
    parked: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("workflows.driver._GRACE", 0.05)
    left, runs = asyncio.Event(), list[int]()

    async def run(event: Event, step: Step) -> int:
        runs.append(1)
        try:
            await step.sleep("z", 10)
            await step.sleep("more", 10)
        finally:
            if len(runs) == 1:
                await left.wait()
        return len(runs)

    async with parked.started(run) as instance:
        assert (await ended(instance)).output == 2  # not parked a second time
        driver = parked.engine._driver
        assert driver is not None
        assert len(driver._kept) == 1
        left.set()
        await quiet()
        gc.collect()
        assert (len(driver._kept), len(driver._stubborn)) == (0, 0)
    assert f'Flow "i" ignores its cancellation at {__file__}' in caplog.text
    assert "await left.wait()" in caplog.text
    assert "could not be parked and stays in memory" in caplog.text


async def test_a_loop_that_catches_everything_neither_spins_nor_hangs(
    parked: World, caplog: pytest.LogCaptureFixture
) -> None:
    caught: list[str] = []

    async def run(event: Event, step: Step) -> str:
        while True:
            try:
                return (await step.wait_for_event("w", "go")).type
            except:  # noqa: E722
                caught.append("something")

    async with parked.started(run) as instance:
        await quiet()
        assert [task for task in asyncio.all_tasks() if task.get_name().startswith("run ")] == []
        await instance.send_event("go")
        assert (await ended(instance)).output == "go"
    assert len(caught) <= 2
    assert f"ignores its cancellation at {__file__}" in caplog.text


async def test_asyncio_timers_outside_of_steps_do_not_survive(parked: World) -> None:
    async def run(event: Event, step: Step) -> str:
        try:
            async with asyncio.timeout(0.2):
                await step.sleep("z", 10_000)
        except TimeoutError:
            return "timed out"
        return "slept"

    assert (await parked.run(run)).output == "slept"


async def test_a_wait_in_a_task_of_somebody_else_keeps_the_run_hot(parked: World) -> None:
    runs: list[int] = []

    async def run(event: Event, step: Step) -> int:
        runs.append(1)
        waiting = step.sleep("z", 10)
        await asyncio.get_running_loop().create_task(waiting, context=Context())
        return len(runs)

    assert (await parked.run(run)).output == 1


async def test_what_a_callback_leaves_running_is_not_let_go_with_the_run(world: World) -> None:
    pool: list[asyncio.Task[Any]] = []
    closed = asyncio.Event()

    async def opens_a_pool() -> None:
        pool.append(asyncio.create_task(closed.wait()))

    async def run(event: Event, step: Step) -> bool:
        await step.do("open", opens_a_pool)
        await step.sleep("z", 10)
        return pool[0].done()

    assert (await world.run(run)).output is False
    closed.set()
    await pool[0]


@pytest.mark.parametrize("park", [None, "always"])
async def test_waits_in_a_row_cost_one_replay_each_when_parked_and_none_when_hot(
    park: Literal["always"] | None,
) -> None:
    world = World(":memory:", park=park)
    calls = runs = 0

    async def run(event: Event, step: Step) -> None:
        nonlocal calls, runs
        runs += 1
        for number in range(waits):
            calls += 1
            await step.sleep(f"sleep {number}", 1)

    waits = 100 if park else 1_000
    assert (await world.run(run)).error is None
    assert (runs, calls) == ((101, 100 * 101 // 2 + 100) if park else (1, 1_000))


async def test_lesson_24_a_sleep_that_is_terminated_leaves_no_timer(world: World) -> None:
    async with world.started(lambda event, step: step.sleep("z", 1_000)) as instance:
        await quiet()
        await instance.terminate()
        await quiet()
        assert world.clock._next_at() is None


async def hops(count: int) -> None:
    """Returns after some turns of the loop in which no task runs."""
    loop, over = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

    def hop(left: int) -> None:
        loop.call_soon(hop, left - 1) if left else over.set_result(None)

    hop(count)
    await over


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("busy", [lambda: hops(5), lambda: turns(40)], ids=["callbacks", "turns"])
async def test_a_run_is_parked_only_when_none_of_its_tasks_goes_on(world: World, busy: Any) -> None:
    done_at: list[float] = []

    async def branch(step: Step) -> None:
        await busy()
        await step.do("after", lambda: done_at.append(world.clock.now()))

    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(step.sleep("long", 100), branch(step))

    assert (await world.run(run)).error is None
    assert done_at == [world.started_at]


async def test_terminating_cancels_what_the_run_has_outside_of_steps(world: World) -> None:
    cancelled: list[str] = []

    async def aside() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append("aside")

    async def run(event: Event, step: Step) -> None:
        task = asyncio.create_task(aside())
        await asyncio.sleep(0)
        await step.do("s", asyncio.Event().wait)
        await task

    async with world.started(run) as instance:
        await quiet()
        await instance.terminate()
        await quiet()
        assert cancelled == ["aside"]


async def storm(instance: WorkflowInstance, count: int) -> None:
    await asyncio.gather(*(instance.send_event("go", number) for number in range(count)))


async def test_a_storm_of_events_wakes_one_run_at_a_time(world: World) -> None:
    inside, most = 0, 0

    async def run(event: Event, step: Step) -> list[int]:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        try:
            return [(await step.wait_for_event(f"w {number}", "go")).payload for number in range(30)]
        finally:
            inside -= 1

    async with world.started(run) as instance:
        await quiet()
        await storm(instance, 30)
        assert (await ended(instance)).output == list(range(30))
    assert most == 1


async def test_silence_in_the_log_when_runs_are_parked(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        await world.run(approval)
    assert caplog.records == []
