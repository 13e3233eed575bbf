"""An agent that is killed while a scheduled method runs: `python -m tests.agents_sdk.killed FOLDER`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from agents_sdk import Agent, AgentsApp

__all__ = ["Notes", "app"]


class Notes(Agent[None, dict[str, Any]]):
    initial_state = {"title": "", "calls": []}

    async def on_start(self) -> None:
        self.called = asyncio.Event()

    async def call(self, payload: str) -> None:
        await self.set_state({**self.state, "calls": [*self.state["calls"], payload]})
        if len(self.state["calls"]) == 1:
            say("running")
            await asyncio.Event().wait()
        self.called.set()


def app(folder: Path) -> AgentsApp:
    """The app over a folder."""
    return AgentsApp([Notes], data=folder)


def say(line: str) -> None:
    """To whoever kills this process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(folder: Path) -> None:
    """Acknowledges a state and a schedule, and waits to be killed in the scheduled method."""
    async with app(folder) as agents:
        notes = await agents.get_agent(Notes, "a")
        await notes.set_state({"title": "kept", "calls": []})
        say("state")
        await notes.schedule(0, "call", "again")
        say("schedule")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
