"""A workflow whose agent travels; says what is used and what is recorded, and may hold still in a tool."""

from __future__ import annotations

import asyncio
import os
import time

from integrations.pydantic_ai import durable
from tests.integrations.pydantic_ai.travelling import agent
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowInstance, WorkflowStep


class Travel(WorkflowEntrypoint[tuple[str, str], str]):
    """One run of the agent; its environment is the model's URL, and the tool that holds still."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> list[object]:
        url, stuck = self.env

        def used(what: str) -> None:
            os.write(1, f"{what}\n".encode())  # whole, also beside another thread
            while what == stuck:
                time.sleep(1)

        async with durable(step, "travel"):
            result = await agent(url, used).run(event.payload)
        return [repr(result.output), result.usage.requests, result.run_id]


async def live(path: str, url: str, stuck: str) -> None:
    """From where the last life has ended to the end."""
    async with Engine(path, workflows=[Travel], env=(url, stuck)) as engine:
        instance = await engine.workflow(Travel).create(id="1", params="Where to?", exist_ok=True)
        telling = asyncio.create_task(tell(instance))
        output, requests, _ = await instance.result()
        print(f"result {output} {requests}", flush=True)  # noqa: T201
        await telling


async def tell(instance: WorkflowInstance) -> None:
    """What is recorded, as it comes."""
    async for event in instance.subscribe(cursor=0, filter=["step_completed"]):
        print(f"recorded {event.step_name}", flush=True)  # noqa: T201
