"""The transcript over HTTP: clients fetch it before they connect."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from agents_sdk.agent import Agent
from agents_sdk.chat.chat import Chat

__all__ = ["messages", "wants_messages"]

_THREADED = 100  # messages from which on they are encoded beside the loop


def wants_messages(request: Request) -> bool:
    """Whether the last segment of the path, as it stands in the URL, asks for them, by whatever method."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    return raw.partition(b"?")[0].rpartition(b"/")[-1] == b"get-messages"


async def messages(agent: Agent[Any, Any]) -> Response:
    """All messages that are stored, as JSON."""
    chat = agent.ctx.part(Chat)
    await chat.rows.settled()
    found = chat.transcript.messages
    encoded = await asyncio.to_thread(_encoded, found) if len(found) > _THREADED else _encoded(found)
    return Response(encoded, media_type="application/json")


def _encoded(found: object) -> bytes:
    return to_json(found, inf_nan_mode="null")
