"""Plain functions run in so many threads at a time, and who waits for one has not begun."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from workflows.attempt import Attempt
from workflows.callback import style_of
from workflows.clock import Alarm
from workflows.testing import VirtualClock
from workflows.threads import Threads

pytestmark = pytest.mark.anyio


class Blocked:
    """A function that stays in its thread until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def __call__(self) -> str:
        self.begun.set()
        assert self.let_go.wait(10)
        return "done"


class Limits(VirtualClock):
    """Notes the time limits that begin."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[float] = []

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Alarm:
        self.begun.append(seconds)
        return super().call_later(seconds, callback)


async def turns() -> None:
    """Everything that can go on without a thread has gone on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def taken(threads: Threads, function: Callable[[], object], order: list[str], name: str) -> object:
    await threads.turn()
    order.append(name)
    return await threads.run(function)


async def test_who_comes_first_is_served_first() -> None:
    threads, order = Threads(1), list[str]()
    first = Blocked()
    working = asyncio.create_task(taken(threads, first, order, "first"))
    others = [asyncio.create_task(taken(threads, lambda: None, order, name)) for name in ("second", "third")]
    await turns()
    assert order == ["first"]
    first.let_go.set()
    await asyncio.gather(working, *others)
    assert order == ["first", "second", "third"]
    threads.close()


async def test_who_stops_waiting_leaves_the_thread_to_the_next() -> None:
    threads, order = Threads(1), list[str]()
    first = Blocked()
    working = asyncio.create_task(taken(threads, first, order, "first"))
    gone, waits = (asyncio.create_task(taken(threads, lambda: None, order, n)) for n in ("gone", "waits"))
    await turns()
    gone.cancel()
    first.let_go.set()
    await asyncio.gather(working, waits)
    assert order == ["first", "waits"]
    await threads.turn()
    assert await threads.run(lambda: "free") == "free"
    threads.close()


async def test_a_turn_that_comes_with_the_cancellation_is_given_on() -> None:
    threads, order = Threads(1), list[str]()
    await threads.turn()
    gone = asyncio.create_task(taken(threads, lambda: None, order, "gone"))
    waits = asyncio.create_task(taken(threads, lambda: None, order, "waits"))
    await turns()
    threads._release()
    gone.cancel()
    await asyncio.wait_for(waits, 5)
    assert order == ["waits"]
    threads.close()


async def test_a_function_that_was_given_up_keeps_its_thread() -> None:
    threads, order = Threads(1), list[str]()
    stubborn = Blocked()
    given_up = asyncio.create_task(taken(threads, stubborn, order, "stubborn"))
    await asyncio.to_thread(stubborn.begun.wait, 10)
    given_up.cancel()
    waits = asyncio.create_task(taken(threads, lambda: None, order, "waits"))
    await turns()
    assert order == ["stubborn"]
    stubborn.let_go.set()
    await waits
    threads.close()


async def test_the_time_limit_of_a_step_begins_with_its_thread() -> None:
    clock, threads = Limits(), Threads(1)
    first = Blocked()

    def attempt(function: Callable[[], Any], limit: float) -> Attempt:
        return Attempt(function, (), style_of(function, 0), limit=limit, threads=threads)

    working = asyncio.create_task(attempt(first, 1).result(clock))
    waits = asyncio.create_task(attempt(lambda: None, 2).result(clock))  # a lambda needs no thread
    second = Blocked()
    queued = asyncio.create_task(attempt(second, 3).result(clock))
    await waits
    assert clock.begun == [1]  # what never waits needs no limit
    first.let_go.set()
    second.let_go.set()
    assert [await working, await queued] == ["done", "done"]
    assert clock.begun == [1, 3]
    threads.close()
