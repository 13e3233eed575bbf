"""An app in a process of its own, as uvicorn serves it: its end by SIGTERM, and what a second one is told."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.agents_sdk.wire import client

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM"),
]
RUNNING = re.compile(r"Uvicorn running on http://(\S+)")
ONE_WORKER = "one process owns a file: stop that one or choose another path"
WORKERS = "The workers of `uvicorn --workers N` are N processes: run one worker"


class Served:
    """A process of uvicorn, and what it said."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def until(self, wanted: str) -> re.Match[str]:
        """Reads on until it says this."""
        assert self.process.stderr is not None
        async with asyncio.timeout(60):
            while (found := re.search(wanted, self.said)) is None:
                line = await self.process.stderr.readline()
                assert line, f"it ended without {wanted!r}: {self.said}"
                self.said += line.decode()
        return found

    async def ended(self) -> int:
        """Waits for its end; its status."""
        assert self.process.stderr is not None
        async with asyncio.timeout(60):
            self.said += (await self.process.stderr.read()).decode()
            return await self.process.wait()


@asynccontextmanager
async def uvicorn(folder: Path, *options: str) -> AsyncIterator[Served]:
    """Started; killed when the test has not ended it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "tests.agents_sdk.alone:app", "--port", "0", *options),
        env={**os.environ, "DATA": str(folder)},
        cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.PIPE,
    )
    served = Served(process)
    try:
        yield served
    finally:
        if process.returncode is None:
            process.kill()
            await served.ended()


async def test_sigterm_closes_with_1012_and_everything_ends_in_order(tmp_path: Path) -> None:
    async with uvicorn(tmp_path) as served:
        address = (await served.until(RUNNING.pattern))[1]
        async with client(f"ws://{address}/agents/alone/a") as one:
            assert (await one.call("add"))["result"] == 1
            served.process.send_signal(signal.SIGTERM)
            assert (await one.closed())[0] == 1012
        await served.ended()
    assert (tmp_path / "notes").read_text(encoding="utf-8").splitlines() == ["closed 1012", "stopped"]
    assert "Application shutdown complete" in served.said
    async with uvicorn(tmp_path) as again:
        address = (await again.until(RUNNING.pattern))[1]
        async with client(f"ws://{address}/agents/alone/a") as one:
            assert (await one.call("add"))["result"] == 2


async def test_a_second_process_on_one_folder_is_refused_with_the_first_ones_number(tmp_path: Path) -> None:
    async with uvicorn(tmp_path) as first:
        address = (await first.until(RUNNING.pattern))[1]
        async with uvicorn(tmp_path) as second:
            assert await second.ended() != 0
        assert f"in use by process {first.process.pid}, and {ONE_WORKER}" in second.said
        async with client(f"ws://{address}/agents/alone/a") as one:
            assert (await one.call("add"))["result"] == 1


async def test_several_workers_are_refused_with_a_sentence(tmp_path: Path) -> None:
    async with uvicorn(tmp_path, "--workers", "2") as served:
        assert await served.ended() is not None
    assert ONE_WORKER in served.said
    assert WORKERS in served.said
