"""A program that somebody stops for a while: `python -m tests.fault.stalled DATABASE`.

One workflow is in a step when it says `begun`, others sleep, and cron starts one a second. It ends two
seconds after the sleeps are over, and says of each effect when it came.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from workflows import Engine, StoreInUse, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["EFFECTS", "SLEEPERS", "Late", "Second", "Sleeper"]

SLEEPERS = 5
NAP = 1.0
EFFECTS: list[tuple[str, float]] = []
"""What was done, and when."""


class Late(WorkflowEntrypoint[Any, Any]):
    """Its step takes so long that the process is stopped within it."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """Comes to what the step returned."""
        return await step.do("late", self.late)

    async def late(self) -> str:
        """Says that it has begun."""
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        await asyncio.sleep(1)
        EFFECTS.append(("late", time.time()))
        return "late"


class Sleeper(WorkflowEntrypoint[Any, Any]):
    """Its nap is over while the process is stopped."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> float:
        """Comes to when it should have woken."""
        await step.sleep("nap", NAP)
        await step.do("woken", lambda: EFFECTS.append((event.instance_id, time.time())))
        return event.timestamp.timestamp() + NAP


class Second(WorkflowEntrypoint[Any, Any]):
    """One for each second."""

    schedules = "* * * * * *"

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> float:
        """Comes to the second it stands for."""
        assert event.schedule is not None
        return event.schedule.scheduled_time.timestamp()


async def main() -> None:
    """See above."""
    async with Engine(sys.argv[1], workflows=[Late, Sleeper, Second]) as engine:
        sleepers = [
            await engine.workflow(Sleeper).create(id=f"sleeper-{number}") for number in range(SLEEPERS)
        ]
        late = await engine.workflow(Late).create(id="late")
        due = [await one.result() for one in sleepers]
        await asyncio.sleep(2)
        seconds = [one.id for one in (await engine.workflow(Second).list()).instances]
        report = {
            "due": due,
            "effects": EFFECTS,
            "seconds": [await engine.workflow(Second).get(one).result() for one in seconds],
            "late": (await late.status()).output,
        }
        sys.stdout.write(json.dumps(report) + "\n")


def owner(database: str) -> str:
    """Tries to open the file, as a second process does: `opened`, or why not."""

    async def opened() -> str:
        try:
            async with Engine(database, workflows=[]):
                return "opened"
        except StoreInUse as error:
            return str(error)

    return asyncio.run(opened())


if __name__ == "__main__":
    asyncio.run(main())
