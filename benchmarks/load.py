"""Loops that put work on an engine, the same for everyone. Only the standard library: peers run it, too."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

__all__ = ["closed_loop", "one_by_one", "percentile"]

One = Callable[[int], Awaitable[bool]]
"""One workflow from its creation to its result: whether the result is right."""


async def closed_loop(one: One, *, at_once: int, seconds: float) -> dict[str, float]:
    """`at_once` callers, each with one workflow after the other until the time is over, at least one."""
    numbers = itertools.count()
    right = 0
    begun = time.perf_counter()

    async def caller() -> None:
        nonlocal right
        while True:
            if await one(next(numbers)):
                right += 1
            if time.perf_counter() - begun >= seconds:
                return

    await asyncio.gather(*(caller() for _ in range(at_once)))
    return {"seconds": time.perf_counter() - begun, "workflows": next(numbers), "right": right}


async def one_by_one(one: One, *, count: int) -> dict[str, float]:
    """One workflow after the other: how long each took, in milliseconds."""
    took, right = [], 0
    for number in range(count):
        begun = time.perf_counter()
        right += await one(number)
        took.append((time.perf_counter() - begun) * 1e3)
    return {
        "p50_ms": percentile(took, 0.5),
        "p99_ms": percentile(took, 0.99),
        "workflows": count,
        "right": right,
    }


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
