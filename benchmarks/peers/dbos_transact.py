"""DBOS Transact, on a SQLite file or on PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dbos import DBOS

from benchmarks.child import Reply, Request, answer
from benchmarks.load import measured, pay


@DBOS.step()
async def step(number: int) -> dict[str, Any]:
    """The least that a step can do."""
    return pay(number)


@DBOS.workflow()
async def work(steps: int) -> int:
    """The sum of what its steps returned."""
    total = 0
    for number in range(steps):
        total += (await step(number))["amount"]
    return total


async def _one(steps: int) -> bool:
    return bool(await work(steps) == sum(range(steps)))


def _measure(request: Request) -> Reply:
    server = request.get("postgres")
    file = Path(request["folder"]) / "dbos.sqlite"
    if server is None:
        database = f"sqlite:///{file}"
    else:
        from benchmarks.peers.database import fresh

        database = fresh(server)
    DBOS(config={"name": "bench", "system_database_url": database, "log_level": "ERROR"})
    DBOS.launch()
    try:
        told = asyncio.run(measured(request, lambda _: _one(request["steps"])))
    finally:
        DBOS.destroy()
    return {**told, "present": _present(file, database), "versions": {"DBOS": version("dbos")}}


def _present(file: Path, database: str) -> int:
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(file)) as connection:
            [present] = connection.execute("SELECT count(*) FROM operation_outputs").fetchone()
            return int(present)
    from benchmarks.peers.database import count

    return count(database, "dbos.operation_outputs")


if __name__ == "__main__":
    answer(_measure)
