"""A program one of whose steps ends the process: `python -m tests.fault.exiting DATABASE WORD`.

With the word `exit` the step calls `os._exit`; with any other one it returns it. The last line says how all
instances are.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from tests.fault.noted import STEPS, Noted, report
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["GOOD", "STEPS"]

GOOD = 5
_SECONDS = 5.0
_CODE = 7


class Bad(WorkflowEntrypoint[Any, Any]):
    """Its second step ends the process, once all others have begun."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """See above."""
        await step.do("before", lambda: None)
        await step.sleep("until others have begun", 0.05)
        return await step.do("poison", poison)


class Good(Noted):
    """Is there beside the bad one."""


async def poison() -> str:
    """Ends the process, or not."""
    if sys.argv[2] == "exit":
        os._exit(_CODE)
    return sys.argv[2]


async def main() -> None:
    """Until all have ended, or those that are left are paused."""
    async with Engine(sys.argv[1], workflows=[Bad, Good]) as engine:
        bad, good = engine.workflow(Bad), engine.workflow(Good)
        made = [await good.create(id=f"good-{number}", exist_ok=True) for number in range(GOOD)]
        made.append(await bad.create(id="bad", exist_ok=True))
        await report(made, _SECONDS)


if __name__ == "__main__":
    asyncio.run(main())
