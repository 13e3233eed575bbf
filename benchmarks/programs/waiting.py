"""Instances that wait for an event, hot or parked: how much memory each takes."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from pathlib import Path

from benchmarks.child import Reply, Request, answer
from benchmarks.resident import resident
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

_WARM_UP = 500


class Waiting(WorkflowEntrypoint[None, int]):
    """One step, then a wait."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        """Its number."""
        number = await step.do("one", same, event.payload)
        await step.wait_for_event("the end", "end", timeout="30 days")
        return number


async def same(number: int) -> int:
    """The least that a step can do."""
    return number


async def _measured(request: Request) -> Reply:
    count, parked = request["count"], request["parked"]
    file = Path(request["folder"]) / "waiting.db"
    hot = 0 if parked else count + _WARM_UP + 1
    async with Engine(file, workflows=[Waiting], hot_waits=hot) as engine:
        await _waiting(engine, 0, _WARM_UP, parked=parked)
        if request["traced"]:
            tracemalloc.start()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0] if request["traced"] else resident()
        await _waiting(engine, _WARM_UP, count, parked=parked)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0] if request["traced"] else resident()
        tracemalloc.stop()
        [[pages]] = await engine.store.read(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        )
        [[present]] = await engine.store.read("SELECT count(*) FROM instance WHERE finished IS NULL")
        last = engine.workflow(Waiting).get(f"w{_WARM_UP + count - 1}")
        await last.send_event("end", None)
        right = await last.result() == _WARM_UP + count - 1
    return {
        "bytes_each": (after - before) / count,
        "file_each": pages / (count + _WARM_UP),
        "workflows": 1,
        "right": int(right),
        "acknowledged": count + _WARM_UP,
        "present": present,
    }


async def _waiting(engine: Engine, start: int, count: int, *, parked: bool) -> None:
    """Creates them, and returns when all of them wait."""
    binding = engine.workflow(Waiting)
    for number in range(start, start + count):
        await binding.create(id=f"w{number}", params=number)
    while True:
        [[entries]] = await engine.store.read("SELECT count(*) FROM entry")
        if entries == 2 * (start + count) and (not parked or len(asyncio.all_tasks()) < count // 2):
            return
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
