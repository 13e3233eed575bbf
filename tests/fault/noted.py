"""What programs share one of whose steps ends the process: good work, notes of calls, a report."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workflows import WorkflowEntrypoint, WorkflowEvent, WorkflowInstance, WorkflowStep

__all__ = ["STEPS", "Noted", "note", "report"]

STEPS = 10
_AT_REST = ("complete", "errored", "paused")


class Noted(WorkflowEntrypoint[Any, Any]):
    """Steps that note their calls in a file."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> int:
        """Comes to the number of its steps."""
        total = 0
        for number in range(STEPS):
            total += await step.do(f"{number}", note, f"{event.instance_id} {number}")
            await step.sleep(f"{number}", 0.01)
        return total


async def note(line: str) -> int:
    """An effect outside of the database."""
    with Path(sys.argv[1]).with_suffix(".calls").open("a", encoding="utf-8") as calls:
        calls.write(f"{line}\n")
    return 1


async def report(made: Iterable[WorkflowInstance], seconds: float) -> None:
    """Writes how they are, once all have ended, or those that are left are paused."""
    made = list(made)
    async with asyncio.timeout(seconds):
        while not all([(await one.status()).status in _AT_REST for one in made]):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    statuses = {one.id: await one.status() for one in made}
    told = {id: [one.status, one.output, one.reason] for id, one in statuses.items()}
    sys.stdout.write(json.dumps(told) + "\n")
