"""Chats whose model is scripted, and which are compacted: `python -m tests.integrations.compaction.chatting`.

As a program it asks one question in a folder, and waits to be killed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from agents_sdk import AgentsApp, ChatAgent, Turn
from integrations.compaction import Compaction, summarise_with
from integrations.llm import LLM, Patience
from integrations.llm.testing import Asked, ErrorReply, Reply
from tests.integrations.compaction.histories import count

__all__ = ["SETTINGS", "Model", "Talker", "ask", "long", "opened", "talker", "user"]

SETTINGS: dict[str, Any] = {"window": 3_000, "reserve": 1_000, "tail": 300, "counter": count}
"""Room 2,000, due at 1,500, to reach 800."""
INSTRUCTIONS = "Be brief."


@dataclass
class Env:
    """Where the model is."""

    url: str


class Talker(ChatAgent[Env, Any]):
    """Gives its prompt to a model, and its stream to the clients."""

    async def on_start(self) -> None:
        self.models = AsyncOpenAI(base_url=self.env.url, api_key="none", max_retries=0)

    async def on_stop(self) -> None:
        await self.models.close()

    async def on_chat_message(self, turn: Turn) -> Any:
        messages: Any = await turn.prompt(INSTRUCTIONS)
        return await self.models.chat.completions.create(
            model="talker", messages=messages, stream=True, stream_options={"include_usage": True}
        )


@dataclass
class Model:
    """The script of both: what summarises, and what answers."""

    summaries: Sequence[Reply | ErrorReply | str] = ("What was said.",)
    answer: Callable[[Asked], Reply | ErrorReply | str] = lambda asked: "Yes."
    asked_for_summaries: list[Asked] = field(default_factory=list)
    prompts: list[list[dict[str, Any]]] = field(default_factory=list)
    """What was given to the model that answers."""

    def __call__(self, asked: Asked) -> Reply | ErrorReply | str:
        if asked.body["model"] == "summariser":
            self.asked_for_summaries.append(asked)
            return self.summaries[min(len(self.asked_for_summaries), len(self.summaries)) - 1]
        self.prompts.append(asked.body["messages"])
        return self.answer(asked)


@asynccontextmanager
async def opened(
    folder: Path, url: str, *, most: int | None = None, **settings: Any
) -> AsyncIterator[tuple[AgentsApp, type[Talker]]]:
    """An app of one such chat, which somebody else starts; its class is named `Talking`."""
    async with LLM("summariser", base_url=url, patience=Patience(limit=0), timeout=5) as llm:
        chosen = {**SETTINGS, "summarise": summarise_with(llm), "delays": (), **settings}

        class Talking(Talker):
            compaction = Compaction(**chosen)
            max_persisted_messages = most

        yield AgentsApp([Talking], data=folder, env=Env(url)), Talking


@asynccontextmanager
async def talker(folder: Path, url: str, **options: Any) -> AsyncIterator[Talker]:
    """The chat itself, in an app that runs."""
    async with opened(folder, url, **options) as (agents, kind), agents:
        yield await agents.get_agent(kind, "a")


def user(number: int, text: str) -> dict[str, Any]:
    """A message of the user."""
    return {"id": f"u{number}", "role": "user", "parts": [{"type": "text", "text": text}]}


def long(number: int, tokens: int = 250) -> dict[str, Any]:
    """A message of about so many tokens."""
    return user(number, f"question {number} " + "word " * (tokens * 4 // 5))


async def ask(agent: Talker, *numbers: int) -> str:
    """Asks long questions one after the other; how the last turn ended."""
    status = ""
    for number in numbers:
        result = await agent.save_messages([*agent.messages, long(number)])
        status = result.error or result.status
    return status


async def main(folder: Path, url: str, turns: int) -> None:
    """Asks, and waits to be killed."""
    async with talker(folder, url) as agent:
        await ask(agent, *range(1, turns + 1))
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
