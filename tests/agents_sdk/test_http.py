"""Agents over HTTP, on a real server."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount

from agents_sdk import Agent, AgentsApp, NotRunning, UnknownAgent
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio


class CounterAgent(Agent[None, int]):
    initial_state = 0
    lives = 0

    async def on_start(self) -> None:
        self.lives += 1

    async def on_request(self, request: Request) -> Response:
        match request.method:
            case "POST":
                await self.set_state(self.state + 1)
            case "DELETE":
                raise RuntimeError("secret detail")
        return JSONResponse({"name": self.name, "n": self.state, "lives": self.lives})


class MoodyAgent(Agent[None, None]):
    starts = 0

    async def on_start(self) -> None:
        MoodyAgent.starts += 1
        if MoodyAgent.starts == 1:
            raise RuntimeError("not today")

    async def on_request(self, request: Request) -> Response:
        if request.method == "POST":
            raise RuntimeError("not like this")
        return await super().on_request(request)

    async def on_error(self, error: Exception) -> Response | None:
        return JSONResponse({"sorry": str(error)}, status_code=418)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = AgentsApp([CounterAgent, MoodyAgent], data=tmp_path)
    async with served(app) as address, httpx.AsyncClient(base_url=f"http://{address}") as client:
        yield client


async def test_each_name_is_an_agent_of_its_own_with_one_life(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await client.post("/agents/counter-agent/a")
    answer = await client.post("/agents/counter-agent/b")
    assert answer.json() == {"name": "b", "n": 1, "lives": 1}
    assert (await client.get("/agents/counter-agent/a")).json() == {"name": "a", "n": 3, "lives": 1}


async def test_a_hook_that_raises_gives_a_plain_500(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/agents/counter-agent/a")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/agents/nobody/a", 400, "Invalid request"),
        ("/agents/Counter-Agent/a", 400, "Invalid request"),
        ("/agents/counter-agent", 404, "Not Found"),
        ("/", 404, "Not Found"),
    ],
)
async def test_what_is_no_agent_is_refused(
    client: httpx.AsyncClient, path: str, status: int, text: str
) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.text) == (status, text)


async def test_an_agent_without_on_request_answers_404(tmp_path: Path) -> None:
    quiet = type("QuietAgent", (Agent,), {})
    async with served(AgentsApp([quiet], data=tmp_path)) as address, httpx.AsyncClient() as client:
        answer = await client.get(f"http://{address}/agents/quiet-agent/a")
        assert (answer.status_code, answer.text) == (404, "Not implemented")


async def test_a_failed_start_is_tried_again_for_the_next_event(client: httpx.AsyncClient) -> None:
    MoodyAgent.starts = 0
    first = await client.get("/agents/moody-agent/a")
    assert (first.status_code, first.json()) == (418, {"sorry": "not today"})
    assert (await client.get("/agents/moody-agent/a")).text == "Not implemented"


async def test_what_on_error_returns_answers_a_request(client: httpx.AsyncClient) -> None:
    MoodyAgent.starts = 1
    answer = await client.post("/agents/moody-agent/a")
    assert (answer.status_code, answer.json()) == (418, {"sorry": "not like this"})


async def test_a_mounted_app_is_started_by_its_lifespan(tmp_path: Path) -> None:
    agents = AgentsApp([CounterAgent], data=tmp_path)
    outer = Starlette(routes=[Mount("/api", agents)], lifespan=agents.lifespan)
    async with served(outer) as address, httpx.AsyncClient() as client:
        answer = await client.post(f"http://{address}/api/agents/counter-agent/a")
        assert answer.json()["n"] == 1


async def test_a_mounted_app_that_was_not_started_says_how(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outer = Starlette(routes=[Mount("/api", AgentsApp([CounterAgent], data=tmp_path))])
    async with served(outer) as address, httpx.AsyncClient() as client:
        with caplog.at_level(logging.ERROR, logger="agents_sdk"):
            answer = await client.get(f"http://{address}/api/agents/counter-agent/a")
    assert answer.status_code == 503
    assert "FastAPI(lifespan=agents.lifespan)" in caplog.text


async def test_in_process_calls_reach_the_agent_that_serves(tmp_path: Path) -> None:
    app = AgentsApp([CounterAgent], data=tmp_path)
    async with served(app) as address, httpx.AsyncClient() as client:
        await client.post(f"http://{address}/agents/counter-agent/a")
        agent = await app.get_agent(CounterAgent, "a")
        assert (agent.state, agent is await app.get_agent(CounterAgent, "a")) == (1, True)


async def test_unknown_classes_and_stopped_apps_are_named(tmp_path: Path) -> None:
    app = AgentsApp([CounterAgent], data=tmp_path)
    with pytest.raises(NotRunning, match="not started"):
        await app.get_agent(CounterAgent, "a")
    async with app:
        with pytest.raises(UnknownAgent, match="MoodyAgent"):
            await app.get_agent(MoodyAgent, "a")
