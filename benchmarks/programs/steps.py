"""Perdure under the work of the comparison: workflows of a few steps, each with a model as its result."""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sqlite3
from contextlib import closing
from pathlib import Path

from pydantic import BaseModel

from benchmarks.child import Reply, Request, answer
from benchmarks.load import closed_loop, one_by_one
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

_NOTE = "n" * 150  # with it a result takes about 200 bytes


class Receipt(BaseModel):
    """What a step returns."""

    id: str
    amount: int
    paid: bool
    note: str


class Work(WorkflowEntrypoint[None, int]):
    """As many steps as it is told, one after the other."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        """The sum of what the steps returned."""
        total = 0
        for number in range(event.payload):
            receipt = await step.do(f"step {number}", pay, number)
            total += receipt.amount
        return total


async def pay(number: int) -> Receipt:
    """The least that a step can do."""
    return Receipt(id=f"receipt-{number}", amount=number, paid=True, note=_NOTE)


async def _measured(request: Request) -> Reply:
    file = Path(request["folder"]) / "perdure.db"
    steps, before = request["steps"], request["warm_up"]
    expected = sum(range(steps))
    async with Engine(file, workflows=[Work]) as engine:
        binding = engine.workflow(Work)

        async def one(number: int) -> bool:
            instance = await binding.create(id=f"w{number + before}", params=steps)
            return bool(await instance.result() == expected)

        for number in range(-before, 0):
            await one(number)
        profile = cProfile.Profile() if request.get("profile") else None
        if profile is not None:
            profile.enable()
        if request["what"] == "latency":
            told = await one_by_one(one, count=request["count"])
        else:
            told = await closed_loop(one, at_once=request["at_once"], seconds=request["seconds"])
        if profile is not None:
            profile.disable()
            pstats.Stats(profile).dump_stats(request["profile"])
    with closing(sqlite3.connect(file)) as connection:
        [present] = connection.execute("SELECT count(*) FROM entry WHERE result IS NOT NULL").fetchone()
    acknowledged = (told["workflows"] + before) * steps
    return {**told, "acknowledged": acknowledged, "present": present}


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
