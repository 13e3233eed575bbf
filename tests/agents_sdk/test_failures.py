"""Hooks that fail, and an app that stops, at every moment of a life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from agents_sdk import Agent, AgentsApp, InvalidState, NotRunning
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio


@dataclass
class World:
    """What outlives an agent."""

    log: list[str] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)


class Fragile(Agent[World, None]):
    """Its name says what fails."""

    def __init__(self) -> None:
        if self.name == "init":
            raise RuntimeError("no object")

    async def on_start(self) -> None:
        self.env.log.append(f"start {self.name}")
        if self.name == "hangs":
            self.env.reached.set()
            await asyncio.Event().wait()
        if self.name == "cancelled":
            raise asyncio.CancelledError

    async def on_stop(self) -> None:
        self.env.log.append(f"stop {self.name}")
        if self.name == "stop":
            raise RuntimeError("not now")

    async def on_request(self, request: Request) -> Response:
        if self.name.isdigit():
            raise HTTPException(int(self.name), "says why", {"x-why": "so"})
        await request.body()
        if self.name == "given-up":
            raise asyncio.CancelledError
        raise RuntimeError("secret")

    async def on_error(self, error: Exception) -> Response | None:
        if self.name == "error":
            raise RuntimeError("on_error fails, too")
        return await super().on_error(error)


class Misfit(Agent[World, dict[str, int]]):
    initial_state = {"n": "not a number"}  # type: ignore[dict-item]  # the mistake


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def app(tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> AgentsApp:
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.05)
    return AgentsApp([Fragile, Misfit], data=tmp_path, env=world)


@pytest.fixture
async def client(app: AgentsApp) -> AsyncIterator[httpx.AsyncClient]:
    async with served(app) as address, httpx.AsyncClient(base_url=f"http://{address}/agents") as client:
        yield client


@pytest.mark.parametrize(
    ("name", "logged"),
    [
        ("init", 'Fragile "init" could not be made'),
        ("error", 'Fragile "error" raised in on_error'),
        ("other", 'Fragile "other"'),
        ("given-up", "what it awaited was cancelled"),
    ],
)
async def test_whatever_raises_the_client_sees_a_500_and_the_log_the_reason(
    client: httpx.AsyncClient, name: str, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get(f"/fragile/{name}")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert logged in caplog.text


@pytest.mark.parametrize(("status", "text"), [(404, "says why"), (204, ""), (304, "")])
async def test_a_refusal_has_a_body_only_where_http_allows_one(
    client: httpx.AsyncClient, status: int, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):  # the second one shows that the connection is in order
        answer = await client.get(f"/fragile/{status}")
        assert (answer.status_code, answer.text, answer.headers["x-why"]) == (status, text, "so")
    assert caplog.text == ""


async def test_a_stop_that_fails_is_reported_and_stops_no_other(
    app: AgentsApp, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with app:
        for name in ("a", "stop", "b"):
            await app.get_agent(Fragile, name)
    assert sorted(world.log[3:]) == ["stop a", "stop b", "stop stop"]
    assert [record.message for record in caplog.records] == ['Fragile "stop"']


async def test_who_waits_for_a_start_that_the_stop_cuts_off_is_told(app: AgentsApp, world: World) -> None:
    async with app:
        waiting = asyncio.create_task(app.get_agent(Fragile, "hangs"))
        await world.reached.wait()
    with pytest.raises(NotRunning, match='Fragile "hangs" was stopped before it had started'):
        await waiting
    assert world.log == ["start hangs"]


async def test_a_start_that_was_cancelled_from_within_ends_the_wait_for_it(app: AgentsApp) -> None:
    async with app:
        with pytest.raises(NotRunning, match="before it had started"):
            await asyncio.wait_for(app.get_agent(Fragile, "cancelled"), 5)


async def test_an_initial_state_that_does_not_fit_is_named(app: AgentsApp) -> None:
    async with app:
        with pytest.raises(InvalidState, match='state of Misfit "a": n: '):
            await app.get_agent(Misfit, "a")


async def test_starting_twice_is_starting_once(app: AgentsApp, world: World) -> None:
    async with app:
        await app.get_agent(Fragile, "a")
        await app.start()
        await app.get_agent(Fragile, "a")
    await app.stop()
    assert world.log == ["start a", "stop a"]


async def asgi(app: AgentsApp, scope: dict[str, Any], *incoming: str) -> list[Message]:
    """What the app sends to a server that says `incoming`."""
    says = iter(incoming)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": next(says)}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def test_a_start_that_fails_is_told_to_the_server(tmp_path: Path) -> None:
    (tmp_path / "agents.db").write_bytes(b"no database at all " * 100)
    [failed] = await asgi(AgentsApp([Fragile], data=tmp_path), {"type": "lifespan"}, "lifespan.startup")
    assert failed["type"] == "lifespan.startup.failed"
    assert failed["message"]


async def test_a_client_that_leaves_is_no_error(app: AgentsApp, caplog: pytest.LogCaptureFixture) -> None:
    here = {"headers": [(b"host", b"localhost")], "server": ("127.0.0.1", 80), "query_string": b""}
    scope = {"type": "http", "scheme": "http", "method": "POST", "path": "/agents/fragile/a", **here}
    async with app:
        await asgi(app, scope, "http.disconnect")
    assert caplog.text == ""


@pytest.mark.parametrize("kind", ["websocket", "websocket.http.response"])
async def test_a_socket_to_nobody_is_refused_by_any_server(app: AgentsApp, kind: str) -> None:
    scope = {"type": "websocket", "path": "/no", "headers": [], "extensions": {kind: {}}}
    sent = await asgi(app, scope, "websocket.connect")
    assert sent[0]["type"] in ("websocket.close", "websocket.http.response.start")
