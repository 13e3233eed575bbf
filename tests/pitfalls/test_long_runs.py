"""Pitfall 40: latency that grows with the number of steps. Work is counted, not seconds."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from itertools import pairwise
from types import FrameType
from typing import Any, Self

import pytest

from tests.contract.world import Event, Step, World

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

STEPS, AT_ONCE = 10_000, 20
WINDOW = 1_000


class Calls:
    """Counts the calls of Python functions in this thread."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _called(self, frame: FrameType, event: str, argument: object) -> None:
        self.count += event == "call"


def peak() -> int:
    """The most memory that this process has had, in bytes; 0 where nobody knows."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1_024)


async def one() -> int:
    return 1


async def test_a_step_calls_no_more_functions_after_ten_thousand_others() -> None:
    counts = []

    async def run(event: Event, step: Step) -> None:
        for number in range(STEPS):
            await step.do(f"step {number}", one)
            if number % 2_000 == 1_000:  # not at the start: types and annotations are known by now
                with Calls() as calls:
                    for inside in range(50):
                        await step.do(f"window {number} {inside}", one)
                counts.append(calls.count)

    assert (await World(":memory:").run(run, step_limit=2 * STEPS)).status == "complete"
    assert len(counts) == 5
    assert max(counts) < 1.2 * min(counts)


async def test_a_step_reads_and_writes_no_more_after_ten_thousand_others_and_the_process_stays_small(
    durable: World,
) -> None:
    statements = 0
    windows: list[tuple[int, int, int]] = []

    def traced(_: str) -> None:
        nonlocal statements
        statements += 1

    async def asked(question: Callable[[Any], Any]) -> Any:
        return await durable.engine.store.write(question)

    async def run(event: Event, step: Step) -> None:
        await asked(lambda connection: connection.set_trace_callback(traced))
        for number in range(0, STEPS, AT_ONCE):
            if number % WINDOW == 0:
                pages = await asked(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
                changes = await asked(lambda connection: connection.total_changes)
                windows.append((statements, changes, pages))
            await asyncio.gather(*(step.do(f"step {number + n:05}", one) for n in range(AT_ONCE)))

    before = peak()
    assert (await durable.run(run)).status == "complete"
    grown = [[after - before for before, after in zip(*pair, strict=True)] for pair in pairwise(windows[1:])]
    for what, growth in zip(("statements", "rows", "pages"), zip(*grown, strict=True), strict=True):
        assert max(growth) < 1.25 * min(growth), f"{what} per {WINDOW} steps: {growth}"
    assert peak() - before < 150 * 1_024 * 1_024
