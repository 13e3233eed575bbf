"""One instance with a long history: what each of its steps took, and how fast it is played again."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.child import Reply, Request, answer
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

_NAP = 0.001
_WARM_UP = 300


@dataclass
class Watch:
    """What the run tells: when each step was over, and that it has come to its wait."""

    at: list[float] = field(default_factory=list)
    waits: asyncio.Event = field(default_factory=asyncio.Event)


class Long(WorkflowEntrypoint[Watch, dict[str, Any]]):
    """Many steps or sleeps, one after the other, then a wait."""

    step_limit = 10_000_000

    async def run(self, event: WorkflowEvent[dict[str, Any]], step: WorkflowStep) -> int:
        """How many there were."""
        watch, count = self.env, event.payload["count"]
        watch.at = [time.perf_counter()]
        for number in range(count):
            await _one(event.payload["what"], number, step)
            watch.at.append(time.perf_counter())
        watch.waits.set()
        await step.wait_for_event("the end", "end")
        return int(count)


def _one(what: str, number: int, step: WorkflowStep) -> Coroutine[Any, Any, object]:
    return step.sleep(f"nap {number}", _NAP) if what == "sleeps" else step.do(f"step {number}", same, number)


async def same(number: int) -> int:
    """The least that a step can do."""
    return number


async def _measured(request: Request) -> Reply:
    file = Path(request["folder"]) / "history.db"
    count, edge = request["count"], request["edge"]
    watch = Watch()
    async with Engine(file, workflows=[Long], env=watch) as engine:
        binding = engine.workflow(Long)
        warm = await binding.create(id="warm", params={"what": request["what"], "count": _WARM_UP})
        await watch.waits.wait()
        await warm.terminate()
        watch.waits.clear()
        await binding.create(id="long", params={"what": request["what"], "count": count})
        await watch.waits.wait()
        at = watch.at
    watch.waits.clear()
    begun = time.perf_counter()
    async with Engine(file, workflows=[Long], env=watch) as engine:
        await watch.waits.wait()
        replayed = time.perf_counter() - begun
        instance = engine.workflow(Long).get("long")
        await instance.send_event("end", None)
        right = await instance.result() == count
    with closing(sqlite3.connect(file)) as connection:
        [present] = connection.execute("SELECT max(n) FROM (SELECT count(*) n FROM entry GROUP BY instance)")
    return {
        "first_ms": (at[edge] - at[0]) / edge * 1e3,
        "last_ms": (at[-1] - at[-1 - edge]) / edge * 1e3,
        "seconds": at[-1] - at[0],
        "replayed_ms": replayed * 1e3,
        "workflows": 1,
        "right": int(right),
        "acknowledged": count + 1,
        "present": present[0],
    }


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
