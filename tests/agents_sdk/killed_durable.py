"""An agent that is killed while it works: `python -m tests.agents_sdk.killed_durable FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from agents_sdk import Agent, AgentsApp, Fiber, FiberContext, QueueItem
from tests.agents_sdk.killed import say

__all__ = ["Worker", "app"]


class Worker(Agent[None, list[Any]]):
    initial_state: list[Any] = []

    async def note(self, what: Any) -> None:
        await self.set_state([*self.state, what])

    async def call(self, payload: str, item: QueueItem) -> None:
        before = len(self.state)
        await self.note([payload, item.id])
        if payload == "first" and not before:
            say("in the queue")
            await asyncio.Event().wait()

    async def on_fiber_recovered(self, fiber: Fiber) -> None:
        await self.note([fiber.name, fiber.snapshot, fiber.status])

    async def weave(self) -> None:
        for n in range(3):
            await self.streams.append("told", n)
        await self.start_fiber("retained", self._weave, key="k")
        await self.run_fiber("forgotten", self._weave)

    async def _weave(self, ctx: FiberContext) -> None:
        await ctx.stash(f"{ctx.name} had begun")
        say(ctx.name)
        await asyncio.Event().wait()


def app(folder: Path) -> AgentsApp:
    """The app over a folder."""
    return AgentsApp([Worker], data=folder)


async def main(folder: Path) -> None:
    """Begins work, and waits to be killed in it."""
    async with app(folder) as agents:
        worker = await agents.get_agent(Worker, "a")
        for payload in ("first", "second", "third"):
            await worker.queue("call", payload, id=payload)
        say("queued")
        await (await agents.get_agent(Worker, "b")).weave()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
