"""APScheduler with its SQLAlchemy store on a SQLite file."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from benchmarks.child import Reply, Request, answer
from benchmarks.load import percentile
from benchmarks.peers.late import LATE

_FAR = 30 * 24 * 3600.0
_LEAD = 3.0


def _scheduler(request: Request) -> AsyncIOScheduler:
    store = SQLAlchemyJobStore(url=f"sqlite:///{Path(request['folder']) / 'apscheduler.db'}")
    forgiving = {"misfire_grace_time": None, "max_instances": 1_000}  # else what is late is dropped
    return AsyncIOScheduler(jobstores={"default": store}, job_defaults=forgiving, timezone=UTC)


def _add(scheduler: AsyncIOScheduler, due: float) -> None:
    scheduler.add_job(
        "benchmarks.peers.late:fire",
        "date",
        run_date=datetime.fromtimestamp(due, UTC),
        args=[due],
    )


async def _measured(request: Request) -> Reply:
    count, rate = request["count"], request["due_per_second"]
    due = rate * request["seconds"]
    scheduler = _scheduler(request)
    scheduler.start()
    begun = time.perf_counter()
    for number in range(count):
        _add(scheduler, time.time() + _FAR + number)
    added_per_s = count / (time.perf_counter() - begun)
    scheduler.shutdown()
    await asyncio.sleep(0)
    begun = time.perf_counter()
    scheduler = _scheduler(request)
    scheduler.start()
    started = time.perf_counter() - begun
    first = time.time() + max(_LEAD, 2 * due / added_per_s)
    for number in range(due):
        _add(scheduler, first + number / rate)
    while len(LATE) < due and time.time() < first + 300:  # noqa: ASYNC110  # nothing but them runs
        await asyncio.sleep(0.1)
    present = len(scheduler.get_jobs())
    scheduler.shutdown()
    return {
        "started_ms": started * 1e3,
        "added_per_s": added_per_s,
        "p50_ms": percentile(LATE, 0.5),
        "p99_ms": percentile(LATE, 0.99),
        "workflows": due,
        "right": len(LATE),
        "acknowledged": count,
        "present": present,
        "versions": {"APScheduler": version("apscheduler")},
    }


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_measured(request)))
