"""F9: the wall clock jumps, changes its offset, or stands still for a process that somebody has stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.contract.conftest import BACKENDS, worlds
from tests.contract.world import Event, Step, World, ended, named, workflow
from tests.fault.sizes import size
from tests.fault.stalled import SLEEPERS, Late, Second, Sleeper, owner
from tests.mortal import mortal
from workflows import Cron, Engine
from workflows.testing import VirtualClock

HOUR, DAY = 3_600.0, 86_400.0
YEAR = 365 * DAY
STOPPED = size(3, 60)
"""Real seconds for which a process is stopped."""
TEN = 600.0
NEW_YORK = "America/New_York"
jumps = pytest.mark.parametrize("jump", [HOUR, -HOUR, YEAR], ids=["+1 h", "-1 h", "+1 y"])


@pytest.fixture(params=worlds(BACKENDS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Every backend, hot and parked."""
    backend, park = request.param
    return World(BACKENDS[backend](tmp_path), park=park)


async def scheduled_time(event: Event, step: Step) -> float:
    assert event.schedule is not None
    return event.schedule.scheduled_time.timestamp()


async def fired(engine: Engine) -> list[float]:
    """The times for which cron has created instances, in the order of their creation."""
    found, cursor = [], None
    while True:
        page = await engine.workflow("Ticker").list(limit=1_000, cursor=cursor)
        found += [await engine.workflow("Ticker").get(one.id).result() for one in page.instances]
        if (cursor := page.cursor) is None:
            return found


@jumps
@pytest.mark.anyio
async def test_no_wait_and_no_time_of_cron_is_lost_or_doubled_by_a_jump(world: World, jump: float) -> None:
    woken: list[str] = []

    async def run(event: Event, step: Step) -> str:
        await step.sleep("nap", 5_000)
        await step.do("woken", lambda: woken.append(event.instance_id))
        return "woken"

    sleeper = named("Sleeper", workflow(run))
    ticker = named("Ticker", workflow(scheduled_time, schedules="*/10 * * * *"))
    async with world.open(sleeper, ticker) as engine:
        sleepers = [await engine.workflow(sleeper).create(id=f"{number}") for number in range(5)]
        await world.later(TEN * 3 + 5)
        before = world.clock.now()
        world.clock.shift(jump)
        await world.later(1)
        assert len(woken) == (5 if jump > 0 else 0)
        await world.later(3 * HOUR)
        assert [(await ended(one)).output for one in sleepers] == ["woken"] * 5
        times, now = await fired(engine), world.clock.now()
    assert sorted(woken) == [f"{number}" for number in range(5)]
    assert times == sorted(set(times))
    assert all(time % TEN == 0 for time in times)
    shown = max(before, before + jump)  # one for what a jump leaps over, none for what is shown again
    assert [time for time in times if time > shown] == list(ten_minutes(shown, now))
    assert len([time for time in times if time <= shown]) == (4 if jump > 0 else 3)


def ten_minutes(after: float, until: float) -> Iterator[float]:
    """All multiples of ten minutes between these."""
    time = after - after % TEN + TEN
    while time <= until:
        yield time
        time += TEN


@jumps
@pytest.mark.anyio
async def test_a_jump_while_nobody_runs_is_as_one_while_somebody_does(tmp_path: Path, jump: float) -> None:
    world = World(str(tmp_path / "engine.db"))
    ticker = named("Ticker", workflow(scheduled_time, schedules="*/10 * * * *"))
    async with world.open(ticker):
        await world.later(TEN * 3 + 5)
    before = world.clock.now()
    world.clock.shift(jump)
    async with world.open(ticker) as engine:
        await world.later(3 * HOUR)
        times, now = await fired(engine), world.clock.now()
    assert times == sorted(set(times))
    shown = max(before, before + jump)
    assert [time for time in times if time > shown] == list(ten_minutes(shown, now))


async def days(path: Path, cron: Cron, start: datetime, days: float) -> list[datetime]:
    """For which times instances were created in this many days, through a reopened engine in between."""
    clock, ticker = VirtualClock(start), named("Ticker", workflow(scheduled_time, schedules=cron))
    times: list[float] = []
    for _ in range(2):
        async with Engine(path, workflows=[ticker], clock=clock) as engine:
            await clock.sleep(days * DAY / 2)
            times = await fired(engine)
    return [datetime.fromtimestamp(time, ZoneInfo(cron.tz)) for time in times]


@pytest.mark.anyio
async def test_a_time_of_day_comes_once_a_day_though_the_zone_changes_its_offset(tmp_path: Path) -> None:
    daily = Cron.parse("30 2 * * *", NEW_YORK)
    spring = await days(tmp_path / "spring.db", daily, datetime(2026, 3, 6, 12, tzinfo=UTC), 4)
    assert [f"{time:%d %H:%M}" for time in spring] == ["07 02:30", "08 03:00", "09 02:30", "10 02:30"]
    daily = Cron.parse("30 1 * * *", NEW_YORK)
    autumn = await days(tmp_path / "autumn.db", daily, datetime(2026, 10, 30, 12, tzinfo=UTC), 4)
    assert [f"{time:%d %H:%M%z}" for time in autumn] == [
        "31 01:30-0400",
        "01 01:30-0400",
        "02 01:30-0500",
        "03 01:30-0500",
    ]


