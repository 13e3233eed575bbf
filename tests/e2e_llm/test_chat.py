"""A chat backend whose process is killed in the middle of an answer, with a client that comes back."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.agents_sdk.chat.chats import ask, stored, talking, user, words
from tests.agents_sdk.wire import Client
from tests.e2e_llm.conftest import Small

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]

ROOT = Path(__file__).parent.parent.parent
SHOWN = 30
"""Characters that the client has seen before the kill."""


@asynccontextmanager
async def backend(folder: Path, small: Small, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`examples/chat_backend.py`, served by uvicorn in a process of its own."""
    command = [sys.executable, "-m", "uvicorn", "examples.chat_backend:app", "--port", str(port)]
    environ = os.environ | {"OPENAI_BASE_URL": small.url, "CHAT_MODEL": "small", "PYTHONPATH": str(ROOT)}
    process = await asyncio.create_subprocess_exec(
        *command, "--log-level", "warning", "--ws", "websockets-sansio", cwd=folder, env=environ
    )
    try:
        async with httpx.AsyncClient() as http:
            while not await _up(http, port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _up(http: httpx.AsyncClient, port: int) -> bool:
    try:
        await http.get(f"http://127.0.0.1:{port}/")
    except httpx.TransportError:
        return False
    return True


async def test_killed_in_the_middle_of_an_answer(small: Small, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    question = "Tell a long story about a river, a bridge and a fox."
    async with backend(tmp_path, small, port) as killed, talking(address, "ann", chat="assistant") as ann:
        await ask(ann, "r1", user("u1", question))
        frames = await told(ann, lambda frames: len(words(frames)) >= SHOWN)
        await asyncio.sleep(0.2)  # what is shown is on the disk 50 ms later
        killed.kill()
    shown = words(frames)

    async with backend(tmp_path, small, port):
        kept = await stored(address, chat="assistant")
        assert kept[0] == ("user", question)
        async with asyncio.timeout(120):
            while not await _answered(address):  # noqa: ASYNC110  # it is another process
                await asyncio.sleep(0.1)
            async with talking(address, "ben", chat="assistant") as ben:
                await ask(ben, "r2", *await _messages(address), user("u2", "Say one word."))
                again = await told(ben, lambda frames: frames[-1].get("done") is True)
        kept = await stored(address, chat="assistant")
    assert [role for role, _ in kept] == ["user", "assistant", "user", "assistant"]
    answer = kept[1][1]
    assert len(answer) > SHOWN
    assert answer.count(shown[:SHOWN]) <= 1, "the beginning that was shown is there once, or not at all"
    assert words(again) == kept[3][1]


async def told(client: Client, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """What comes until it is enough; a small model is slow on a busy machine."""
    frames: list[dict[str, Any]] = []
    while not frames or not enough(frames):
        frames.append(json.loads(await client.socket.recv()))
    return frames


async def _messages(address: str) -> list[dict[str, object]]:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://{address}/agents/assistant/a/get-messages")
    return list(answer.json())


async def _answered(address: str) -> bool:
    messages = await _messages(address)
    parts: object = messages[-1].get("parts")
    return messages[-1]["role"] == "assistant" and '"state": "streaming"' not in str(parts).replace("'", '"')
