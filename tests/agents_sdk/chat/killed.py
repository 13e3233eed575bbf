"""A chat that is killed while it answers: `python -m tests.agents_sdk.chat.killed FOLDER WORDS…`."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from agents_sdk import AgentsApp, ChatAgent, Connection, Recovery, Turn
from agents_sdk.chat.chat import Chat
from agents_sdk.protocol import ToolResult
from tests.agents_sdk.chat.chats import Gates, text_of, user
from tests.agents_sdk.killed import say

__all__ = ["Mortal", "Script", "app"]


TOOL: Final = "cf_agent_tool_result"


class Script(Gates):
    """What it says, whatever is asked; None: what is asked."""

    def __init__(self, words: list[str] | None) -> None:
        super().__init__()
        self.words = words


class Mortal(ChatAgent[Script, Any]):
    """Says the words of its script; `gate:…` waits there, which in a first life is for ever."""

    recovery_attempts = 3

    async def on_start(self) -> None:
        self.turns: list[Turn] = []
        self.kept = self.messages
        """The transcript as it was before anything ran."""
        self.recoveries: list[Recovery] = []

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[dict[str, Any]]:
        self.turns.append(turn)
        words = self.env.words or text_of(turn.messages[-1]).split()
        if not words[0].startswith("gate:"):
            yield {"type": "start", "messageId": uuid.uuid4().hex}  # another one in each attempt
            yield {"type": "text-start", "id": "t1"}
        for word in words:
            if word.startswith("gate:"):
                await self.env.wait(word)
            elif word.startswith("call:"):
                yield {"type": "tool-input-available", "toolCallId": word, "toolName": "look", "input": {}}
            elif word.startswith("may:"):
                yield {"type": "tool-input-available", "toolCallId": word, "toolName": "look", "input": {}}
                yield {"type": "tool-approval-request", "toolCallId": word, "approvalId": "a1"}
            else:
                yield {"type": "text-delta", "id": "t1", "delta": f"{word} "}
        yield {"type": "text-end", "id": "t1"}
        yield {"type": "finish"}

    async def on_chat_recovery(self, recovery: Recovery) -> bool:
        self.recoveries.append(recovery)
        return "give-in" not in (self.env.words or [])


def app(folder: Path, script: Script) -> AgentsApp:
    """The app over a folder; in another life the same question may be answered in other words."""
    return AgentsApp([Mortal], data=folder, env=script)


async def main(folder: Path, words: list[str]) -> None:
    """Asks, and waits to be killed when all up to the gate is on the disk.

    Where an earlier process has asked, and was killed, these words are the next attempt at its answer.
    """
    script = Script(words if folder.joinpath("agents.db").exists() else None)
    async with app(folder, script) as agents:
        agent = await agents.get_agent(Mortal, "a")
        chat = agent.ctx.part(Chat)
        if not list(chat.turns):
            agent.spawn(ask(agent, words))
        gate = next(word for word in words if word.startswith("gate:"))
        await agent.env.reached(gate)
        turn = chat.turns.active
        assert turn is not None
        assert turn.stream is not None
        for word in words:
            if word.startswith("call:"):
                await chat.continuing.take(client(), ToolResult(type=TOOL, tool_call_id=word, output=7))
        await turn.stream.flushed()
        say("kill me")
        await asyncio.Event().wait()


def client() -> Connection:
    """Somebody who answers calls."""

    async def settled() -> None:
        pass

    return Connection("somebody", "ws://nowhere", settled=settled)


async def ask(agent: Mortal, words: list[str]) -> None:
    """A turn; or, when the first word is `then`, a complete one and then its continuation."""
    if words[0] != "then":
        await agent.save_messages([user("u1", " ".join(words))])
        return
    await agent.save_messages([user("u1", "hello")])
    agent.env.words = words[1:]
    await agent.continue_last_turn()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
