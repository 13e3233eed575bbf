"""The chat room, on a real server."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from agents_sdk import AgentsApp
from examples.chat_backend import ChatAgent
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio


async def test_what_one_says_all_see_and_a_restart_keeps(tmp_path: Path) -> None:
    said = {"messages": [{"who": "ann", "text": "hello"}]}
    async with served(AgentsApp([ChatAgent], data=tmp_path)) as address:
        url = f"ws://{address}/agents/chat-agent/lobby"
        async with connect(url + "?_pk=ann") as ann, connect(url + "?_pk=bob") as bob:
            for socket in (ann, bob):
                first = [await socket.recv() for _ in range(4)]
                assert first[-1] == "welcome to lobby; 0 messages so far"
            await ann.send("hello")
            assert json.loads(await bob.recv()) == {"type": "cf_agent_state", "state": said}
    async with served(AgentsApp([ChatAgent], data=tmp_path)) as address, httpx.AsyncClient() as client:
        assert (await client.get(f"http://{address}/agents/chat-agent/lobby")).json() == said
