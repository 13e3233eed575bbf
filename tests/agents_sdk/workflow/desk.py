"""An agent that notes what it hears of its workflows, and the workflows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from agents_sdk import Agent, AgentsApp, AgentWorkflow, AgentWorkflowStep
from workflows import Engine, Failure, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

__all__ = ["Approval", "Desk", "Event", "Plain", "Step", "Talk", "desk", "opened", "settled"]

Event = WorkflowEvent[Any]
Step = AgentWorkflowStep


class Desk(Agent[Any, dict[str, Any]]):
    initial_state = {"title": "new"}

    async def on_start(self) -> None:
        self.heard: list[Any] = []
        self.errors: list[str] = []
        self.refusals = 0

    async def on_workflow_progress(self, workflow: str, id: str, progress: Any) -> None:
        self.hear("progress", workflow, id, progress)

    async def on_workflow_complete(self, workflow: str, id: str, result: Any) -> None:
        self.hear("complete", workflow, id, result)

    async def on_workflow_error(self, workflow: str, id: str, error: Failure) -> None:
        self.hear("error", workflow, id, (error.name, error.message))

    async def on_workflow_event(self, workflow: str, id: str, event: Any) -> None:
        self.hear("event", workflow, id, event)

    async def on_error(self, error: Exception) -> None:
        self.errors.append(str(error))

    def hear(self, *what: Any) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ValueError("not now")
        self.heard.append(what)

    async def refuse(self, times: int) -> None:
        self.refusals = times

    async def double(self, number: int) -> int:
        return number * 2

    def plain(self) -> str:
        return f"{self.name} in {asyncio.get_running_loop().__class__.__name__ and 'the loop'}"

    async def fail(self) -> None:
        raise LookupError("nothing there")


class Plain(WorkflowEntrypoint[None, Any]):
    """One that knows nothing of agents."""

    async def run(self, event: Event, step: WorkflowStep) -> Any:
        await step.sleep("z", 10)
        return event.payload


class Talk(AgentWorkflow[Desk, Any]):
    """Does what its params say, one thing after the other."""

    async def run(self, event: Event, step: Step) -> Any:
        result: Any = None
        for said in event.payload:
            verb, *given = said if isinstance(said, list) else [said]
            match verb:
                case "progress":
                    await self.report_progress(given[0])
                case "broadcast":
                    await self.broadcast_to_clients(given[0])
                case "sleep":
                    await step.sleep("z", given[0])
                case "raise":
                    raise ValueError(given[0])
                case "return":
                    return given[0]
                case "call":
                    result = await getattr(self.agent, given[0])(*given[1:])
                case "step":
                    result = await step.do("call", getattr(self.agent, given[0]), *given[1:])
                case "approval":
                    result = await self.wait_for_approval(step, timeout=60)
                case _:
                    await getattr(step, verb)(*given)
        return result


class Approval(AgentWorkflow[Desk, Any]):
    async def run(self, event: Event, step: Step) -> Any:
        return await self.wait_for_approval(step, **event.payload)


@asynccontextmanager
async def opened(
    path: Path | Literal[":memory:"],
    *others: type[WorkflowEntrypoint[Any, Any]],
    clock: VirtualClock | None = None,
    park: Literal["always"] | None = None,
) -> AsyncIterator[tuple[AgentsApp, Engine]]:
    """An app over an engine, on virtual time."""
    clock = clock or VirtualClock()
    file = path if isinstance(path, str) else path / "e.db"
    workflows = {"TALK": Talk, "PLAIN": Plain, "APPROVAL": Approval}
    workflows |= {one.__name__: one for one in others}
    async with (
        Engine(file, workflows, clock=clock, park=park) as engine,
        AgentsApp([Desk], workflows, engine=engine) as app,
    ):
        yield app, engine


async def desk(app: AgentsApp, name: str = "ann") -> Desk:
    """The living agent."""
    return await app.get_agent(Desk, name)


async def settled(engine: Engine) -> None:
    """Virtual time goes by, in which nothing is left to be delivered."""
    await engine.clock.sleep(1)
