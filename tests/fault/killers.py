"""A program one of whose workflows ends the process: `python -m tests.fault.killers DATABASE WHERE [resume]`.

`WHERE` is `run`, `first`, `second` or `memory`; with `resume` what is paused is resumed at the start. It ends
by itself when nothing is left to do, and the last line says how all instances are.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from tests.fault.noted import STEPS, Noted, note, report
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["OTHERS", "STEPS"]

OTHERS = 4
"""Of each of the other two workflows."""
_SECONDS = 60.0
_CODE = 7


class Killer(WorkflowEntrypoint[Any, Any]):
    """Ends the process in `run()` itself, in its first step, or in its second one."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """See above."""
        if sys.argv[2] == "run":
            await _kill()
        if sys.argv[2] == "second":
            await step.do("before", lambda: None)
        await step.do("kill", _kill)


class Steps(Noted):
    """Comes a little further in each life."""


class Slow(WorkflowEntrypoint[Any, Any]):
    """Its only step takes longer than a process lives in which the killer is let in at once."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> int:
        """One."""
        return int(await step.do("slow", _slow, f"{event.instance_id} slow"))


async def _kill() -> None:
    await note("killer")
    await asyncio.sleep(0.05)  # the others have begun
    if sys.argv[2] == "memory":
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does it
    os._exit(_CODE)


async def _slow(line: str) -> int:
    await asyncio.sleep(0.4)
    return await note(line)


async def main() -> None:
    """Until all have ended, or those that are left are paused."""
    async with Engine(sys.argv[1], workflows=[Killer, Steps, Slow]) as engine:
        killer = await engine.workflow(Killer).create(id="killer", exist_ok=True)
        made = [killer]
        for number in range(OTHERS):
            made += [
                await engine.workflow(flow).create(id=f"{flow.__name__.lower()}-{number}", exist_ok=True)
                for flow in (Steps, Slow)
            ]
        if "resume" in sys.argv:
            await killer.resume()
        await report(made, _SECONDS)


if __name__ == "__main__":
    asyncio.run(main())
