"""A parked instance is a row: nothing of it is in memory, nothing is loaded before its time."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.contract.liveness import parked
from tests.contract.test_deploys import Receipt, paid
from tests.contract.world import Event, Step, World, ended, history, named, workflow
from workflows import Engine, InstanceNotFound, StoreError, WorkflowFailed, WorkflowInstance
from workflows.memory.ledger import MemoryLedger

pytestmark = pytest.mark.anyio


async def quiet() -> None:
    """Lets what is ready go on, so that whoever waits is parked."""
    for _ in range(60):
        await asyncio.sleep(0)


async def settled(engine: Engine) -> None:
    """Returns when all that waits is parked."""
    backend = engine._backend
    assert backend is not None
    for _ in range(1_000_000):
        if not backend._runs.leases:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{len(backend._runs.leases)} instances are not parked")


def in_memory(engine: Engine) -> tuple[int, int, int]:
    """How many leases, audiences and turns there are."""
    backend = engine._backend
    assert backend is not None
    runs = backend._runs
    return len(runs.leases), len(runs.audiences), len(runs.turns._taken)


async def claims(engine: Engine) -> list[int]:
    """How often each instance was loaded, in the order of creation."""
    backend = engine._backend
    assert backend is not None
    if isinstance(backend._ledger, MemoryLedger):
        return [row.epoch - 1 for row in backend._ledger._rows.values()]
    return [epoch - 1 for (epoch,) in await engine.store.read("SELECT epoch FROM instance ORDER BY id")]


@pytest.fixture
def parking(world: World) -> World:
    """Every backend, parked at every wait."""
    world.park = "always"
    return world


@pytest.fixture
def lasting(tmp_path: Path) -> World:
    """A file, parked at every wait."""
    return World(str(tmp_path / "engine.db"), park="always")


async def waiting(event: Event, step: Step) -> Any:
    """Waits 50 seconds, and for an approval."""
    received, _ = await asyncio.gather(
        step.wait_for_event("approval", "approval", timeout=1_000), step.sleep("at least", 50)
    )
    return None if received is None else received.payload


async def sleeper(event: Event, step: Step) -> float:
    """Sleeps as long as its params say."""
    await step.sleep("z", event.payload)
    return float(event.payload)


async def test_nothing_of_a_parked_instance_is_in_memory(parking: World) -> None:
    async with parking.started(waiting) as instance:
        await settled(parking.engine)
        assert in_memory(parking.engine) == (0, 0, 0)
        assert (await instance.status()).status == "waiting"
        page = await parking.engine.workflow("Flow").list(status="waiting")
        assert [one.id for one in page.instances] == ["i"]
        wake, awaits = await parked(parking.engine, 1)
        assert (wake, awaits) == (parking.started_at + 50, ["approval"])


async def test_those_who_watch_a_parked_instance_see_all_of_it(parking: World) -> None:
    async with parking.started(waiting) as instance:
        await settled(parking.engine)
        watching = asyncio.create_task(history(instance))
        result = asyncio.create_task(instance.result())
        impatient = asyncio.create_task(instance.result())
        await quiet()
        impatient.cancel()
        await quiet()
        assert in_memory(parking.engine) == (0, 1, 0)
        await instance.send_event("approval", "yes")
        assert await result == "yes"
        types = await watching
        assert (types[0], types[-1]) == ("workflow_queued", "workflow_completed")
        assert types.count("wait_completed") == types.count("sleep_completed") == 1
        assert in_memory(parking.engine) == (0, 0, 0)


async def test_who_stops_watching_leaves_nothing_behind(parking: World) -> None:
    async with parking.started(waiting) as instance:
        await settled(parking.engine)
        tasks = [asyncio.create_task(history(instance)), asyncio.create_task(instance.result())]
        await quiet()
        assert in_memory(parking.engine) == (0, 1, 0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        gc.collect()  # ends the generators that nobody reads any more
        await quiet()
        assert in_memory(parking.engine) == (0, 0, 0)


async def test_a_stream_is_read_over_a_park(parking: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("before", lambda ctx: ctx.stream("one"))
        await step.sleep("z", 10)
        await step.do("after", lambda ctx: ctx.stream("two"))

    async with parking.started(run) as instance:
        await settled(parking.engine)
        parts = [part async for part in instance.stream("after")]
        assert [getattr(part, "value", None) for part in parts] == ["two"]


async def test_an_event_that_nobody_waits_for_wakes_nobody(parking: World) -> None:
    async with parking.started(waiting) as instance:
        await settled(parking.engine)
        before = await claims(parking.engine)
        await instance.send_event("other", 1)
        await quiet()
        assert (await claims(parking.engine), in_memory(parking.engine)) == (before, (0, 0, 0))
        await instance.send_event("approval", "yes")
        assert (await ended(instance)).output == "yes"


async def test_an_alarm_of_a_row_goes_with_it(parking: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return (await step.wait_for_event("w", "go", timeout=1_000)).payload

    async with parking.started(run) as instance:
        await settled(parking.engine)
        assert parking.clock._next_at() == parking.started_at + 1_000
        await instance.send_event("go", "early")
        assert (await ended(instance)).output == "early"
        assert parking.clock._next_at() is None


@pytest.mark.parametrize("command", ["event", "pause", "restart", "rewind", "terminate"])
@pytest.mark.parametrize("turns", range(0, 16, 3))
async def test_a_command_that_races_a_wake_finds_one_run(parking: World, command: str, turns: int) -> None:
    inside = most = 0

    async def work() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        try:
            for _ in range(10):
                await asyncio.sleep(0)
        finally:
            inside -= 1

    async def run(event: Event, step: Step) -> str:
        await step.sleep("z", 10)
        await step.do("work", work)
        return "done"

    async def give(instance: WorkflowInstance) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        match command:
            case "event":
                await instance.send_event("go")
            case "rewind":
                await instance.restart(from_step="z", kind="sleep")
            case _:
                await getattr(instance, command)()

    given: list[asyncio.Task[None]] = []
    async with parking.started(run) as instance:
        await settled(parking.engine)
        due = parking.started_at + 10
        parking.clock.call_at(due, lambda: given.append(asyncio.create_task(give(instance))))
        await parking.later(11)
        await asyncio.gather(*given, return_exceptions=True)
        status = (await instance.status()).status
        if command == "pause" and status in ("paused", "waitingForPause"):
            await instance.resume()
        await parking.later(11)
        assert (await instance.status()).status in ("complete", "terminated")
        assert in_memory(parking.engine) == (0, 0, 0)
    assert most <= 1


async def test_a_run_that_is_parked_while_it_is_paused_is_a_row(parking: World) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> int:
        begun.set()
        await go.wait()
        return 1

    async def run(event: Event, step: Step) -> Any:
        return await step.do("first", slow), await step.do("second", lambda: 2)

    async with parking.started(run) as instance:
        await begun.wait()
        await instance.pause()
        go.set()
        await settled(parking.engine)
        assert (in_memory(parking.engine), (await instance.status()).status) == ((0, 0, 0), "paused")
        assert not any(task.get_name().startswith("run ") for task in asyncio.all_tasks())
        await instance.resume()
        assert (await ended(instance)).output == (1, 2)


async def test_what_todays_code_cannot_read_is_paused_and_a_row(durable: World) -> None:
    async with durable.started(paid(Receipt)):
        await durable.later(1)
    async with durable.reopened(paid(int)) as instance:
        await durable.later(1_000)
        assert ((await instance.status()).status, in_memory(durable.engine)) == ("paused", (0, 0, 0))


@pytest.mark.parametrize("turns", range(0, 60, 4))
async def test_the_end_of_a_child_that_races_the_park_of_its_parent_is_heard(
    parking: World, turns: int
) -> None:
    async def child(event: Event, step: Step) -> str:
        for _ in range(turns):
            await asyncio.sleep(0)
        return "done"

    flow = named("Child", workflow(child))

    async def run(event: Event, step: Step) -> Any:
        return await step.run_workflow("child", flow)

    parent = workflow(run)
    async with parking.open(parent, flow) as engine:
        assert (await ended(await engine.workflow(parent).create(id="p"))).output == "done"
    assert parking.clock.now() == parking.started_at


async def test_only_what_is_due_is_loaded_after_a_kill(lasting: World, tmp_path: Path) -> None:
    flow = workflow(sleeper)
    async with lasting.open(flow) as engine:
        for number, seconds in enumerate((10, 1_000, 20, 1_000, 1_000)):
            await engine.workflow(flow).create(id=f"i{number}", params=seconds)
        await settled(engine)
        assert await claims(engine) == [0] * 5
        killed = lasting.as_killed(tmp_path / "killed")
    killed.clock.shift(15)
    async with killed.open(flow) as engine:
        assert await engine.workflow(flow).get("i0").result() == 10
        assert await claims(engine) == [1, 0, 0, 0, 0]
        assert await engine.workflow(flow).get("i2").result() == 20
        assert await claims(engine) == [1, 0, 1, 0, 0]
        assert in_memory(engine) == (0, 0, 0)
    assert killed.clock.now() == lasting.started_at + 20


async def test_an_event_that_a_kill_left_unread_wakes_its_receiver(lasting: World, tmp_path: Path) -> None:
    async def run(event: Event, step: Step) -> Any:
        return (await step.wait_for_event("w", "go")).payload

    async with lasting.started(run) as instance:
        await settled(lasting.engine)
        backend = lasting.engine._backend
        assert backend is not None
        backend._commands.claimer.wakes.close()  # the process is killed after the event was acknowledged
        await instance.send_event("go", "here")
        killed = lasting.as_killed(tmp_path / "killed")
        await lasting.engine.close()
    async with killed.reopened(run) as instance:
        assert await instance.result() == "here"


async def test_a_file_of_twenty_thousand_sleepers_holds_no_object_for_each(lasting: World) -> None:
    flow = workflow(sleeper)
    async with lasting.open(flow) as engine:
        binding = engine.workflow(flow)
        await binding.create_batch([{"params": 100_000}])
        await settled(engine)
        gc.collect()
        before = len(gc.get_objects())
        for first in range(0, 20_000, 100):
            await binding.create_batch([{"params": 1_000 + first + number} for number in range(100)])
        await settled(engine)
        gc.collect()
        assert len(gc.get_objects()) - before < 5_000
        backend = engine._backend
        assert backend is not None
        assert in_memory(engine) == (0, 0, 0)
        assert len(backend._commands.claimer.wakes._window) <= 20_000


async def test_a_paused_row_goes_on_after_the_engine_was_opened_again(lasting: World) -> None:
    async with lasting.started(waiting) as instance:
        await lasting.later(10)
        await instance.pause()
        assert in_memory(lasting.engine) == (0, 0, 0)
        await instance.send_event("approval", "meanwhile")
    async with lasting.reopened(waiting) as instance:
        await lasting.later(100)
        assert (in_memory(lasting.engine), (await instance.status()).status) == ((0, 0, 0), "paused")
        await instance.resume()
        assert (await ended(instance)).output == "meanwhile"
        assert lasting.clock.now() == pytest.approx(lasting.started_at + 150, abs=1e-3)


async def test_commands_reach_a_row_that_was_never_loaded(lasting: World) -> None:
    undone: list[str] = []

    async def run(event: Event, step: Step) -> Any:
        await step.do("a", lambda: 1, rollback=lambda _: undone.append("a"))
        return await waiting(event, step)

    async def statuses(engine: Engine) -> dict[str, str]:
        page = await engine.workflow("Flow").list()
        return {one.id: one.status for one in page.instances}

    flow, commands = (
        workflow(run),
        ("terminate", "rollback", "pause", "restart", "rewind", "resume", "delete"),
    )
    async with lasting.open(flow) as engine:
        for id in commands:
            await engine.workflow(flow).create(id=id)
        await lasting.later(10)
    async with lasting.open(flow) as engine:
        assert in_memory(engine) == (0, 0, 0)
        binding = engine.workflow(flow)
        await binding.get("terminate").terminate()
        await binding.get("rollback").terminate(rollback=True)
        await binding.get("pause").pause()
        await binding.get("restart").restart()
        await binding.get("rewind").restart(from_step="at least", kind="sleep")
        await binding.get("resume").resume()  # it is not paused: nothing happens
        await binding.get("delete").delete()
        await lasting.later(1)
        assert await statuses(engine) == {
            "terminate": "terminated",
            "rollback": "terminated",
            "pause": "paused",
            "restart": "waiting",
            "rewind": "waiting",
            "resume": "waiting",
        }
        assert in_memory(engine) == (0, 0, 0)
        assert undone == ["a"]
        for id in ("restart", "rewind", "resume"):
            await binding.get(id).send_event("approval", id)
            assert await binding.get(id).result() == id
        with pytest.raises(WorkflowFailed):
            await binding.get("terminate").result()
        with pytest.raises(InstanceNotFound):
            await binding.get("delete").status()
    assert lasting.clock.now() == pytest.approx(lasting.started_at + 60, abs=1e-3)


async def test_who_watches_a_row_hears_of_its_deletion_and_its_termination(parking: World) -> None:
    async def outcome(instance: WorkflowInstance) -> str:
        try:
            await instance.result()
        except (InstanceNotFound, WorkflowFailed) as error:
            return type(error).__name__
        return "ended"

    flow = workflow(waiting)
    async with parking.open(flow) as engine:
        instances = [await engine.workflow(flow).create(id=id) for id in "ab"]
        await settled(engine)
        heard = [asyncio.create_task(outcome(one)) for one in instances]
        seen = [asyncio.create_task(history(one)) for one in instances]
        await quiet()
        await instances[0].delete()
        await instances[1].terminate()
        assert await asyncio.gather(*heard) == ["InstanceNotFound", "WorkflowFailed"]
        assert (await seen[1])[-1] == "workflow_terminated"
        with pytest.raises(InstanceNotFound):
            await seen[0]
        assert in_memory(engine) == (0, 0, 0)


async def test_the_termination_of_a_parked_parent_takes_its_followers_along(parking: World) -> None:
    flow = named("Child", workflow(sleeper))

    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(
            *(step.run_workflow(f"c{n}", flow, 100, id=f"c{n}", on_parent_end="terminate") for n in range(3)),
            step.run_workflow("stays", flow, 100, id="stays"),
        )

    parent = workflow(run)
    async with parking.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await settled(engine)
        await instance.terminate()
        page = await engine.workflow(flow).list()
        assert sorted((one.id, one.status) for one in page.instances) == [
            ("c0", "terminated"),
            ("c1", "terminated"),
            ("c2", "terminated"),
            ("stays", "waiting"),
        ]


@pytest.mark.parametrize("at_once", [1, 2, 500])
async def test_what_is_awake_is_loaded_in_batches_and_once(
    durable: World, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("workflows.claimer._AT_ONCE", at_once)
    calls: list[str] = []
    first_life = True

    async def child(event: Event, step: Step) -> None:
        await step.do("c", lambda: calls.append(event.instance_id))

    flow = named("Child", workflow(child))

    async def work(id: str) -> None:
        if first_life:
            await asyncio.Event().wait()
        calls.append(id)

    async def run(event: Event, step: Step) -> None:
        await step.do("work", work, event.instance_id)
        await step.run_workflow("child", flow, id=f"c{event.instance_id}")

    parent = workflow(run)
    async with durable.open(parent, flow) as engine:
        for number in range(5):
            await engine.workflow(parent).create(id=f"i{number}")
        await quiet()
    first_life = False
    async with durable.open(parent, flow) as engine:
        for number in range(5):
            assert (await ended(engine.workflow(parent).get(f"i{number}"))).status == "complete"
        assert (await claims(engine))[5:] == [0] * 5
    assert sorted(calls) == sorted([f"i{n}" for n in range(5)] + [f"ci{n}" for n in range(5)])


async def test_a_damaged_row_does_not_hold_up_those_that_wake_with_it(
    lasting: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def run(event: Event, step: Step) -> str:
        await step.do("s", lambda: 12345)
        return str(await sleeper(event, step))

    flow = workflow(run)
    async with lasting.open(flow) as engine:
        for id in "abc":
            await engine.workflow(flow).create(id=id, params=10)
        await settled(engine)
    with closing(sqlite3.connect(lasting.path)) as file:
        file.execute("UPDATE entry SET result = x'31323334' WHERE name = 's' AND instance = 2")
        file.commit()
    async with lasting.open(flow) as engine:
        results = [asyncio.create_task(engine.workflow(flow).get(id).result()) for id in "abc"]
        done = await asyncio.gather(*results, return_exceptions=True)
        assert (done[0], done[2]) == ("10.0", "10.0")
        assert "the record of step s-1 is damaged" in str(done[1])
        status = await engine.workflow(flow).get("b").status()
        assert status.status == "paused"
        assert "the record of step s-1 is damaged" in str(status.reason)
    assert 'Flow "b" is paused: the record of step s-1 is damaged' in caplog.text


async def test_a_wake_that_cannot_be_written_is_tried_again(lasting: World) -> None:
    async with lasting.started(sleeper, 10) as instance:
        await settled(lasting.engine)
        locked = sqlite3.connect(lasting.path, isolation_level=None)
        await lasting.engine.store.write(
            lambda connection: connection.execute("PRAGMA busy_timeout=0").fetchall()
        )
        locked.execute("BEGIN IMMEDIATE")
        await lasting.later(12)
        assert (await instance.status()).status == "waiting"
        with pytest.raises(StoreError, match="another program has a transaction open"):
            await instance.result()  # who asks meanwhile learns why
        locked.execute("ROLLBACK")
        locked.close()
        await lasting.later(5)
        assert await instance.result() == 10


async def test_a_replay_of_the_engine_leaves_rows_as_they_are(parking: World) -> None:
    async with parking.started(waiting) as instance:
        await settled(parking.engine)
        await parking.engine.replay()
        assert (await claims(parking.engine), in_memory(parking.engine)) == ([0], (0, 0, 0))
        result = asyncio.create_task(instance.result())
        await quiet()
        await parking.engine.replay()
        await instance.send_event("approval", "yes")
        assert await result == "yes"


async def test_the_clock_may_be_set_forward_and_back(parking: World) -> None:
    flow = workflow(sleeper)
    async with parking.open(flow) as engine:
        for seconds in (100, 200, 4_000):
            await engine.workflow(flow).create(id=f"i{seconds}", params=seconds)
        await settled(engine)
        parking.clock.shift(-3_600)
        assert (await claims(engine)) == [0, 0, 0]
        parking.clock.shift(3_600 + 150)
        assert await engine.workflow(flow).get("i100").result() == 100
        assert await claims(engine) == [1, 0, 0]
        assert await engine.workflow(flow).get("i200").result() == 200
        assert parking.clock.now() == parking.started_at + 200
