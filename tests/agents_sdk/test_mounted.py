"""Agents as a part of another app: wherever they are mounted, and whatever their prefix is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from agents_sdk import Agent, AgentsApp, callable  # noqa: A004  # the original's name
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import client

pytestmark = pytest.mark.anyio


class Counter(Agent[None, int]):
    initial_state = 0

    async def on_request(self, request: Request) -> Response:
        return JSONResponse([self.name, self.state, request.url.query])

    @callable()
    async def add(self) -> int:
        await self.set_state(self.state + 1)
        return self.state


def in_fastapi(agents: AgentsApp, path: str) -> ASGIApp:
    outer = FastAPI(lifespan=agents.lifespan)

    @outer.get("/own")
    async def own() -> int:
        return (await agents.get_agent(Counter, "a%20b")).state

    outer.mount(path, agents)
    return outer


def in_starlette(agents: AgentsApp, path: str) -> ASGIApp:
    async def own(request: Request) -> Response:
        return JSONResponse((await agents.get_agent(Counter, "a%20b")).state)

    outer = Starlette(lifespan=agents.lifespan)
    outer.add_route("/own", own)
    outer.routes.append(Mount(path, agents))
    return outer


@pytest.mark.parametrize("outer", [in_fastapi, in_starlette])
@pytest.mark.parametrize(
    ("path", "prefix"), [("", "agents"), ("/api", "agents"), ("/my api/v1", "rooms"), ("/api", "a/b")]
)
async def test_a_mounted_app_serves_sockets_and_requests_beside_the_outer_one(
    tmp_path: Path, outer: Callable[[AgentsApp, str], ASGIApp], path: str, prefix: str
) -> None:
    agents = AgentsApp([Counter], data=tmp_path, prefix=prefix)
    async with served(outer(agents, path)) as address:
        below = f"{address}{path.replace(' ', '%20')}"
        async with client(f"ws://{below}/{prefix}/counter/a%20b") as one, httpx.AsyncClient() as http:
            assert (await one.call("add"))["result"] == 1
            assert (await http.get(f"http://{address}/own")).json() == 1
            answer = await http.get(f"http://{below}/{prefix}/counter/a%20b/more?x=1")
            assert answer.json() == ["a%20b", 1, "x=1"]
            for wrong in (
                f"{below}/other/counter/a",
                f"{below}/counter/a",
                f"{address}/no/{prefix}/counter/a",
            ):
                assert (await http.get(f"http://{wrong}")).status_code == 404
            await agents.stop()
            assert await one.closed() == (1012, "service restart")
