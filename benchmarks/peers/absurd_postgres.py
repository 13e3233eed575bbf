"""Absurd on PostgreSQL: workers and callers in one process, so that nobody has to look for news in vain.

Workers look every millisecond, callers as soon as the task has come to its last line. The intervals that it
has by itself, a quarter of a second and 50 ms, would be all that is measured.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

import psycopg
from absurd_sdk import AsyncAbsurd
from absurdctl import BUNDLED_SCHEMA_SQL

from benchmarks.child import Reply, Request, answer
from benchmarks.load import measured, pay
from benchmarks.peers.database import count, fresh, versions

_WORKERS = 8
_AT_ONCE = 32  # tasks of one worker
_LOOK = 0.001


class Work:
    """The task, and who waits until it is about to end."""

    def __init__(self) -> None:
        self.ending: dict[int, asyncio.Event] = {}

    async def run(self, params: Any, context: Any) -> int:
        """The sum of what its steps returned."""
        total = 0
        for number in range(params["steps"]):

            async def step(number: int = number) -> dict[str, Any]:
                return pay(number)

            total += (await context.step(f"step {number}", step))["amount"]
        self.ending[params["number"]].set()
        return total


async def _measured(request: Request) -> Reply:
    database = fresh(request["postgres"])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(BUNDLED_SCHEMA_SQL)
    several = request["what"] != "latency"
    work = Work()
    workers = [AsyncAbsurd(database) for _ in range(_WORKERS if several else 1)]
    callers = [AsyncAbsurd(database) for _ in range(_WORKERS if several else 1)]
    await callers[0].create_queue("default")
    for worker in workers:
        worker.register_task("work")(work.run)
    working = [
        asyncio.create_task(worker.start_worker(concurrency=_AT_ONCE, poll_interval=_LOOK, worker_id=f"{n}"))
        for n, worker in enumerate(workers)
    ]
    expected = sum(range(request["steps"]))

    async def one(number: int) -> bool:
        caller = callers[number % len(callers)]
        ending = work.ending[number] = asyncio.Event()
        task = await caller.spawn("work", {"steps": request["steps"], "number": number}, queue="default")
        await ending.wait()
        while True:
            found = await caller.fetch_task_result(task["task_id"])
            if found is not None and found.state in {"completed", "failed", "cancelled"}:
                return bool(found.result == expected)
            await asyncio.sleep(_LOOK)

    try:
        told = await measured(request, one)
    finally:
        for worker in workers:
            worker.stop_worker()
        await asyncio.gather(*working)
        for client in (*workers, *callers):
            await client.close()
    present = count(database, "absurd.c_default")
    told_by = {"Absurd": version("absurd-sdk"), **versions(database)}
    return {**told, "present": present, "versions": told_by}


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
