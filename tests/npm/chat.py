"""`ChatEcho` and its kin: what they answer is said by the text of the last message."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import PlainTextResponse, Response

from agents_sdk import ChatAgent, Turn, callable  # noqa: A004
from tests.npm.answers import answer, text_of

__all__ = ["ChatDrop", "ChatEcho", "ChatLatest"]

_PAUSE = re.compile(r"pre:(\d+)")


class ChatEcho(ChatAgent[None, Any]):
    async def on_start(self) -> None:
        self.calls: list[dict[str, Any]] = []

    async def on_chat_message(self, turn: Turn) -> Response | AsyncIterator[dict[str, Any]] | None:
        text = text_of(turn.messages)
        self.calls.append(
            {
                "text": text,
                "body": turn.body,
                "clientTools": turn.client_tools,
                "requestId": turn.request_id,
                "continuation": turn.continuation,
            }
        )
        if (pause := _PAUSE.match(text)) is not None:
            await asyncio.sleep(int(pause[1]) / 1000)
        if text.startswith("throw"):
            raise RuntimeError("the handler failed")
        if text.startswith("plain"):
            return PlainTextResponse("plain text reply")
        return None if text.startswith("none") else answer(text, turn.messages)

    @callable(name="getBodies")
    def get_bodies(self) -> list[dict[str, Any]]:
        return self.calls

    @callable(name="getTurnCount")
    def get_turn_count(self) -> int:
        return len(self.calls)

    @callable(name="serverSay")
    async def server_say(self, text: str) -> dict[str, Any]:
        said = {"id": f"s-{uuid.uuid4().hex}", "role": "user", "parts": [{"type": "text", "text": text}]}
        result = await self.save_messages([said])
        return {"requestId": result.request_id, "status": result.status, "error": result.error}


class ChatLatest(ChatEcho):
    message_concurrency = "latest"


class ChatDrop(ChatEcho):
    message_concurrency = "drop"
    max_persisted_messages = 4
