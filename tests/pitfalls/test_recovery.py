"""Whoever was unfinished goes on: once at a time, whatever its neighbours do, and whatever failed before."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from typing import Any

import pytest

from tests.contract.liveness import alive
from tests.contract.world import ONCE, Event, Step, World, ended, workflow
from workflows import Fenced, StoreError, WorkflowEntrypoint
from workflows.backend import NewMoment
from workflows.entry import State

pytestmark = pytest.mark.anyio

ROOM = 1_000_000


async def test_a_replay_never_runs_a_step_twice_at_once(world: World) -> None:
    """Pitfalls 1 and 21: recovery re-enqueues runs that a live peer is executing."""
    inside, most, attempts = 0, 0, 0

    async def work() -> None:
        nonlocal inside, most, attempts
        inside, attempts = inside + 1, attempts + 1
        most = max(most, inside)
        try:
            await world.clock.sleep(10)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)  # it takes its time to leave
            inside -= 1

    async def run(event: Event, step: Step) -> str:
        await step.do("work", work)
        return "done"

    async with world.started(run) as instance:
        for _ in range(5):
            await world.later(1)
            await asyncio.gather(*(world.engine.replay() for _ in range(3)))
            await instance.pause()
            await instance.resume()
        await alive(world.engine)
        assert await instance.result() == "done"
    assert most == 1
    assert attempts > 5


async def test_an_open_engine_is_not_recovered_by_a_second_process(durable: World) -> None:
    """Pitfall 1: recovery re-enqueues runs that a live peer is executing."""
    calls: list[int] = []

    async def run(event: Event, step: Step) -> str:
        await step.do("first", lambda: calls.append(1))
        await step.sleep("z", 100)
        return "done"

    program = (
        "import asyncio, sys\n"
        "from workflows import Engine, StoreInUse, WorkflowEntrypoint\n"
        "class Flow(WorkflowEntrypoint):\n"
        "    async def run(self, event, step): print('stolen')\n"
        "async def main():\n"
        "    try:\n"
        "        async with Engine(sys.argv[1], workflows=[Flow]): await asyncio.sleep(1)\n"
        "    except StoreInUse as error: print(error)\n"
        "asyncio.run(main())\n"
    )
    async with durable.started(run) as instance:
        with durable.clock.busy():
            other = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", program, durable.path],
                capture_output=True,
                text=True,
                timeout=50,
            )
        assert "stolen" not in other.stdout
        assert "is in use by process" in other.stdout
        assert await instance.result() == "done"
    assert calls == [1]


async def test_a_run_that_lost_its_lease_does_nothing_more(world: World) -> None:
    """Pitfall 2: a second recovery pass acts after its ownership was cleared."""
    calls: list[str] = []
    lives = iter(["first"])

    async def run(event: Event, step: Step) -> str:
        life = next(lives, "second")
        try:
            await step.sleep("z", 100)
        except asyncio.CancelledError:
            await step.do("after the cut", lambda: calls.append(life))
        await step.do("after", lambda: calls.append(life))
        return life

    async with world.started(run) as instance:
        await world.later(5)
        await world.engine.replay()
        assert await instance.result() == "second"
        assert (await instance.status()).unasked == ()
    assert calls == ["second"]


class Full:
    """A step whose result finds no room on the disk the first time, and its workflow."""

    def __init__(self, world: World, *, lasts: float = 0) -> None:
        self.world = world
        self.lasts = lasts
        self.calls = 0

    async def room(self, pages: int) -> None:
        """The file may have so many pages, but no less than it has."""
        self.world.engine.store.patience = 0
        limit = f"PRAGMA max_page_count={pages}"
        await self.world.engine.store.write(lambda connection: connection.execute(limit).fetchall())

    async def large(self) -> str:
        self.calls += 1
        if self.calls == 1:
            await self.room(1)
        else:
            await self.world.clock.sleep(self.lasts)
        return "x" * 500_000

    async def run(self, event: Event, step: Step) -> int:
        return len(await step.do("large", self.large))


async def test_what_an_older_lease_writes_is_refused(world: World) -> None:
    """Pitfalls 2 and 10: an executor that was taken over overwrites the outcome."""

    async def run(event: Event, step: Step) -> str:
        await step.sleep("z", 100)
        return "done"

    async with world.started(run) as instance:
        backend = world.engine._backend
        assert backend is not None
        [old] = backend._runs.leases.values()
        await world.later(5)
        await instance.pause()
        await instance.resume()  # a parked one is leased anew
        await world.engine.replay()
        [entry] = old.journal.values()
        entry.state = State.DONE
        with pytest.raises(Fenced):
            await old.record(entry, [NewMoment("sleep_completed", world.clock.now(), {})])
        await world.engine.replay()
        await world.later(5)
        assert (await instance.status()).status == "waiting"
        assert await instance.result() == "done"
        assert [event.type async for event in instance.subscribe()].count("sleep_completed") == 1
    assert world.clock.now() >= world.started_at + 100


async def test_a_full_disk_strands_no_run(durable: World) -> None:
    """Pitfall 3: an error of the store is logged, and the run is stranded for ever."""
    full = Full(durable)
    async with durable.started(full.run) as instance:
        await durable.later(12)
        with pytest.raises(StoreError, match="make room"):
            await instance.result()  # who asks meanwhile learns why
        assert (await instance.status()).status == "running"
        await full.room(ROOM)
        await durable.later(5)
        assert await instance.result() == 500_000
    assert full.calls > 2  # it was tried again while there was no room, too


@pytest.mark.parametrize("command", ["terminate", "restart", "pause"])
async def test_a_run_that_broke_off_can_be_commanded(durable: World, command: str) -> None:
    """Pitfall 3: an error of the store is logged, and the run is stranded for ever."""
    full = Full(durable, lasts=10)
    async with durable.started(full.run) as instance:
        await durable.later(2)
        await full.room(ROOM)
        await getattr(instance, command)()
        await durable.later(20)
        status = await instance.status()
        assert status.status == {"terminate": "terminated", "restart": "complete", "pause": "paused"}[command]
        assert full.calls == (2 if command == "restart" else 1)
        if command == "pause":
            await instance.resume()
            assert await instance.result() == 500_000


async def test_a_file_that_another_program_has_locked_strands_no_run(durable: World) -> None:
    """Pitfalls 3 and 31: `database is locked` while a run records."""
    locked = sqlite3.connect(durable.path, isolation_level=None)
    calls: list[int] = []

    async def lock() -> str:
        calls.append(1)
        if len(calls) == 1:
            await durable.engine.store.write(
                lambda connection: connection.execute("PRAGMA busy_timeout=0").fetchall()
            )
            locked.execute("BEGIN IMMEDIATE")
        return "done"

    async def run(event: Event, step: Step) -> Any:
        return await step.do("lock", lock)

    try:
        async with durable.started(run) as instance:
            await durable.later(7)
            with pytest.raises(StoreError, match="another program has a transaction open"):
                await instance.send_event("go")
            locked.execute("ROLLBACK")
            await durable.later(5)
            assert await instance.result() == "done"
    finally:
        locked.close()


async def test_an_engine_that_could_not_claim_goes_on_when_it_is_opened_again(durable: World) -> None:
    """Pitfall 3: the store fails during recovery, the error is logged, and the runs are stranded."""

    async def run(event: Event, step: Step) -> str:
        await step.sleep("z", 100)
        return "done"

    async with durable.started(run):
        await durable.later(1)
    flow = workflow(run)
    engine = durable.open(flow)
    locked = sqlite3.connect(durable.path, isolation_level=None)
    locked.execute("BEGIN IMMEDIATE")
    try:
        for _ in range(2):
            with pytest.raises(StoreError, match="locked"):  # after the five seconds that SQLite waits
                await engine.open()
    finally:
        locked.close()
    async with engine:
        assert await engine.workflow(flow).get("i").result() == "done"


class Unmakeable(WorkflowEntrypoint[None, None]):
    """Not even its object can be made."""

    def __init__(self) -> None:
        raise RuntimeError("a poison pill")

    async def run(self, event: Event, step: Step) -> None:
        """Never."""


async def test_poison_in_the_middle_does_not_abort_the_recovery_of_the_rest(durable: World) -> None:
    """Pitfall 4: one dead-lettered run aborts the recovery of the rest."""
    poisons = ["exit", "group", "unreadable", "nothing", "never asked", "huge"]

    async def old(event: Event, step: Step) -> Any:
        await step.do("plain", lambda: b"bytes" if event.payload == "unreadable" else 1)
        await step.sleep("z", 100)
        return event.payload

    async def new(event: Event, step: Step) -> Any:
        match event.payload:
            case "exit":
                raise SystemExit(3)
            case "group":
                raise BaseExceptionGroup("several", [KeyError(1), GeneratorExit()])
            case "unreadable":
                await step.do("plain", lambda: None, result=int)
            case "nothing":
                return object()
            case "never asked":
                return "never asked"
            case "huge":
                return "x" * 2_000_000
        await step.sleep("z", 100)
        return event.payload

    flow, poison = workflow(old), type("Unmakeable", (WorkflowEntrypoint,), {"run": workflow(old).run})
    async with durable.open(flow, poison) as engine:
        await engine.workflow(poison).create(id="first")
        for number in range(12):
            params = poisons[number // 2] if number % 2 else number
            await engine.workflow(flow).create(id=str(number), params=params)
        await durable.later(1)
    flow = workflow(new)
    async with durable.open(flow, Unmakeable) as engine:
        for number in range(0, 12, 2):
            assert await engine.workflow(flow).get(str(number)).result() == number
        ends = [(await ended(engine.workflow(flow).get(str(number)))).status for number in (1, 3, 7, 9, 11)]
        assert ends == ["errored", "errored", "errored", "complete", "errored"]
        assert (await ended(engine.workflow(Unmakeable).get("first"))).status == "errored"
        await alive(engine)


@pytest.mark.parametrize("way", ["delete", "expire"])
async def test_an_id_that_is_taken_again_gets_nothing_of_its_earlier_life(world: World, way: str) -> None:
    """Pitfall 13: a reused id replays the result of another run, and its body is skipped."""
    calls: list[str] = []

    async def called(life: str) -> str:
        calls.append(life)
        return life

    async def run(event: Event, step: Step) -> Any:
        value = await step.do("s", called, event.payload)
        if event.payload == "first":
            return value
        got = await asyncio.gather(step.wait_for_event("w", "go", timeout=5), return_exceptions=True)
        return [value, type(got[0]).__name__]

    flow = workflow(run, retention={"success_retention": 50, "error_retention": 50})
    async with world.open(flow) as engine:
        first = await engine.workflow(flow).create(id="i", params="first")
        await first.send_event("go", "for the first life")
        assert await first.result() == "first"
        if way == "delete":
            await first.delete()
        else:
            await world.later(60)
        second = await engine.workflow(flow).create(id="i", params="second")
        assert await second.result() == ["second", "WorkflowTimeoutError"]
        types = [event.type async for event in second.subscribe()]
        assert types.count("step_started") == 1
    assert calls == ["first", "second"]


@pytest.mark.parametrize("moment", [0, 1, 3, 12, 40])
async def test_everything_that_is_unfinished_has_something_that_moves_it(world: World, moment: float) -> None:
    """Pitfall 34: suspended with an open action, never rescheduled."""

    async def run(event: Event, step: Step) -> Any:
        number = event.payload
        await step.do("retry", lambda ctx: 1 / (ctx.attempt - 1), retries={"limit": 3, "delay": 2})
        await asyncio.gather(
            step.sleep("sleep", 5 + number),
            step.wait_for_event("wait", "go", timeout=20),
            step.do("work", world.clock.sleep, 3),
            return_exceptions=True,
        )
        return await step.do("bad", lambda: 1 / 0, retries=ONCE)

    flow = workflow(run, concurrency=6)
    async with world.open(flow) as engine:
        made = [await engine.workflow(flow).create(params=number) for number in range(9)]
        await made[0].pause()
        await made[1].send_event("go")
        await world.later(moment)
        await alive(engine)
        await engine.replay()
        await world.later(0)
        await alive(engine)
        await made[2].restart()
        await made[0].resume()
        await world.later(0)
        await alive(engine)
        assert {(await ended(instance)).status for instance in made} == {"errored"}
        await alive(engine)
