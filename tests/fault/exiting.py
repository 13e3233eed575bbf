"""A program one of whose steps ends the process: `python -m tests.fault.exiting DATABASE WORD`.

With the word `exit` the step calls `os._exit`; with any other one it returns it. The last line says how all
instances are.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["GOOD", "STEPS"]

GOOD = 5
STEPS = 10
_SECONDS = 5.0
_CODE = 7


class Bad(WorkflowEntrypoint[Any, Any]):
    """Its second step ends the process, once all others have begun."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """See above."""
        await step.do("before", lambda: None)
        await step.sleep("until others have begun", 0.05)
        return await step.do("poison", poison)


class Good(WorkflowEntrypoint[Any, Any]):
    """Steps that note their calls in a file."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> int:
        """Comes to the number of its steps."""
        total = 0
        for number in range(STEPS):
            total += await step.do(f"{number}", note, f"{event.instance_id} {number}")
            await step.sleep(f"{number}", 0.01)
        return total


async def poison() -> str:
    """Ends the process, or not."""
    if sys.argv[2] == "exit":
        os._exit(_CODE)
    return sys.argv[2]


async def note(line: str) -> int:
    """An effect outside of the database."""
    with Path(sys.argv[1]).with_suffix(".calls").open("a", encoding="utf-8") as calls:
        calls.write(f"{line}\n")
    return 1


async def main() -> None:
    """Until all have ended, or those that are left are paused."""
    async with Engine(sys.argv[1], workflows=[Bad, Good]) as engine:
        bad, good = engine.workflow(Bad), engine.workflow(Good)
        made = [await good.create(id=f"good-{number}", exist_ok=True) for number in range(GOOD)]
        made.append(await bad.create(id="bad", exist_ok=True))
        async with asyncio.timeout(_SECONDS):
            while not all([(await one.status()).status in _AT_REST for one in made]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        statuses = {one.id: await one.status() for one in made}
        report = {id: [one.status, one.output, one.reason] for id, one in statuses.items()}
        sys.stdout.write(json.dumps(report) + "\n")


_AT_REST = ("complete", "errored", "paused")

if __name__ == "__main__":
    asyncio.run(main())
