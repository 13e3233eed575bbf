"""Perdure under the work of the comparison: workflows of a few steps, each with a model as its result."""

from __future__ import annotations

import asyncio
import cProfile
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pydantic import BaseModel

from benchmarks.child import Reply, Request, answer
from benchmarks.load import NOTE, measured
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep


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
    return Receipt(id=f"receipt-{number}", amount=number, paid=True, note=NOTE)


async def _measured(request: Request) -> Reply:
    file = Path(request["folder"]) / "perdure.db"
    steps = request["steps"]
    expected = sum(range(steps))
    async with Engine(file, workflows=[Work]) as engine:
        binding = engine.workflow(Work)

        async def one(number: int) -> bool:
            instance = await binding.create(id=f"w{number}", params=steps)
            return bool(await instance.result() == expected)

        with _profiled(request.get("profile")):
            told = await measured(request, one)
    with closing(sqlite3.connect(file)) as connection:
        [present] = connection.execute("SELECT count(*) FROM entry WHERE result IS NOT NULL").fetchone()
    return {**told, "present": present}


@contextmanager
def _profiled(file: str | None) -> Iterator[None]:
    """Writes a profile of the event loop's thread, when a file is given: where the time of a step goes."""
    if file is None:
        yield
        return
    profile = cProfile.Profile()
    with profile:
        yield
    profile.dump_stats(file)


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
