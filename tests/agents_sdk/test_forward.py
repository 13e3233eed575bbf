"""A path of the outer app that is served by an agent of its choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from agents_sdk import Agent, AgentsApp, UnknownAgent
from tests.agents_sdk.security.calls import call, upgrade
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio


class Counter(Agent[Any, int]):
    initial_state = 0

    async def on_request(self, request: Request) -> Response:
        return JSONResponse([self.name, request.url.path, request.url.query])


class Stranger(Agent[Any, None]):
    pass


async def bad_token(request: HTTPConnection, agent: str, name: str) -> Response | None:
    assert (agent, name) == ("my-counter", "server-picked")
    return PlainTextResponse("Unauthorized", 401) if request.query_params.get("token") == "bad" else None


class Outer:
    """Sends one path to an agent, and the rest to the app."""

    def __init__(self, folder: Path) -> None:
        self.agents = AgentsApp(
            {"MyCounter": Counter},
            data=folder,
            on_before_connect=bad_token,
            on_before_request=bad_token,
            cors=True,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"].startswith("/custom-path"):
            await self.agents.forward(Counter, "server-picked", scope, receive, send)
        else:
            await self.agents(scope, receive, send)


async def test_the_server_picks_the_agent(tmp_path: Path) -> None:
    async with served(Outer(tmp_path)) as address, httpx.AsyncClient(base_url=f"http://{address}") as client:
        async with connect(f"ws://{address}/custom-path?_pk=c1") as socket:
            identity = json.loads(await socket.recv())
        assert (identity["name"], identity["agent"]) == ("server-picked", "counter")
        answer = await client.get("/custom-path/get-messages?x=1")
        assert answer.json() == ["server-picked", "/custom-path/get-messages", "x=1"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert (await client.get("/other")).status_code == 404


async def test_what_is_forwarded_passes_the_gate(tmp_path: Path) -> None:
    outer = Outer(tmp_path)
    async with served(outer) as address:
        with pytest.raises(InvalidStatus, match="401"):
            await connect(f"ws://{address}/custom-path?token=bad")
        assert (await upgrade(outer, "/custom-path", {"origin": "https://evil.example"})).status == 403
        assert (await call(outer, "/custom-path", {"host": "evil.example"})).status == 421
        assert not outer.agents._hosts._hosts
    assert (await call(outer, "/custom-path")).status == 503


async def test_what_cannot_be_picked_is_named(tmp_path: Path) -> None:
    agents: Any = Outer(tmp_path).agents
    with pytest.raises(UnknownAgent, match="Stranger"):
        await agents.forward(Stranger, "a", {}, None, None)
    with pytest.raises(TypeError, match="is a str"):
        await agents.forward(Counter, 7, {}, None, None)
