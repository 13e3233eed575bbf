"""The load of the comparison, the same for everyone. Only the standard library: peers run it, too."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

__all__ = ["NOTE", "measured", "pay", "percentile"]

NOTE = "n" * 150  # with it a result takes about 200 bytes

One = Callable[[int], Awaitable[bool]]
"""One workflow from its creation to its result: whether the result is right."""


def pay(number: int) -> dict[str, Any]:
    """What a step of a peer returns."""
    return {"id": f"receipt-{number}", "amount": number, "paid": True, "note": NOTE}


async def measured(request: Mapping[str, Any], one: One) -> dict[str, Any]:
    """What the request asks for, after a few workflows that only warm up.

    `acknowledged` is how many steps must be found afterwards, those of the warm-up included.
    """
    before: int = request["warm_up"]
    for number in range(before):
        await one(number)

    async def later(number: int) -> bool:
        return await one(number + before)

    if request["what"] == "latency":
        told = await _one_by_one(later, request["count"])
    else:
        told = await _closed_loop(later, request["at_once"], request["seconds"])
    return {**told, "acknowledged": (told["workflows"] + before) * request["steps"]}


async def _closed_loop(one: One, at_once: int, seconds: float) -> dict[str, Any]:
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


async def _one_by_one(one: One, count: int) -> dict[str, Any]:
    """One workflow after the other: how long each took, in milliseconds."""
    took, right = [], 0
    for number in range(count):
        begun = time.perf_counter()
        if await one(number):
            right += 1
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
