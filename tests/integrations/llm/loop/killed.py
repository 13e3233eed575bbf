"""A loop whose tools leave a line in a file: `python -m tests.integrations.llm.loop.killed FILE URL NOTES`.

It says which steps are recorded, and ends with what the loop gave.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from integrations.llm import LLM
from integrations.llm.loop import AgentLoop, Tool, approve
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowInstance, WorkflowStep

NOTES = Path(sys.argv[3]) if len(sys.argv) > 3 else Path("notes")


def note(line: str) -> None:
    """An effect on the world."""
    with NOTES.open("a", encoding="utf-8") as notes:
        notes.write(line + "\n")


async def quick(number: int) -> str:
    """Ends at once."""
    note(f"quick {number}")
    return f"quick {number}"


async def slow() -> str:
    """Ends when the file says so."""
    note("slow")
    while NOTES.read_text(encoding="utf-8").count("slow\n") < 2:  # noqa: ASYNC110  # another process writes it
        await asyncio.sleep(0.05)
    return "slow"


async def pay() -> str:
    """Needs a human."""
    note("pay")
    return "paid"


class Loops(WorkflowEntrypoint[LLM, None]):
    """One loop."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        loop = AgentLoop(self.env, [quick, slow, Tool(pay, approval=True)])
        return (await loop.run(step, "loop", "Do it!")).text


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def watch(instance: WorkflowInstance) -> None:
    async for event in instance.subscribe(filter=["step_completed"]):
        say(str(event.step_name))
        if isinstance(event.output, dict) and "event" in event.output and "approve" in sys.argv:
            await approve(instance, event.output["event"])


async def main(file: str, url: str, *_: str) -> None:
    async with LLM("m", base_url=url) as llm, Engine(file, [Loops], env=llm) as engine:
        instance = await engine.workflow(Loops).create(id="1", exist_ok=True)
        await watch(instance)
        say(f"ended: {await instance.result()}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