@pytest.mark.anyio
async def test_a_rhythm_goes_on_in_real_hours_though_the_zone_changes_its_offset(tmp_path: Path) -> None:
    hourly = Cron.parse("0 * * * *", NEW_YORK)
    for number, start in enumerate((datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))):
        times = await days(tmp_path / f"{number}.db", hourly, start + timedelta(minutes=1), 1)
        assert [time.astimezone(UTC) for time in times] == [
            start + timedelta(hours=hour) for hour in range(1, 25)
        ]


@pytest.mark.anyio
async def test_the_leap_day_comes_every_four_years(tmp_path: Path) -> None:
    leap = Cron.parse("0 0 29 2 *", "UTC")
    times = await days(tmp_path / "engine.db", leap, datetime(2027, 1, 1, tzinfo=UTC), 365 * 6)
    assert [f"{time:%Y-%m-%d}" for time in times] == ["2028-02-29", "2032-02-29"]


@pytest.mark.anyio
async def test_a_sleep_of_a_day_takes_a_day_though_the_zone_changes_its_offset(world: World) -> None:
    world.clock = VirtualClock(datetime(2026, 3, 7, 20, tzinfo=ZoneInfo(NEW_YORK)))

    async def run(event: Event, step: Step) -> float:
        began = world.clock.now()
        await step.sleep("nap", "1 day")
        return began

    began = world.clock.now()
    await world.run(run)
    assert world.clock.now() - began == pytest.approx(DAY, abs=0.01)


@dataclass
class Stalled:
    """A process that was stopped: when, and what it said at its end."""

    stopped: float
    goes_on: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)


def writable(database: Path) -> bool:
    """Nobody else is writing."""
    with contextlib.closing(sqlite3.connect(database, timeout=0.05, isolation_level=None)) as file:
        try:
            file.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return True


@contextlib.contextmanager
def stalled(database: Path) -> Iterator[Stalled]:
    """A process that is stopped within a step while the body runs; afterwards it has gone on to its end."""
    command = [sys.executable, "-m", "tests.fault.stalled", str(database)]
    with mortal(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            time.sleep(0.3)
            process.send_signal(signal.SIGSTOP)
            while not writable(database):  # it stands in the middle of a commit, of which the file is locked
                process.send_signal(signal.SIGCONT)
                time.sleep(0.01)
                process.send_signal(signal.SIGSTOP)
            one = Stalled(time.time())
            yield one
            one.goes_on = time.time()
            process.send_signal(signal.SIGCONT)
            said, _ = process.communicate(timeout=30)
            assert process.returncode == 0
            one.report = json.loads(said.splitlines()[-1])
        finally:
            process.kill()


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")


@posix
def test_a_process_that_was_stopped_has_lost_and_doubled_nothing(tmp_path: Path) -> None:
    with stalled(tmp_path / "engine.db") as process:
        time.sleep(STOPPED)
        assert "is in use by process" in owner(str(tmp_path / "engine.db"))  # it stands still, and owns it
    report = process.report
    names = [name for name, _ in report["effects"]]
    assert sorted(names) == sorted(["late", *(f"sleeper-{number}" for number in range(SLEEPERS))])
    assert report["late"] == "late"
    for _, at in report["effects"]:
        assert process.goes_on - 0.1 <= at <= process.goes_on + 2
    seconds = report["seconds"]
    assert seconds == sorted(set(seconds))
    stood = [second for second in seconds if process.stopped + 1 < second < process.goes_on]
    assert len(stood) <= 1  # the latest of those that were missed
    after = [second for second in seconds if second > process.goes_on]
    assert after == [after[0] + number for number in range(len(after))]
    assert len(after) >= 2


@posix
def test_a_process_that_lost_its_lease_while_it_was_stopped_cannot_write(tmp_path: Path) -> None:
    """Whoever has taken it ignores locks, as they are ignored on some file systems of networks."""
    database = tmp_path / "engine.db"
    with stalled(database) as process:
        with contextlib.closing(sqlite3.connect(database)) as thief:
            thief.execute("UPDATE instance SET epoch = epoch + 1 WHERE workflow = 'Late'")
            thief.commit()
        time.sleep(1)
    report = process.report
    assert ("late" in [name for name, _ in report["effects"]], report["late"]) == (True, None)
    with contextlib.closing(sqlite3.connect(database)) as reader:
        written = "SELECT state FROM entry JOIN instance ON instance.id = entry.instance WHERE workflow = ?"
        states = [state for (state,) in reader.execute(written, ("Late",))]
    assert states in ([], [0])  # that it has started was written before
    assert asyncio.run(finished(database)) == "late"  # called again by whoever has the lease


async def finished(database: Path) -> Any:
    async with Engine(database, workflows=[Late, Sleeper, Second]) as engine:
        return await engine.workflow(Late).get("late").result()
