"""Work that an agent has accepted outlives SIGKILL, and is done without anybody asking."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents_sdk.killed_durable import Worker, app
from tests.mortal import mortal

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]


SAID = {"queued", "in the queue", "retained", "forgotten"}


def said_before_the_kill(folder: Path) -> set[str]:
    command = [sys.executable, "-m", "tests.agents_sdk.killed_durable", str(folder)]
    with mortal(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as child:
        assert child.stdout is not None
        said = {child.stdout.readline().strip() for _ in SAID}
        child.send_signal(signal.SIGKILL)
    return said


async def test_the_queue_goes_on_where_it_was(tmp_path: Path) -> None:
    assert said_before_the_kill(tmp_path) == SAID
    async with app(tmp_path) as agents:
        worker = await agents.get_agent(Worker, "a")
        async with asyncio.timeout(20):
            while await worker.queued.list():  # noqa: ASYNC110  # it is not told when it is empty
                await asyncio.sleep(0.01)
        called = [payload for payload, _ in worker.state]
        assert called == ["first", "first", "second", "third"]  # the one that was cut off comes again


def test_an_item_that_ends_its_process_each_time_is_dead_in_the_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.agents_sdk.killed_queue", str(tmp_path)]
    lives = [subprocess.run(command, capture_output=True, check=False, text=True, timeout=30) for _ in "1234"]
    assert [life.returncode for life in lives] == [7, 7, 7, 0]
    assert [life.stdout.splitlines() for life in lives[:3]] == [
        ["unharmed", "called"],
        ["called"],
        ["called"],
    ]
    told, behind, dead = lives[3].stdout.splitlines()
    assert told.startswith('item "killer" (Mortal.kills) is dead: its process ended each time')
    assert (behind, dead) == ("behind it", "killer 2 True")


async def test_fibers_are_told_and_streams_are_kept(tmp_path: Path) -> None:
    assert said_before_the_kill(tmp_path) == SAID
    for _ in range(2):  # they are told once
        async with app(tmp_path) as agents:
            worker = await agents.get_agent(Worker, "b")
            assert worker.state == [
                ["retained", "retained had begun", "interrupted"],
                ["forgotten", "forgotten had begun", "interrupted"],
            ]
            [fiber] = await worker.fibers.list()
            assert (fiber.key, fiber.status) == ("k", "interrupted")
            assert [chunk.value async for chunk in worker.streams.read("told", live=False)] == [0, 1, 2]
