"""How many durable steps a second, against what the disk gives when every commit reaches it."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

COMMITS = 2_000
SHAPES = ((1, 2_000), (100, 300), (1_000, 50))  # instances at a time, steps of each


@dataclass(frozen=True, slots=True)
class Measure:
    """One line of the result."""

    what: str
    per_second: float

    def __str__(self) -> str:
        return f"{self.what:<40}{self.per_second:>10,.0f} /s"


class Count(WorkflowEntrypoint[None, int]):
    """Nothing but steps, one after the other."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        total = 0
        for number in range(event.payload):
            total += await step.do(f"step {number}", one)
        return total


async def one() -> int:
    """The least that a step can do."""
    return 1


def measures() -> Iterator[Measure]:
    """Each measure when it is done; every one has a new file in the folder for temporary files."""
    with tempfile.TemporaryDirectory() as folder:
        yield Measure("commits of bare SQLite, 1 at a time", commits(Path(folder) / "bare.db"))
        for instances, steps in SHAPES:
            rate = asyncio.run(durable_steps(Path(folder) / f"{instances}.db", instances, steps))
            yield Measure(f"durable steps, {instances:,} at a time", rate)


def commits(file: Path) -> float:
    """Commits per second with the same settings as the engine's file: WAL, synchronous FULL."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE row (value TEXT)")
        begin = time.perf_counter()
        for number in range(COMMITS):
            connection.execute("INSERT INTO row VALUES (?)", (str(number),))
        return COMMITS / (time.perf_counter() - begin)


async def durable_steps(file: Path, instances: int, steps: int) -> float:
    """Acknowledged steps per second, creation of the instances included."""
    async with Engine(file, workflows=[Count]) as engine:
        binding = engine.workflow(Count)
        begin = time.perf_counter()
        started = await asyncio.gather(*(binding.create(id=f"c{n}", params=steps) for n in range(instances)))
        results = await asyncio.gather(*(instance.result() for instance in started))
        elapsed = time.perf_counter() - begin
    if results != [steps] * instances:
        raise AssertionError(f"{file}: a step was lost or done twice: {results}")
    return instances * steps / elapsed
