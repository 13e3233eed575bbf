"""Timers: a great many that are pending, and a great many that are due.

One process fills a file, another one opens it and measures.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.child import Reply, Request, answer
from benchmarks.load import percentile
from benchmarks.resident import resident
from workflows import Store, SystemClock, Timer
from workflows.timers.realm import Timers
from workflows.timers.timetable import Timetable

_REALM = "bench"
_AT_ONCE = 256
_FAR = 30 * 24 * 3600.0
_LEAD = 3.0
_WARM_UP = 20
_EARLY = -1.0  # ms: a row keeps milliseconds
_PATIENCE = 60.0
_PAYLOAD = b'{"text": "about as much as a reminder has to say to whoever asked for it"}'


@asynccontextmanager
async def _opened(file: str) -> AsyncIterator[tuple[Store, Timers]]:
    clock = SystemClock()
    async with await Store.open(Path(file), clock=clock) as store:
        timetable = Timetable(store, clock=clock)
        await timetable.open()
        try:
            yield store, timetable.of(_REALM)
        finally:
            await timetable.close(1.0)


async def _nobody(timer: Timer) -> None:
    raise AssertionError(f"{timer.id} is not due for a month")


async def _filled(request: Request) -> Reply:
    count = request["count"]
    async with _opened(request["file"]) as (_, timers):
        begun = time.perf_counter()
        await _added(timers, [time.time() + _FAR + number for number in range(count)])
        return {"added_per_s": count / (time.perf_counter() - begun)}


async def _million(request: Request) -> Reply:
    import workflows.timers.scheduler  # noqa: F401  # APScheduler is not what is measured

    async with _opened(request["few"]) as (few_store, few):
        await few.serve(_nobody)
        before, begun = resident(), time.perf_counter()
        async with _opened(request["many"]) as (many_store, many):
            await many.serve(_nobody)
            started, grown = time.perf_counter() - begun, resident() - before
            took: dict[Timers, list[float]] = {few: [], many: []}
            for number in range(request["adds"]):  # in turn: what disturbs one of them disturbs the other
                for timers in (few, many) if number % 2 else (many, few):
                    begun = time.perf_counter()
                    await _add(timers, time.time() + _FAR + number)
                    took[timers].append((time.perf_counter() - begun) * 1e3)
            present = await _count(few_store) + await _count(many_store)
    return {
        "started_ms": started * 1e3,
        "grown_mb": grown / 1e6,
        **_percentiles("add_few", took[few][_WARM_UP:]),
        **_percentiles("add_many", took[many][_WARM_UP:]),
        "workflows": 2 * request["adds"],
        "right": sum(map(len, took.values())),
        "acknowledged": request["acknowledged"],
        "present": present,
    }


async def _rate(request: Request) -> Reply:
    calls: Counter[int] = Counter()
    late: list[float] = []

    async def fire(timer: Timer) -> None:
        calls[timer.id] += 1
        late.append((time.time() - timer.nominal.timestamp()) * 1e3)

    async with _opened(request["file"]) as (store, timers):
        await timers.serve(fire)
        rate, due = request["due_per_second"], request["due_per_second"] * request["seconds"]
        first = time.time() + max(_LEAD, due / 1_000)
        at = [first + number / rate for number in range(due)]
        added = await _added(timers, at)
        ahead = first - time.time()
        while len(late) < due and time.time() < at[-1] + _PATIENCE:  # noqa: ASYNC110  # nothing but them runs
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)  # a second call of one of them would come, and the rows are deleted
        present = await _count(store)
    early, lost = sum(each < _EARLY for each in late), len(set(added) - set(calls))
    doubled = sum(count > 1 for count in calls.values())
    return {
        "p50_ms": percentile(late, 0.5),
        "p99_ms": percentile(late, 0.99),
        "most_ms": max(late),
        "early": early,
        "lost": lost,
        "doubled": doubled,
        "ahead_s": ahead,
        "workflows": due,
        "right": due - early - lost - doubled,
        "acknowledged": request["acknowledged"],
        "present": present,
    }


async def _added(timers: Timers, due: list[float]) -> list[int]:
    """So many at a time that they share commits."""
    instants, ids = iter(due), list[int]()

    async def adder() -> None:
        for instant in instants:
            ids.append(await _add(timers, instant))

    await asyncio.gather(*(adder() for _ in range(_AT_ONCE)))
    return ids


async def _add(timers: Timers, due: float) -> int:
    return (await timers.add("owner", "method", datetime.fromtimestamp(due, UTC), _PAYLOAD)).id


async def _count(store: Store) -> int:
    [[count]] = await store.read("SELECT count(*) FROM timer")
    return int(count)


def _percentiles(name: str, took: list[float]) -> dict[str, float]:
    return {f"{name}_p50_ms": percentile(took, 0.5), f"{name}_p99_ms": percentile(took, 0.99)}


_WHAT: dict[str, Callable[[Request], Coroutine[Any, Any, Reply]]] = {
    "fill": _filled,
    "million": _million,
    "rate": _rate,
}


if __name__ == "__main__":
    answer(lambda request: asyncio.run(_WHAT[request["what"]](request)))
