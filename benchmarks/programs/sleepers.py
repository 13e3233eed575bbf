"""A great many sleeping instances: how fast they are created, what they take, how exactly they wake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.child import Reply, Request, answer
from benchmarks.load import percentile
from benchmarks.resident import resident
from workflows import BatchItem, Binding, Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

_BATCH = 100
_AT_ONCE = 16  # batches
_FAR = 30 * 24 * 3600.0
_LEAD = 3.0
_EARLY = -1.0  # ms: a row keeps milliseconds


class Sleeper(WorkflowEntrypoint[list[float], float]):
    """Sleeps until the instant that it is given."""

    async def run(self, event: WorkflowEvent[float], step: WorkflowStep) -> None:
        """Notes how late it was, in milliseconds."""
        await step.sleep_until("nap", event.payload)
        self.env.append((time.time() - event.payload) * 1e3)


async def _measured(request: Request) -> Reply:
    count: int = request["count"]
    late: list[float] = []
    due: int = request["due_per_second"] * request["seconds"]
    async with Engine(Path(request["folder"]) / "sleepers.db", workflows=[Sleeper], env=late) as engine:
        binding = engine.workflow(Sleeper)
        before = resident()
        begun, begun_at = time.perf_counter(), time.time()
        far = begun_at + _FAR
        await _created(binding, "s", count, lambda _: far)
        created = time.perf_counter() - begun
        await _asleep(engine, count)
        asleep = time.perf_counter() - begun
        after = resident()
        lead = max(_LEAD, due / 1_000)
        first = time.time() + lead
        await _created(binding, "d", due, lambda number: first + number / request["due_per_second"])
        ahead = first - time.time()
        while len(late) < due and time.time() < first + request["seconds"] + 120:  # noqa: ASYNC110  # nothing but them runs
            await asyncio.sleep(0.1)
        [[sleeping]] = await engine.store.read("SELECT count(*) FROM instance WHERE finished IS NULL")
    return {
        "created_per_s": count / created,
        "asleep_per_s": count / asleep,
        "resident_mb": after / 1e6,
        "bytes_each": (after - before) / count,
        "ahead_s": ahead,
        "p50_ms": percentile(late, 0.5),
        "p99_ms": percentile(late, 0.99),
        "most_ms": max(late),
        "workflows": due,
        "right": sum(one > _EARLY for one in late),
        "acknowledged": count,
        "present": sleeping,
    }


async def _created(binding: Binding[Any], prefix: str, count: int, due: Callable[[int], float]) -> None:
    """Some batches at a time, each of one transaction."""
    starts = iter(range(0, count, _BATCH))

    async def creator() -> None:
        for start in starts:
            items: list[BatchItem[Any]] = [
                {"id": f"{prefix}{number}", "params": due(number)}
                for number in range(start, min(start + _BATCH, count))
            ]
            await binding.create_batch(items)

    await asyncio.gather(*(creator() for _ in range(_AT_ONCE)))


async def _asleep(engine: Engine, count: int) -> None:
    """Returns when each of them has written down that it sleeps."""
    while True:
        [[sleeping]] = await engine.store.read("SELECT count(*) FROM entry")
        if sleeping >= count:
            return
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
