"""Killed around its workflows: `python -m tests.agents_sdk.workflow.killed FOLDER WHAT [AT]`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, ClassVar

from agents_sdk import Agent, AgentsApp, AgentWorkflow
from tests.agents_sdk.killed import say
from tests.agents_sdk.workflow.desk import Event, Step
from workflows import failpoint

__all__ = ["Notes", "Work", "app"]


class Notes(Agent[None, list[Any]]):
    initial_state: list[Any] = []
    blocks: ClassVar[bool] = False
    """In the process that is killed, whoever tells it something waits until then."""

    async def on_workflow_complete(self, workflow: str, id: str, result: Any) -> None:
        await self.note(["complete", id, result])

    async def on_workflow_event(self, workflow: str, id: str, event: Any) -> None:
        await self.note(["event", id, event])

    async def note(self, what: list[Any]) -> None:
        await self.set_state([*self.state, what])
        if self.blocks:
            say("told")
            await asyncio.Event().wait()


class Work(AgentWorkflow[Notes, str]):
    async def run(self, event: Event, step: Step) -> int:
        if event.payload == "report":
            await step.report_complete(1)
        elif event.payload == "event":
            await step.send_event(1)
        elif event.payload == "wait":
            await step.sleep("z", 3_600)
        return 2


def app(folder: Path) -> AgentsApp:
    """The app over a folder."""
    return AgentsApp([Notes], [Work], data=folder)


async def main(folder: Path, what: str, *at: str) -> None:
    """Starts a workflow, and waits to be killed, or kills itself at a failpoint."""
    Notes.blocks = True
    async with app(folder) as agents:
        notes = await agents.get_agent(Notes, "a")
        say("ready")
        for name in at:
            failpoint.arm(name, "kill")
        await notes.run_workflow(Work, what, id="w", metadata={"what": what})
        say("started")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
