"""The chatbot, on a real server: by itself, and with something that streams as OpenAI does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from websockets.asyncio.client import ClientConnection, connect

from agents_sdk import AgentsApp
from examples.chat_backend import Assistant
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio


async def ask(socket: ClientConnection, text: str) -> str:
    """What it answers."""
    message = {"id": "u1", "role": "user", "parts": [{"type": "text", "text": text}]}
    init = {"method": "POST", "body": json.dumps({"messages": [message], "trigger": "submit-message"})}
    await socket.send(json.dumps({"type": "cf_agent_use_chat_request", "id": "r1", "init": init}))
    said = ""
    while True:
        frame = json.loads(await socket.recv())
        if frame["type"] != "cf_agent_use_chat_response":
            continue
        assert not frame.get("error"), frame["body"]
        if frame["done"]:
            return said
        said += json.loads(frame["body"]).get("delta", "")


async def model(request: Request) -> Response:
    asked = (await request.json())["messages"]
    assert asked == [{"role": "user", "content": "hello"}]

    async def events() -> AsyncIterator[str]:
        for word in ("Good ", "day"):
            piece = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            yield f"data: {json.dumps({**piece, 'choices': [choice]})}\n\n"
        yield "data: [DONE]\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def test_without_a_model_it_repeats_and_a_restart_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    async with (
        served(AgentsApp([Assistant], data=tmp_path)) as address,
        connect(f"ws://{address}/agents/assistant/ann") as socket,
    ):
        assert (await ask(socket, "hello")).endswith("repeat: hello ")
    async with served(AgentsApp([Assistant], data=tmp_path)) as address, httpx.AsyncClient() as client:
        messages = (await client.get(f"http://{address}/agents/assistant/ann/get-messages")).json()
        assert [message["role"] for message in messages] == ["user", "assistant"]


async def test_with_a_model_it_streams_what_that_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = Starlette(routes=[Route("/v1/chat/completions", model, methods=["POST"])])
    async with served(models, lifespan="off") as address:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://{address}/v1")
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        async with (
            served(AgentsApp([Assistant], data=tmp_path)) as chat,
            connect(f"ws://{chat}/agents/assistant/ann") as socket,
        ):
            assert await ask(socket, "hello") == "Good day"
