"""One timing engine for a file: each realm of timers for itself, and those that nobody serves wait."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.workflows.timers.ticking import START
from workflows.clock import SystemClock
from workflows.errors import NonRetryableError, TryAgain, WorkflowError
from workflows.sqlite.store import Store
from workflows.testing import VirtualClock
from workflows.timers.table import STEPS, add_together
from workflows.timers.timer import Every, Timer, Together
from workflows.timers.timetable import Timetable

pytestmark = pytest.mark.anyio
DAY = 86_400.0


class Calls(list[tuple[float, str, str]]):
    """When, owner and method of each call."""

    def __init__(self, clock: VirtualClock, *raises: Exception) -> None:
        super().__init__()
        self.clock = clock
        self.raises = list(raises)

    async def fire(self, timer: Timer) -> None:
        at = round(self.clock.now() - START.timestamp(), 3)
        self.append((at, timer.owner, timer.method))
        if self.raises:
            raise self.raises.pop(0)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@asynccontextmanager
async def opened(clock: VirtualClock, path: Path | str = ":memory:") -> AsyncIterator[Timetable]:
    async with await Store.open(path, clock=clock) as store:
        timetable = Timetable(store, clock=clock)
        await timetable.open()
        yield timetable
        await timetable.close(10)


async def test_each_realm_is_called_for_its_own_by_one_scheduler(clock: VirtualClock) -> None:
    red, blue = Calls(clock), Calls(clock)
    async with opened(clock) as timetable:
        await timetable.of("red").serve(red.fire)
        await timetable.of("blue").serve(blue.fire)
        for seconds in (3, 1):
            await timetable.of("red").add("ann", "r", seconds)
            await timetable.of("blue").add("ann", "b", seconds + 0.5)
        await timetable.of("blue").add("ann", "every", Every(2))
        await clock.sleep(4.5)
    assert red == [(1.0, "ann", "r"), (3.0, "ann", "r")]
    assert blue == [
        (1.5, "ann", "b"),
        (2.0, "ann", "every"),
        (3.5, "ann", "b"),
        (4.0, "ann", "every"),
    ]


async def test_what_nobody_serves_waits_and_loses_no_attempt(clock: VirtualClock) -> None:
    red, blue = Calls(clock), Calls(clock)
    async with opened(clock) as timetable:
        await timetable.of("red").serve(red.fire)
        waiting = [await timetable.of("blue").add("ann", "b", seconds) for seconds in (1, 2)]
        await timetable.of("red").add("ann", "r", DAY)
        await clock.sleep(DAY + 1)
        assert (red, blue) == ([(DAY, "ann", "r")], [])
        assert await timetable.of("blue").find() == waiting
        await timetable.of("blue").serve(blue.fire)
        await clock.sleep(1)
        assert blue == [(DAY + 1, "ann", "b")] * 2
        assert await timetable.of("blue").find() == []


async def test_time_stops_while_only_unserved_timers_are_due(clock: VirtualClock) -> None:
    looks = 0

    class Watched(VirtualClock):
        def now(self) -> float:
            nonlocal looks
            looks += 1
            return super().now()

    watched = Watched(START)
    red = Calls(watched)
    async with opened(watched) as timetable:
        await timetable.of("red").serve(red.fire)
        await timetable.of("blue").add("ann", "b", 0)
        before = looks
        await watched.sleep(DAY)
        assert looks - before < 50


async def test_timers_of_other_owners_wait_until_their_owner_is_served(clock: VirtualClock) -> None:
    first, second = Calls(clock), Calls(clock)
    async with opened(clock) as timetable:
        timers = timetable.of("red")
        early = await timers.add("bob", "early", 1)
        await timers.serve(first.fire, owners=["ann"])
        await timers.add("ann", "mine", 2)
        late = await timers.add("bob", "late", 3)
        await clock.sleep(DAY)
        assert first == [(2.0, "ann", "mine")]
        assert await timers.find("bob") == [early, late]
        await timers.close()
        await timers.serve(second.fire, owners=["bob"])
        await clock.sleep(1)
    assert second == [(DAY, "bob", "early"), (DAY, "bob", "late")]


async def test_a_window_fills_up_with_those_that_are_served(clock: VirtualClock) -> None:
    calls = Calls(clock)
    async with opened(clock) as timetable:
        timers = timetable.of("red")
        for number in range(40):
            await timers.add(("ann", "bob")[number % 2], "m", number + 1)
        await timers.serve(calls.fire, owners=["bob"], window=4)
        await clock.sleep(60)
    assert [at for at, *_ in calls] == [float(number) for number in range(2, 41, 2)]


async def test_a_realm_is_served_by_one_at_a_time(clock: VirtualClock) -> None:
    calls = Calls(clock)
    async with opened(clock) as timetable:
        timers = timetable.of("red")
        await timers.serve(calls.fire)
        with pytest.raises(WorkflowError, match="the timers of red are served already"):
            await timetable.of("red").serve(calls.fire)
        await timers.close()
        await timers.serve(calls.fire)
        await timers.add("ann", "m", 1)
        await clock.sleep(2)
    assert calls == [(1.0, "ann", "m")]


async def test_ids_of_another_realm_are_unknown(clock: VirtualClock) -> None:
    calls = Calls(clock, NonRetryableError("no"))
    async with opened(clock) as timetable:
        blue, red = timetable.of("blue"), timetable.of("red")
        await red.serve(calls.fire)
        timer = await red.add("ann", "m", 1, key="k")
        assert (await blue.get(timer.id), await blue.find(), await blue.cancel(timer.id)) == (None, [], False)
        assert (await blue.add("ann", "m", 1, key="k")).id != timer.id
        await clock.sleep(2)
        assert await blue.redrive(timer.id) is False
        assert await red.redrive(timer.id) is True
        await clock.sleep(1)
    assert len(calls) == 2


@pytest.mark.parametrize("when", [1, Every(1)])
async def test_no_attempt_follows_a_non_retryable_error(clock: VirtualClock, when: float | Every) -> None:
    calls = Calls(clock, NonRetryableError("gone for good"))
    async with opened(clock) as timetable:
        timers = timetable.of("red")
        await timers.serve(calls.fire)
        timer = await timers.add("ann", "m", when)
        await clock.sleep(1.5)
        [left] = await timers.find()
        assert (left.id, left.last_error) == (timer.id, "NonRetryableError: gone for good")
        assert left.state == ("dead" if timer.kind == "once" else "pending")
        await clock.sleep(1)
    assert [at for at, *_ in calls] == ([1.0] if timer.kind == "once" else [1.0, 2.0])


@pytest.mark.parametrize(("after", "again"), [(30, 31.0), (0.5, 1.5), (-1, 1.0), (1e9, 1 + DAY)])
async def test_an_attempt_follows_when_try_again_says(
    clock: VirtualClock, after: float, again: float
) -> None:
    calls = Calls(clock, TryAgain("not now", after=after))
    async with opened(clock) as timetable:
        await timetable.of("red").serve(calls.fire)
        await timetable.of("red").add("ann", "m", 1)
        await clock.sleep(2 * DAY)
    assert [at for at, *_ in calls] == [1.0, again]


async def test_what_timers_share_is_kept_once_and_goes_with_the_last(clock: VirtualClock) -> None:
    seen: list[tuple[str, bytes | None]] = []

    async def fire(timer: Timer) -> None:
        seen.append((timer.method, timer.payload))

    async with await Store.open(":memory:", clock=clock) as store:
        timetable = Timetable(store, clock=clock)
        await timetable.open()
        new = Together("ann", b"shared", clock.now() + 1, 3, (("red", "a"), ("blue", "b"), ("red", "c")))
        due = await store.write(lambda connection: add_together(connection, new))
        await timetable.of("red").serve(fire)
        await clock.sleep(2)
        assert seen == [("a", b"shared"), ("c", b"shared")]
        assert await store.read("SELECT payload FROM timer_shared") == [(b"shared",)]
        assert await timetable.of("blue").cancel(due[1].id)
        assert await store.read("SELECT payload FROM timer_shared") == []
        await timetable.close(10)


async def test_timers_of_an_older_file_are_those_of_the_agents(clock: VirtualClock, path: Path) -> None:
    calls = Calls(clock)
    async with await Store.open(path, clock=clock) as store:
        await store.migrate("timers", STEPS[:1])
        due = round((START + timedelta(seconds=5)).timestamp() * 1000)
        old = (
            "INSERT INTO timer"
            " VALUES(7, '12', 'm', x'00', 'once', '', '', ?, ?, 0, 7, 'one', 'k', 'pending', 0, NULL)"
        )
        await store.write(lambda connection: connection.execute(old, (due, due)).rowcount)
    async with opened(clock, path) as timetable:
        await timetable.of("agents").serve(calls.fire)
        await clock.sleep(6)
    assert calls == [(5.0, "12", "m")]


def test_nothing_of_apscheduler_is_loaded_before_somebody_is_called(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from workflows import Engine, WorkflowEntrypoint

class Flow(WorkflowEntrypoint):
    async def run(self, event, step):
        return await step.do("s", lambda: 1)

async def main():
    async with Engine("e.db", [Flow]) as engine:
        assert await (await engine.workflow(Flow).create()).result() == 1
        print("apscheduler" in sys.modules)
        async def fire(timer): ...
        await engine.timers("mine").serve(fire)
        print("apscheduler" in sys.modules)

asyncio.run(main())
"""
    command = [sys.executable, "-c", program]
    root = str(Path(__file__).parent.parent.parent.parent)
    ran = subprocess.run(
        command,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert (ran.stdout.split(), ran.returncode) == (["False", "True"], 0), ran.stderr


async def test_the_system_clock_serves_too(path: Path) -> None:
    called: list[str] = []

    async def fire(timer: Timer) -> None:
        called.append(timer.method)

    clock = SystemClock()
    async with await Store.open(path, clock=clock) as store:
        timetable = Timetable(store, clock=clock)
        await timetable.open()
        await timetable.of("red").serve(fire)
        await timetable.of("red").add("ann", "m", 0)
        while await timetable.of("red").find():
            await clock.sleep(0.01)
        await timetable.close(10)
    assert called == ["m"]
