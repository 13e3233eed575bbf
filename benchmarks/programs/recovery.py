"""Many unfinished instances, killed in the middle of a step, and how fast they go on."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.child import Reply, Request, answer
from workflows import BatchItem, Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

_BATCH = 100


@dataclass
class Life:
    """What one process of the two sees."""

    second: bool
    wanted: int
    done_again: int = 0
    """Steps that had been acknowledged, and were called again."""
    within: int = 0
    resumed: list[float] = field(default_factory=list)
    all_here: asyncio.Event = field(default_factory=asyncio.Event)


class Unfinished(WorkflowEntrypoint[Life, int]):
    """One step is done, the next one never ends in the first life."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        """Its number."""
        life = self.env

        async def before() -> int:
            life.done_again += life.second
            return event.payload

        async def amid() -> int:
            if life.second:
                life.resumed.append(time.time())
            life.within += 1
            if life.within == life.wanted:
                life.all_here.set()
            if not life.second:
                await asyncio.get_running_loop().create_future()
            return event.payload

        await step.do("before", before)
        number = await step.do("amid", amid)
        await step.wait_for_event("the end", "end")
        return number


async def _first(request: Request) -> Reply:
    """Prints that all are amid their second step, and waits to be killed."""
    count = request["count"]
    life = Life(second=False, wanted=count)
    async with Engine(Path(request["folder"]) / "recovery.db", workflows=[Unfinished], env=life) as engine:
        binding = engine.workflow(Unfinished)
        for start in range(0, count, _BATCH):
            items: list[BatchItem[int]] = [
                {"id": f"u{number}", "params": number} for number in range(start, min(start + _BATCH, count))
            ]
            await binding.create_batch(items)
        await life.all_here.wait()
        print(json.dumps({"ready": True}), flush=True)
        await asyncio.get_running_loop().create_future()
    raise AssertionError("it was not killed")


async def _second(request: Request) -> Reply:
    count = request["count"]
    life = Life(second=True, wanted=count)
    file = Path(request["folder"]) / "recovery.db"
    async with Engine(file, workflows=[Unfinished], env=life):
        await life.all_here.wait()
        await asyncio.sleep(0.5)  # until the last of them are written
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT count(*), count(DISTINCT instance) FROM entry WHERE result IS NOT NULL"
        present, instances = connection.execute(query).fetchone()
    return {
        "first_s": life.resumed[0] - request["since"],
        "all_s": life.resumed[-1] - request["since"],
        "workflows": count,
        "right": instances if life.done_again == 0 and len(life.resumed) == count else 0,
        "acknowledged": 2 * count,
        "present": present,
    }


def _measure(request: Request) -> Reply:
    return asyncio.run(_first(request) if request["life"] == 1 else _second(request))


if __name__ == "__main__":
    answer(_measure)
