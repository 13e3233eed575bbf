"""Whoever holds up the event loop is named.

These tests take real time, because a real loop must stand still.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.contract.world import Event, Step, workflow
from tests.mortal import mortal
from workflows import Engine
from workflows.watchdog import Watchdog

pytestmark = pytest.mark.anyio

LIMIT = 0.1
LONG = 0.4
"""Real seconds for which the loop stands still."""


class Told(logging.Handler):
    """What the watchdog says; a warning when the loop goes on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def told() -> Iterator[list[logging.LogRecord]]:
    log, handler = logging.getLogger("workflows"), Told()
    log.addHandler(handler)
    yield handler.records
    log.removeHandler(handler)


@contextmanager
def impatient(limit: float = LIMIT) -> Iterator[None]:
    """Engines on this loop share a watchdog with a small limit."""
    watchdog = Watchdog.installed(limit)
    try:
        yield
    finally:
        watchdog.remove()


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "workflows watchdog"]


def stand_still() -> None:
    time.sleep(LONG)


async def until(told: list[logging.LogRecord], count: int) -> None:
    """Returns once so much was told; the watchdog is a thread, which has no event."""
    async with asyncio.timeout(5):
        while len(told) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_step_that_blocks_the_loop_is_named_once_and_when_it_goes_on(
    told: list[logging.LogRecord],
) -> None:
    async def charge() -> str:
        await asyncio.sleep(0)
        stand_still()
        return "charged"

    async def run(event: Event, step: Step) -> str:
        return await step.do("charge", charge)

    with impatient():
        async with Engine(":memory:", workflows=[flow := workflow(run)]) as engine:
            assert await (await engine.workflow(flow).create(id="order-1")).result() == "charged"
            await until(told, 2)
    blocked, over = told
    assert (blocked.levelname, over.levelname) == ("ERROR", "WARNING")
    text = blocked.getMessage()
    assert 'Flow "order-1", step charge-1, is at ' in text
    assert f"{__file__}:{stand_still.__code__.co_firstlineno + 1} in stand_still\n" in text
    assert "stand_still()" in text  # the stack, down to the line
    [stood] = [float(word) for word in over.getMessage().split() if word[0].isdigit()]
    assert LIMIT <= stood <= 10 * LONG


async def test_a_run_that_blocks_the_loop_outside_of_a_step_is_named(told: list[logging.LogRecord]) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("before", lambda: None)
        stand_still()

    with impatient():
        async with Engine(":memory:", workflows=[flow := workflow(run)]) as engine:
            await (await engine.workflow(flow).create(id="order-1")).result()
            await until(told, 2)
    assert 'Flow "order-1", run(), outside of a step, is at ' in told[0].getMessage()


async def test_other_code_that_blocks_the_loop_is_named(told: list[logging.LogRecord]) -> None:
    with impatient():
        async with Engine(":memory:", workflows=[]):
            await asyncio.sleep(0)
            stand_still()
            await until(told, 2)
    assert "code outside of a step is at " in told[0].getMessage()
    assert " in stand_still\n" in told[0].getMessage()


async def test_each_time_is_told_apart_and_a_loop_that_works_is_left_alone(
    told: list[logging.LogRecord],
) -> None:
    with impatient():
        for count in (2, 4):
            until_then = time.monotonic() + LONG
            while time.monotonic() < until_then:
                time.sleep(LIMIT / 10)  # noqa: ASYNC251  # it is busy, but answers
                await asyncio.sleep(0)
            assert len(told) == count - 2
            stand_still()
            await until(told, count)


async def test_engines_on_one_loop_share_a_thread_which_ends_with_the_last() -> None:
    assert threads() == []
    async with Engine(":memory:", workflows=[]):
        [thread] = threads()
        async with Engine(":memory:", workflows=[]):
            assert threads() == [thread]
        assert threads() == [thread]
        assert thread.daemon
    assert threads() == []


async def test_the_thread_of_a_loop_that_was_closed_under_its_engine_ends() -> None:
    async def leave_open() -> None:
        Watchdog.installed(LIMIT)

    def lived() -> None:
        asyncio.run(leave_open())

    await asyncio.to_thread(lived)
    async with asyncio.timeout(20):
        while threads():  # noqa: ASYNC110  # a thread has no event
            await asyncio.sleep(0.01)


async def test_a_debugger_is_not_disturbed(told: list[logging.LogRecord]) -> None:
    """One that was there before, and one that somebody has started since."""
    tracing = sys.gettrace()

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        return trace

    def looked_at() -> None:
        stand_still()

    try:
        sys.settrace(trace)
        with impatient():
            assert threads() == []
            stand_still()
        sys.settrace(None)
        with impatient():
            await asyncio.sleep(0)
            sys.settrace(trace)
            looked_at()
            sys.settrace(None)
            await asyncio.sleep(LIMIT)
    finally:
        sys.settrace(tracing)
    assert told == []


_STOPPED = """
import asyncio, logging, sys, time
from workflows.watchdog import Watchdog

async def main():
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    watchdog = Watchdog.installed(1.5)
    await asyncio.sleep(0.3)
    print("begun", flush=True)
    for _ in range(12):
        time.sleep(0.05)  # the loop is held up for less than the limit
    await asyncio.sleep(0.5)
    print("over", flush=True)
    watchdog.remove()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
def test_a_process_that_was_stopped_is_not_taken_for_a_blocked_loop() -> None:
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-c", _STOPPED]
    with mortal(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.4)  # an answer is due
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(2)
        os.kill(process.pid, signal.SIGCONT)
        assert process.stdout.read() == "over\n"
    assert process.returncode == 0
