"""Work that an agent has accepted outlives SIGKILL, and is done without anybody asking."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents_sdk.killed_durable import Worker, app

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]


SAID = {"queued", "in the queue", "retained", "forgotten"}


def said_before_the_kill(folder: Path) -> set[str]:
    command = [sys.executable, "-m", "tests.agents_sdk.killed_durable", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
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
