"""A run of a sub-agent that is killed: `python -m tests.agents_sdk.chat.killed_tools FOLDER HOW`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from agents_sdk import AgentsApp, ChatAgent, Turn
from agents_sdk.chat.chat import Chat
from tests.agents_sdk.chat.chats import Echo, Gates, text_of, user
from tests.agents_sdk.killed import say

__all__ = ["Lead", "app"]

SAID = "one gate:x two"


class Lead(ChatAgent[Gates, Any]):
    """Hands on what it is asked to an `Echo`, whose run has the id of the question."""

    async def on_start(self) -> None:
        self.finished: list[dict[str, Any]] = []
        self.heard = asyncio.Event()

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        asked = turn.messages[-1]
        run = await self.run_agent_tool(
            Echo, text_of(asked), run_id=asked["id"], parent_tool_call_id="call-1"
        )
        yield f"{run.status}: {run.summary}"

    async def finish(self, run: dict[str, Any]) -> None:
        self.finished.append(run)
        self.heard.set()
        self.env.open("finished")


def app(folder: Path, gates: Gates) -> AgentsApp:
    """The app over a folder."""
    return AgentsApp([Lead], sub_agents=[Echo], data=folder, env=gates)


async def main(folder: Path, how: str) -> None:
    """Begins a run, and waits to be killed when all up to the gate is on the disk."""
    gates = Gates()
    async with app(folder, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        if how == "detached":
            await lead.run_agent_tool(Echo, SAID, run_id="u1", detached=True, on_finish="finish")
        else:
            lead.spawn(lead.save_messages([user("u1", SAID)]))
        await gates.reached("gate:x")
        turn = (await lead.sub_agent(Echo, "u1")).ctx.part(Chat).turns.active
        assert turn is not None
        assert turn.stream is not None
        await turn.stream.flushed()
        say("kill me")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
