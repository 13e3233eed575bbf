"""A chatbot: its clients are `useAgentChat` of the npm package @cloudflare/ai-chat, or any WebSocket.

python examples/chat_backend.py            serves it on loopback until Ctrl-C
agents dev examples.chat_backend:app       the same, and again whenever the source changes

With OPENAI_API_KEY or OPENAI_BASE_URL in the environment a model answers (CHAT_MODEL says which), otherwise
an echo that says so. Kill the process in the middle of an answer and start it again: the answer is given.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from openai import AsyncOpenAI

from agents_sdk import AgentsApp, ChatAgent, Turn

__all__ = ["Assistant", "app"]

MODEL = os.environ.get("CHAT_MODEL", "gpt-5-mini")


def text_of(message: dict[str, Any]) -> str:
    """The text of a message, without its other parts."""
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


class Assistant(ChatAgent):
    max_persisted_messages = 200

    async def on_start(self) -> None:
        self.models: AsyncOpenAI | None = None
        if "OPENAI_API_KEY" in os.environ or "OPENAI_BASE_URL" in os.environ:
            # A local server asks for no key, but the client wants one.
            self.models = AsyncOpenAI(api_key=os.environ.get("OPENAI_API_KEY", "none"))

    async def on_stop(self) -> None:
        if self.models is not None:
            await self.models.close()

    async def on_chat_message(self, turn: Turn) -> Any:
        if self.models is None:
            return self.echo(text_of(turn.messages[-1]))
        prompt: Any = await turn.prompt()
        return await self.models.chat.completions.create(model=MODEL, messages=prompt, stream=True)

    async def echo(self, text: str) -> AsyncIterator[str]:
        for word in f"There is no model here, so I only repeat: {text}".split(" "):
            yield word + " "
            await asyncio.sleep(0.02)


app = AgentsApp([Assistant])

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=8787,
        ws="agents_sdk.sockets.uvicorn:Protocol",
        ws_max_size=Assistant.message_limit or 1 << 20,
    )
