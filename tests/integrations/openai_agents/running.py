"""A workflow that runs an agent, and is run again from its journal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agents import Agent

from integrations.openai_agents import run
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock


@dataclass
class Env:
    """What runs, and what the workflow has seen of it, once for each of its runs."""

    agent: Agent[Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    talk: Callable[[WorkflowStep, Agent[Any]], Awaitable[object]] | None = None
    seen: list[object] = field(default_factory=list)


class Talk(WorkflowEntrypoint[Env, str]):
    """Runs the agent, or what the environment says, and waits before it ends."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        env = self.env
        try:
            if env.talk is not None:
                env.seen.append(await env.talk(step, env.agent))
            else:
                result = await run(step, "talk", env.agent, event.payload, **env.options)
                usage = result.context_wrapper.usage
                env.seen.append(
                    [result.final_output, result.to_input_list(), usage.requests, usage.total_tokens]
                )
        except Exception as error:
            env.seen.append((type(error), str(error)))
            raise
        finally:
            await step.wait_for_event("the end", "end")
        return "done"


@dataclass
class Told:
    """What two runs of one instance have seen, and its steps."""

    first: Any
    again: Any
    steps: list[str]


async def twice(
    path: Path,
    agent: Agent[Any],
    *,
    options: Mapping[str, Any] | None = None,
    talk: Callable[[WorkflowStep, Agent[Any]], Awaitable[object]] | None = None,
    clock: VirtualClock | None = None,
    park: Literal["always"] | None = None,
    exist_ok: bool = False,
) -> Told:
    """Runs it to the wait at its end; then once more, in another engine that finds the journal only."""
    env = Env(agent, options or {}, talk)
    clock = clock or VirtualClock()
    async with Engine(path, [Talk], env=env, clock=clock, park=park) as engine:
        instance = await engine.workflow(Talk).create(id="1", params="Hello", exist_ok=exist_ok)
        async for event in instance.subscribe():
            if event.type == "wait_started" and event.step_name == "the end-1":
                break
    first = env.seen[-1]
    env.seen.clear()
    async with Engine(path, [Talk], env=env, clock=clock, park=park) as engine:
        instance = engine.workflow(Talk).get("1")
        await instance.send_event("end")
        completed = [event.step_name async for event in instance.subscribe(filter=["step_completed"])]
    steps = [(name or "").removeprefix("talk/") for name in completed]
    return Told(first, env.seen[-1], steps)
