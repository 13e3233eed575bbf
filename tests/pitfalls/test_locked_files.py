"""Pitfall 31: `database is locked` in default SQLite setups, even in the first tutorial."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import Event, Step, World

pytestmark = pytest.mark.anyio

OPEN = """
import asyncio, json, os, sys
from workflows import Engine, StoreInUse, WorkflowEntrypoint
class Flow(WorkflowEntrypoint):
    async def run(self, event, step): return await step.do("s", lambda: event.payload)
async def main():
    try:
        async with Engine(sys.argv[1], workflows=[Flow]) as engine:
            made = [await engine.workflow(Flow).create(params=n) for n in range(20)]
            done = [await instance.result() for instance in made]
            told = {"pid": os.getpid(), "done": done}
            print(json.dumps(told), flush=True)
            await asyncio.to_thread(sys.stdin.read)
    except StoreInUse as error:
        print(json.dumps({"pid": os.getpid(), "refused": str(error)}), flush=True)
asyncio.run(main())
"""


def test_of_many_processes_one_owns_the_file_and_the_others_learn_which(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", OPEN, str(tmp_path / "shared.db")]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    try:
        told: list[dict[str, Any]] = []
        for process in processes:
            assert process.stdout is not None
            told.append(json.loads(process.stdout.readline()))
        owners = [one for one in told if "done" in one]
        refused = [one["refused"] for one in told if "refused" in one]
        assert [owner["done"] for owner in owners] == [list(range(20))]
        assert len(refused) == 5
        for message in refused:
            assert f"is in use by process {owners[0]['pid']}" in message or "by another process" in message
            assert "one process owns a file" in message
        assert any(str(owners[0]["pid"]) in message for message in refused)
    finally:
        for process in processes:
            process.communicate("", timeout=30)
    assert [process.returncode for process in processes] == [0] * 6


async def test_others_may_read_while_it_is_written_and_disturb_nobody(durable: World) -> None:
    counts: list[int] = []

    def read() -> int:
        reader = sqlite3.connect(f"file:{durable.path}?mode=ro", uri=True, timeout=0)
        try:
            reader.execute("BEGIN")
            count: int = reader.execute("SELECT count(*) FROM entry").fetchone()[0]
            again: int = reader.execute("SELECT count(*) FROM entry").fetchone()[0]
            assert count == again  # one snapshot, whatever is written meanwhile
            return count
        finally:
            reader.close()

    async def run(event: Event, step: Step) -> int:
        for number in range(40):
            reading = asyncio.ensure_future(asyncio.to_thread(read))
            await step.do(f"s{number}", lambda: 1)
            counts.append(await reading)
        return len(counts)

    assert (await durable.run(run)).output == 40
    assert counts == sorted(counts)
    assert counts[-1] >= 39


async def test_a_reader_that_stays_holds_nobody_up(durable: World) -> None:
    async def run(event: Event, step: Step) -> int:
        for number in range(200):
            await step.do(f"s{number}", lambda: "x" * 10_000)
        return 200

    async with durable.started(run) as instance:
        reader = sqlite3.connect(f"file:{durable.path}?mode=ro", uri=True, timeout=0)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM instance").fetchone()
        try:
            assert await instance.result() == 200
        finally:
            reader.close()
