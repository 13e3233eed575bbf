"""A program one of whose workflows ends the process: `python -m tests.fault.killers DATABASE WHERE [resume]`.

`WHERE` is `run`, `first`, `second` or `memory`; with `resume` what is paused is resumed at the start. It ends
by itself when nothing is left to do, and the last line says how all instances are.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

__all__ = ["OTHERS", "STEPS"]

OTHERS = 4
"""Of each of the other two workflows."""
STEPS = 10
_SECONDS = 60.0
_CODE = 7
_AT_REST = ("complete", "errored", "paused")


class Killer(WorkflowEntrypoint[Any, Any]):
    """Ends the process in `run()` itself, in its first step, or in its second one."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """See above."""
        if sys.argv[2] == "run":
            await _kill()
        if sys.argv[2] == "second":
            await step.do("before", lambda: None)
        await step.do("kill", _kill)


class Steps(WorkflowEntrypoint[Any, Any]):
    """Comes a little further in each life."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> int:
        """The number of its steps."""
        total = 0
        for number in range(STEPS):
            total += await step.do(f"{number}", _note, f"{event.instance_id} {number}")
            await step.sleep(f"{number}", 0.01)
        return total


class Slow(WorkflowEntrypoint[Any, Any]):
    """Its only step takes longer than a process lives in which the killer is let in at once."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> int:
        """One."""
        return int(await step.do("slow", _slow, f"{event.instance_id} slow"))


async def _kill() -> None:
    with _log().open("a", encoding="utf-8") as log:
        log.write("killer\n")
    await asyncio.sleep(0.05)  # the others have begun
    if sys.argv[2] == "memory":
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does it
    os._exit(_CODE)


async def _note(line: str) -> int:
    with _log().open("a", encoding="utf-8") as log:
        log.write(f"{line}\n")
    return 1


async def _slow(line: str) -> int:
    await asyncio.sleep(0.4)
    return await _note(line)


def _log() -> Path:
    return Path(sys.argv[1]).with_suffix(".calls")


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
        async with asyncio.timeout(_SECONDS):
            while not all([(await one.status()).status in _AT_REST for one in made]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        statuses = {one.id: await one.status() for one in made}
        report = {id: [one.status, one.output, one.reason] for id, one in statuses.items()}
        sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
