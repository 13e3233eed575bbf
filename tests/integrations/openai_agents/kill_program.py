"""A workflow whose agents travel; says what is used and what is recorded, and may hold still in a tool."""

from __future__ import annotations

import asyncio
import os
import time

from integrations.openai_agents import run
from tests.integrations.openai_agents.travelling import agent
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowInstance, WorkflowStep


class Travel(WorkflowEntrypoint[tuple[str, str], str]):
    """One run of the agents; its environment is the model's URL, and the tool that holds still."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> list[object]:
        url, stuck = self.env

        def used(what: str) -> None:
            os.write(1, f"used {what}\n".encode())  # whole, also beside another thread
            while what == stuck:
                time.sleep(1)

        result = await run(step, "travel", agent(url, used), event.payload)
        usage = result.context_wrapper.usage
        return [result.final_output, result.last_agent.name, usage.requests, usage.total_tokens]


async def live(path: str, url: str, stuck: str) -> None:
    """From where the last life has ended to the end."""
    async with Engine(path, workflows=[Travel], env=(url, stuck)) as engine:
        instance = await engine.workflow(Travel).create(id="1", params="Where to?", exist_ok=True)
        telling = asyncio.create_task(tell(instance))
        print(f"result {await instance.result()}", flush=True)  # noqa: T201
        await telling


async def tell(instance: WorkflowInstance) -> None:
    """What is recorded, as it comes."""
    async for event in instance.subscribe(cursor=0, filter=["step_completed"]):
        print(f"recorded {event.step_name}", flush=True)  # noqa: T201
