"""A great many pending timers: how fast they are added, how a process starts with them, how exact they are.

Two processes: the first one fills the file, the second one opens it and measures.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.child import Reply, Request, answer
from benchmarks.load import percentile
from benchmarks.resident import resident
from workflows import Store, SystemClock, Timer
from workflows.timers.realm import Timers
from workflows.timers.timetable import Timetable

_REALM = "bench"
_AT_ONCE = 256
_ONE_BY_ONE = 300
_FAR = 30 * 24 * 3600.0
_LEAD = 3.0
_EARLY = -1.0  # ms: a row keeps milliseconds
_PAYLOAD = b'{"text": "about as much as a reminder has to say to whoever asked for it"}'


@asynccontextmanager
async def _opened(request: Request) -> AsyncIterator[tuple[Store, Timers]]:
    clock = SystemClock()
    async with await Store.open(Path(request["folder"]) / "timers.db", clock=clock) as store:
        timetable = Timetable(store, clock=clock)
        await timetable.open()
        try:
            yield store, timetable.of(_REALM)
        finally:
            await timetable.close(1.0)


async def _filled(request: Request) -> Reply:
    count = request["count"]
    async with _opened(request) as (_, timers):
        begun = time.perf_counter()
        await _added(timers, [time.time() + _FAR + number for number in range(count)])
        return {"added_per_s": count / (time.perf_counter() - begun)}


async def _measured(request: Request) -> Reply:
    calls: Counter[int] = Counter()
    late: list[float] = []

    async def fire(timer: Timer) -> None:
        calls[timer.id] += 1
        late.append((time.time() - timer.nominal.timestamp()) * 1e3)

    import workflows.timers.scheduler  # noqa: F401  # APScheduler is not what is measured

    before = resident()
    begun = time.perf_counter()
    async with _opened(request) as (store, timers):
        await timers.serve(fire)
        started = time.perf_counter() - begun
        grown = resident() - before
        took = []
        for number in range(_ONE_BY_ONE):
            begun = time.perf_counter()
            await _add(timers, time.time() + _FAR + number)
            took.append((time.perf_counter() - begun) * 1e3)
        rate, due = request["due_per_second"], request["due_per_second"] * request["seconds"]
        first = time.time() + max(_LEAD, due / 2_000)
        at = [first + number / rate for number in range(due)]
        begun = time.perf_counter()
        await _added(timers, at)
        added_per_s = due / (time.perf_counter() - begun)
        while len(late) < due and time.time() < at[-1] + 60:  # noqa: ASYNC110  # nothing but them runs
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)  # a second call of one of them would come, and the rows are deleted
        [[present]] = await store.read("SELECT count(*) FROM timer")
    return {
        "started_ms": started * 1e3,
        "grown_mb": grown / 1e6,
        "add_p50_ms": percentile(took, 0.5),
        "add_p99_ms": percentile(took, 0.99),
        "added_per_s": added_per_s,
        "p50_ms": percentile(late, 0.5),
        "p99_ms": percentile(late, 0.99),
        "most_ms": max(late),
        "workflows": due,
        "right": due if max(calls.values()) == 1 and min(late) > _EARLY and len(calls) == due else 0,
        "acknowledged": request["count"] + _ONE_BY_ONE,
        "present": present,
    }


async def _added(timers: Timers, due: list[float]) -> None:
    """So many at a time that they share commits."""
    instants = iter(due)

    async def adder() -> None:
        for instant in instants:
            await _add(timers, instant)

    await asyncio.gather(*(adder() for _ in range(_AT_ONCE)))


async def _add(timers: Timers, due: float) -> None:
    await timers.add("owner", "method", datetime.fromtimestamp(due, UTC), _PAYLOAD)


def _measure(request: Request) -> Reply:
    return asyncio.run(_filled(request) if request["what"] == "fill" else _measured(request))


if __name__ == "__main__":
    answer(_measure)
