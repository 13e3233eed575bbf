"""Pause, resume, terminate and restart, from every status."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, history, workflow
from workflows import InstanceFinished, InstanceNotFound, StepContext, WorkflowEntrypoint, WorkflowInstance

pytestmark = pytest.mark.anyio

COMMANDS = ("pause", "resume", "terminate", "restart", "delete")
TABLE = {
    "queued": ("paused", "queued", "terminated", "queued", None),
    "running": ("waitingForPause", "running", "terminated", "running", None),
    "waiting": ("paused", "waiting", "terminated", "waiting", None),
    "paused": ("paused", "waiting", "terminated", "waiting", None),
    "waitingForPause": ("waitingForPause", "running", "terminated", "running", None),
    "complete": ("complete", "complete", InstanceFinished, "complete", None),
    "errored": ("errored", "errored", InstanceFinished, "errored", None),
    "terminated": ("terminated", "terminated", InstanceFinished, "waiting", None),
}
CELLS = [(status, *cell) for status, row in TABLE.items() for cell in zip(COMMANDS, row, strict=True)]


@asynccontextmanager
async def instance_in(world: World, status: str) -> AsyncIterator[WorkflowInstance]:
    async def run(event: Event, step: Step) -> None:
        match status:
            case "queued" | "running" | "waitingForPause":
                await step.do("long", world.clock.sleep, 100)
            case "waiting" | "paused" | "terminated":
                await step.sleep("z", 100)
            case "errored":
                raise ValueError("as wished")

    flow = workflow(run, concurrency=1)
    async with world.open(flow) as engine:
        if status == "queued":
            await engine.workflow(flow).create(params="occupies the only slot")
        instance = await engine.workflow(flow).create()
        await world.later(5)
        if status in ("paused", "waitingForPause"):
            await instance.pause()
        if status == "terminated":
            await instance.terminate()
        assert (await instance.status()).status == status
        yield instance


@pytest.mark.parametrize(("status", "command", "expected"), CELLS)
async def test_the_lifecycle_table(world: World, status: str, command: str, expected: Any) -> None:
    async with instance_in(world, status) as instance:
        if expected is InstanceFinished:
            with pytest.raises(InstanceFinished, match=r"\(instance.cannot_terminate\) Cannot terminate ins"):
                await getattr(instance, command)()
            return
        await getattr(instance, command)()
        await world.later(1)
        if expected is None:
            with pytest.raises(InstanceNotFound):
                await instance.status()
        else:
            assert (await instance.status()).status == expected


async def test_a_deleted_instance_is_gone_for_those_who_follow_it(world: World) -> None:
    ran_on: list[str] = []

    async def run(event: Event, step: Step) -> None:
        async def slow() -> None:
            await world.later(10)
            ran_on.append("after the deletion")

        await step.do("slow", slow)

    async with world.started(run) as instance:
        followers = [asyncio.ensure_future(instance.result()), asyncio.ensure_future(history(instance))]
        await world.later(5)
        await instance.delete()
        await world.later(50)
        for follower in followers:
            with pytest.raises(InstanceNotFound, match='"i" was deleted'):
                await follower
        assert ran_on == []


async def test_a_run_that_deletes_itself_stops_there(world: World) -> None:
    reached: list[str] = []

    class Flow(WorkflowEntrypoint[None, Any]):
        async def run(self, event: Event, step: Step) -> None:
            await step.do("before", lambda: reached.append("before"))
            await self.instance.delete()
            reached.append("after")

    async with world.open(Flow) as engine:
        binding = engine.workflow(Flow)
        instance = await binding.create()
        await world.later(1)
        with pytest.raises(InstanceNotFound):
            await instance.status()
        assert (reached, (await binding.list()).instances) == (["before"], ())


async def test_a_pause_waits_for_the_running_attempt_and_nothing_starts_after_it(world: World) -> None:
    seen: list[str] = []

    async def run(event: Event, step: Step) -> str:
        async def branch(name: str, duration: float) -> None:
            await step.do(name, world.clock.sleep, duration)
            await step.do(f"{name} next", lambda: seen.append(name))

        await asyncio.gather(branch("short", 10), branch("long", 20))
        return "done"

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        await world.later(10)
        assert (await instance.status()).status == "waitingForPause"
        await world.later(10)
        assert ((await instance.status()).status, seen) == ("paused", [])
        await instance.resume()
        assert (await instance.result(), sorted(seen)) == ("done", ["long", "short"])


async def test_resume_before_the_pause_has_begun_cancels_it_without_a_replay(world: World) -> None:
    runs: list[int] = []

    async def run(event: Event, step: Step) -> None:
        runs.append(1)
        await step.do("long", world.clock.sleep, 10)

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        await instance.resume()
        assert ((await ended(instance)).status, runs) == ("complete", [1])


async def test_a_pause_cannot_be_caught_by_the_workflow(world: World) -> None:
    caught: list[BaseException] = []

    async def run(event: Event, step: Step) -> str:
        try:
            await step.wait_for_event("w", "go")
        except Exception as error:  # noqa: BLE001
            caught.append(error)
        return "done"

    async with world.started(run) as instance:
        await world.later(1)
        await instance.pause()
        await world.later(1)
        assert (await instance.status()).status == "paused"
        await instance.resume()
        await instance.send_event("go")
        assert (await instance.result(), caught) == ("done", [])


async def test_a_pause_in_a_retry_delay_keeps_what_is_left_of_it(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        def fail_once(ctx: Any) -> float:
            if ctx.attempt == 1:
                raise ValueError("once")
            return world.clock.now()

        return await step.do("s", fail_once, retries={"limit": 1, "delay": 10})

    async with world.started(run) as instance:
        begun = world.clock.now()
        await world.later(4)
        await instance.pause()
        assert (await instance.status()).status == "paused"
        await world.later(100)
        await instance.resume()
        assert await instance.result() == pytest.approx(begun + 110, abs=0.01)


async def test_a_pause_moves_the_time_limit_of_a_wait(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.wait_for_event("w", "go", timeout=10)

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        await world.later(100)
        await instance.resume()
        await world.later(4)
        assert (await instance.status()).status == "waiting"
        assert (await ended(instance)).status == "errored"


@pytest.mark.parametrize("command", ["terminate", "restart"])
async def test_a_running_callback_is_cut_off(world: World, command: str) -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append("begun")
        await world.clock.sleep(10)
        seen.append("ended")

    async def run(event: Event, step: Step) -> None:
        await step.do("work", work)

    async with world.started(run) as instance:
        await world.later(5)
        await getattr(instance, command)()
        await world.later(8)
        assert seen == (["begun"] if command == "terminate" else ["begun", "begun"])
        await world.later(8)
        assert seen[-1] == ("begun" if command == "terminate" else "ended")


@pytest.mark.parametrize("rollback", [False, True])
async def test_what_has_just_started_is_seen_before_it_is_cut_off(world: World, rollback: bool) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1, rollback=lambda _: None)
        await step.do("b", world.clock.sleep, 10)

    async with world.started(run) as instance:
        await world.later(5)
        await instance.terminate(rollback=rollback)
        seen = await history(instance)
        then = "rollback_started" if rollback else "workflow_terminated"
        assert seen[7:10] == ["step_started", "attempt_started", then]


async def test_terminate_logs_no_failed_attempt(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda: 1 / 0, retries={"limit": 5, "delay": 30})

    async with world.started(run) as instance:
        await world.later(5)
        await instance.terminate()
        seen = await history(instance)
        status = await instance.status()
    assert (seen.count("attempt_errored"), seen[-1]) == (1, "workflow_terminated")
    assert (status.output, status.error) == (None, None)


async def test_restart_forgets_everything_and_keeps_the_params(world: World) -> None:
    calls: list[int] = []

    async def run(event: Event, step: Step) -> Any:
        await step.do("s", lambda: calls.append(event.payload))
        if len(calls) == 1:
            raise ValueError("first time")
        return len(calls)

    async with world.started(run, 7) as instance:
        assert (await ended(instance)).status == "errored"
        await instance.restart()
        status = await ended(instance)
        events = [event async for event in instance.subscribe()]
    assert (status.status, status.output, status.error, calls) == ("complete", 2, None, [7, 7])
    assert [event.event_id for event in events] == list(range(1, len(events) + 1))
    assert events[0].type == "workflow_queued"


async def test_restart_drops_events_that_nobody_received(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return (await step.wait_for_event("w", "go", timeout=10)).payload

    async with world.started(run) as instance:
        await instance.pause()
        await instance.send_event("go", "old")
        await instance.restart()
        assert (await ended(instance)).status == "errored"


class Rounds(WorkflowEntrypoint[list[int], Any]):
    async def run(self, event: Event, step: Step) -> int:
        self.env.append(await step.do("round", lambda: len(self.env)))
        if len(self.env) < 3:
            await self.instance.restart()
            self.env.append(-1)
        return len(self.env)


async def test_a_run_may_restart_its_own_instance(world: World) -> None:
    rounds: list[int] = []
    async with world.open(Rounds, env=rounds) as engine:
        instance = await engine.workflow(Rounds).create()
        assert (await instance.result(), rounds) == (3, [0, 1, 2])


class Suicide(WorkflowEntrypoint[None, Any]):
    async def run(self, event: Event, step: Step) -> None:
        assert (await self.instance.status()).status == "running"
        await self.instance.terminate()
        await step.do("never", lambda: 1)


async def test_a_run_may_terminate_its_own_instance(world: World) -> None:
    async with world.open(Suicide) as engine:
        instance = await engine.workflow(Suicide).create()
        assert (await ended(instance)).status == "terminated"
        assert "step_started" not in await history(instance)


class Parent(WorkflowEntrypoint[None, Any]):
    async def run(self, event: Event, step: Step) -> Any:
        if event.payload == "child":
            return "from the child"
        create = self.workflow(Parent).create
        child = await step.do("child", lambda: _id_of(create(id="child", params="child", exist_ok=True)))
        return await self.workflow(Parent).get(child).result()


async def _id_of(creating: Any) -> str:
    return str((await creating).id)


async def test_a_run_may_send_itself_an_event_and_pause_its_own_instance(world: World) -> None:
    done: list[str] = []

    class Flow(WorkflowEntrypoint[None, Any]):
        async def run(self, event: Event, step: Step) -> Any:
            assert (await self.instance.status()).status == "running"

            async def own() -> str:
                await self.instance.send_event("go", "from itself")
                await self.instance.pause()
                await self.instance.pause()
                return "asked"

            done.append(await step.do("own", own))
            done.append((await step.wait_for_event("w", "go")).payload)
            await self.instance.resume()  # it is not paused: nothing happens
            return "done"

    async with world.open(Flow) as engine:
        instance = await engine.workflow(Flow).create()
        await world.later(1)
        assert (await instance.status()).status == "paused"
        assert "from itself" not in done
        await instance.resume()
        assert await instance.result() == "done"
        assert done[-2:] == ["asked", "from itself"]


async def test_a_workflow_may_create_others(world: World) -> None:
    async with world.open(Parent) as engine:
        instance = await engine.workflow(Parent).create()
        assert await instance.result() == "from the child"


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21])
async def test_closing_while_runs_are_ending_breaks_none_off(
    world: World, caplog: pytest.LogCaptureFixture, turns: int
) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.wait_for_event("w", "go")

    flow = workflow(run)
    async with world.open(flow) as engine:
        instances = [await engine.workflow(flow).create() for _ in range(20)]
        for instance in instances:
            await instance.send_event("go")
        for _ in range(turns):
            await asyncio.sleep(0)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_one_poisoned_instance_does_not_disturb_the_others(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        if event.payload == "poison":
            raise SystemExit("not an Exception")
        return await step.do("s", lambda: event.payload, retries=ONCE)

    flow = workflow(run)
    async with world.open(flow) as engine:
        made = [await engine.workflow(flow).create(params=params) for params in (1, "poison", 3)]
        ends = [await ended(instance) for instance in made]
    assert [end.output for end in ends] == [1, None, 3]
    assert ends[1].status == "errored"


async def test_a_pause_lets_an_attempt_end_that_calls_steps(world: World) -> None:
    """They belong to it: held back, they would keep it running until its time is over."""
    calls: list[int] = []

    async def outer(step: Step, ctx: StepContext) -> int:
        for number in range(3):
            await step.do(f"inner {number}", world.clock.sleep, 10)
            calls.append(number)
        return ctx.attempt

    async def run(event: Event, step: Step) -> int:
        attempt = await step.do("outer", outer, step)
        calls.append(await step.do("next", lambda: 9))
        return attempt

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        assert (await instance.status()).status == "waitingForPause"
        await world.later(100)
        assert ((await instance.status()).status, calls) == ("paused", [0, 1, 2])
        await instance.resume()
        assert ((await ended(instance)).output, calls) == (1, [0, 1, 2, 9])


@pytest.mark.parametrize("how", ["sleep", "event", "retry"])
async def test_a_pause_lets_an_attempt_end_that_waits_in_a_step_of_its_own(world: World, how: str) -> None:
    failed: list[bool] = []

    async def flaky() -> str:
        if not failed:
            failed.append(True)
            raise ValueError("once")
        return "retry"

    async def outer(step: Step) -> str:
        match how:
            case "sleep":
                await step.sleep("inner", 50)
                return how
            case "event":
                return str((await step.wait_for_event("inner", "go")).payload)
            case _:
                return await step.do("inner", flaky, retries={"limit": 1, "delay": 50})

    async def run(event: Event, step: Step) -> tuple[str, int]:
        return await step.do("outer", outer, step), await step.do("next", lambda: 9)

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        assert (await instance.status()).status == "waitingForPause"
        await instance.send_event("go", "event")
        await world.later(100)
        status = await instance.status()
        assert (status.status, status.usage.steps) == ("paused", 2 if how == "retry" else 1)
        await instance.resume()
        assert (await ended(instance)).output == (how, 9)


async def test_an_event_of_a_paused_wait_is_not_taken_by_a_younger_one_in_an_attempt(world: World) -> None:
    received: dict[str, Any] = {}

    async def waits(step: Step, name: str) -> None:
        received[name] = (await step.wait_for_event(name, "go")).payload

    async def younger(step: Step) -> None:
        await waits(step, "younger")

    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(waits(step, "older"), step.do("outer", younger, step))

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        await instance.send_event("go", 1)
        await world.later(5)
        assert received == {}
        await instance.send_event("go", 2)
        await instance.resume()
        assert (await ended(instance)).status == "complete"
    assert received == {"older": 1, "younger": 2}
