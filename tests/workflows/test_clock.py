"""The clock of the machine: alarms in order, and jumps of the wall clock."""

from __future__ import annotations

import asyncio
import functools
import types
from collections.abc import Callable

import pytest

from workflows import clock as clocks
from workflows.clock import Alarms, SystemClock
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

START = 1_000_000.0
Shift = Callable[[float], None]


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> Shift:
    """Sets the wall clock forward; it stands still otherwise, and is looked at all the time."""
    wall = [START]
    monkeypatch.setattr(clocks, "time", types.SimpleNamespace(time=lambda: wall[0]))
    monkeypatch.setattr(clocks, "_RECHECK", 0.001)

    def move(seconds: float) -> None:
        wall[0] += seconds

    return move


def test_the_wall_clock_is_looked_at_every_second() -> None:
    assert clocks._RECHECK <= 1


async def test_alarms_ring_in_their_order_when_the_wall_clock_jumps(shift: Shift) -> None:
    clock, rung, last = SystemClock(), list[int](), asyncio.Event()
    clock.call_at(START + 3_602, last.set)
    first = asyncio.Event()
    for number in (3, 1, 2):
        clock.call_at(START + 3_600 + number / 10, functools.partial(rung.append, number))
    clock.call_at(START + 3_601, first.set)
    shift(3_601)
    await asyncio.wait_for(first.wait(), 5)
    assert (rung, last.is_set()) == ([1, 2, 3], False)
    shift(1)
    await asyncio.wait_for(last.wait(), 5)


async def test_a_cancelled_alarm_stays_silent_and_the_rest_ring(shift: Shift) -> None:
    clock, rung, end = SystemClock(), list[str](), asyncio.Event()
    silent = clock.call_at(START, lambda: rung.append("cancelled"))
    clock.call_at(START + 1, end.set)
    silent.cancel()
    silent.cancel()
    shift(1)
    await asyncio.wait_for(end.wait(), 5)
    assert rung == []


async def test_an_alarm_that_fails_does_not_silence_the_next(shift: Shift) -> None:
    clock, end, loop = SystemClock(), asyncio.Event(), asyncio.get_running_loop()
    failed: asyncio.Future[str] = loop.create_future()
    loop.set_exception_handler(lambda _, context: failed.set_result(str(context["exception"])))
    clock.call_at(START, {}.popitem)
    clock.call_at(START, end.set)
    await asyncio.wait_for(end.wait(), 5)
    assert "dictionary is empty" in failed.result()


async def test_virtual_clocks_of_one_loop_do_not_wait_for_each_other() -> None:
    virtual = [VirtualClock() for _ in range(3)]
    begun = virtual[0].now()

    async def sleeps(clock: VirtualClock, number: int) -> float:
        for _ in range(number):
            await clock.sleep(10)
        return clock.now() - begun

    async with asyncio.timeout(20):
        slept = await asyncio.gather(*(sleeps(clock, place) for place, clock in enumerate(virtual, 2)))
    assert slept == [20, 30, 40]


async def test_a_sleep_of_nothing_or_less_returns() -> None:
    clock = SystemClock()
    with clock.busy(), clock.waiting():
        await clock.sleep(0)
        await clock.sleep(-5)


def test_many_cancelled_alarms_are_dropped() -> None:
    alarms, rung = Alarms(), list[int]()
    pending = [alarms.add(when, functools.partial(rung.append, when)) for when in range(2_000)]
    for alarm in pending[:1_990]:
        alarm.cancel()
    assert len(alarms._heap) < 600
    alarms.fire(5_000)
    assert rung == list(range(1_990, 2_000))
