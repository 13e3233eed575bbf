"""Chats that tests talk to: what is said decides what is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import connect

from agents_sdk import Answered, ChatAgent, Turn, callable  # noqa: A004  # the original's name
from tests.agents_sdk.wire import Client

__all__ = ["Echo", "Gates", "Said", "ask", "chunks_in", "stored", "talking", "text_of", "user"]

Said = list[tuple[str, str]]
"""Who said what."""


class Gates:
    """Points at which an answer waits until a test lets it go on."""

    def __init__(self) -> None:
        self._open: dict[str, asyncio.Event] = {}
        self._reached: dict[str, asyncio.Event] = {}

    async def wait(self, name: str) -> None:
        """Waits at a gate."""
        self._reached.setdefault(name, asyncio.Event()).set()
        await self._open.setdefault(name, asyncio.Event()).wait()

    def open(self, name: str) -> None:
        """Lets everybody through from now on."""
        self._open.setdefault(name, asyncio.Event()).set()

    def close(self, name: str) -> None:
        """Lets nobody through from now on."""
        self._open[name] = asyncio.Event()
        self._reached[name] = asyncio.Event()

    async def reached(self, name: str) -> None:
        """Returns when somebody waits there."""
        await asyncio.wait_for(self._reached.setdefault(name, asyncio.Event()).wait(), 5)


class Echo(ChatAgent[Gates, Any]):
    """Says what it is told, word by word; `gate:NAME` waits there, in the place of a word."""

    async def on_start(self) -> None:
        self.turns: list[Turn] = []
        self.began: list[float] = []
        self.answered: list[Answered] = []

    async def on_chat_message(self, turn: Turn) -> Any:
        self.turns.append(turn)
        self.began.append(self.ctx.clock.now())
        text = text_of(turn.messages[-1])
        if text.startswith("pre:"):
            await self.env.wait(text.split()[0])
        if text.startswith("throw"):
            raise ValueError("no answer today")
        if text.startswith("none"):
            return None
        return text if text.startswith("plain") else self._chunks(text)

    async def _chunks(self, text: str) -> AsyncIterator[dict[str, Any]]:
        yield {"type": "start"}
        yield {"type": "text-start", "id": "t1"}
        for word in text.split():
            if word.startswith("gate:"):
                await self.env.wait(word)
            elif word == "fail":
                raise ValueError("broken")
            elif word == "cancelled":
                raise asyncio.CancelledError
            elif word == "error":
                yield {"type": "error", "errorText": "mid-stream failure"}
            else:
                yield {"type": "text-delta", "id": "t1", "delta": f"{word} "}
        yield {"type": "text-end", "id": "t1"}
        yield {"type": "finish"}

    async def on_chat_response(self, response: Answered) -> None:
        self.answered.append(response)

    @callable()
    async def say(self, text: str) -> str:
        result = await self.save_messages([*self.messages, user("server", text)])
        return result.status


def user(id: str, text: str) -> dict[str, Any]:
    """A message of the user."""
    return {"id": id, "role": "user", "parts": [{"type": "text", "text": text}]}


def text_of(message: dict[str, Any]) -> str:
    """All text of a message."""
    return "".join(part.get("text", "") for part in message["parts"] if part["type"] == "text")


@asynccontextmanager
async def talking(
    address: str, id: str, *, chat: str = "echo", name: str = "a", first: Sequence[str] = ()
) -> AsyncIterator[Client]:
    """A client of a chat; `first` are the types of the frames before the greeting."""
    url = f"ws://{address}/agents/{chat}/{name}?_pk={id}"
    async with connect(url, max_size=None) as socket:
        one = Client(socket)
        types = [frame["type"] for frame in await one.next(len(first) + 2)]
        assert types == [*first, "cf_agent_identity", "cf_agent_mcp_servers"]
        yield one


async def ask(client: Client, request: str, *messages: dict[str, Any], **more: Any) -> None:
    """Submits a transcript."""
    body = json.dumps({"messages": list(messages), "trigger": "submit-message", **more})
    init = {"method": "POST", "body": body}
    await client.send({"type": "cf_agent_use_chat_request", "id": request, "init": init})


async def until(client: Client, type: str, **wanted: Any) -> list[dict[str, Any]]:
    """All frames up to the first one of this type that has these values."""
    frames: list[dict[str, Any]] = []
    while True:
        frames += await client.next()
        last = frames[-1]
        if last["type"] == type and all(last.get(key) == value for key, value in wanted.items()):
            return frames


def chunks_in(frames: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The chunks that these frames carry."""
    return [
        json.loads(frame["body"])
        for frame in frames
        if frame["type"] == "cf_agent_use_chat_response" and frame["body"].startswith("{")
    ]


def words(frames: Sequence[dict[str, Any]]) -> str:
    """The text that these frames carry."""
    return "".join(chunk.get("delta", "") for chunk in chunks_in(frames))


async def stored(address: str, *, chat: str = "echo", name: str = "a") -> list[tuple[str, str]]:
    """Who said what, as it is stored."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://{address}/agents/{chat}/{name}/get-messages?x=1")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    return [(message["role"], text_of(message)) for message in answer.json()]
