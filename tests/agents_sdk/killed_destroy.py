"""An agent that is killed while it is destroyed: `python -m tests.agents_sdk.killed_destroy FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from agents_sdk import Agent, AgentsApp
from tests.agents_sdk.killed import say

__all__ = ["Doomed", "app"]


class Doomed(Agent[None, dict[str, int]]):
    initial_state = {"n": 0}

    async def end(self) -> None:
        await self.set_state({"n": 1})
        await self.sql("CREATE TABLE t(x)")
        await self.schedule(3_600, "end")
        self.spawn(asyncio.Event().wait())  # is given its time, so that nothing is deleted yet
        await self.destroy()


def app(folder: Path) -> AgentsApp:
    """The app over a folder."""
    return AgentsApp([Doomed], data=folder)


async def main(folder: Path) -> None:
    """Destroys an agent, and waits to be killed."""
    async with app(folder) as agents:
        await (await agents.get_agent(Doomed, "a")).end()
        say("destroyed")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
