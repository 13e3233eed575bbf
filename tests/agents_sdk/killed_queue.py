"""An item that ends its process: `python -m tests.agents_sdk.killed_queue FOLDER`, again and again."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from agents_sdk import Agent, AgentsApp
from tests.agents_sdk.killed import say

__all__ = ["Mortal"]


class Mortal(Agent[None, list[str]]):
    initial_state: list[str] = []

    async def on_start(self) -> None:
        self.told = asyncio.Event()
        self.queued_all = asyncio.Event()

    async def on_error(self, error: Exception) -> None:
        say(str(error))

    async def kills(self) -> None:
        await self.queued_all.wait()
        say("called")
        os._exit(7)

    async def note(self, what: str) -> None:
        say(what)
        self.told.set()


async def main(folder: Path) -> None:
    """Queues the killer and an innocent one, once; ends when the innocent one was called."""
    first = not (folder / "agents.db").exists()
    async with AgentsApp([Mortal], data=folder) as agents:
        mortal = await agents.get_agent(Mortal, "a")
        if first:
            await mortal.queue("note", "unharmed", id="innocent", attempts=1)
            await mortal.told.wait()
            mortal.told.clear()
            await mortal.queue("kills", id="killer", attempts=2)
            await mortal.queue("note", "behind it", attempts=1)
        mortal.queued_all.set()
        await mortal.told.wait()
        [dead] = await mortal.queued.list(dead=True)
        say(f"{dead.id} {dead.attempt} {dead.dead}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
