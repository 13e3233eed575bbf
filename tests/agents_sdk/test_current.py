"""For whom code runs: seen from hooks, calls, tasks and other code."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk import Agent, AgentsApp, Connection, Current, callable, current_agent  # noqa: A004
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import client

pytestmark = pytest.mark.anyio


def who() -> tuple[str | None, str | None, str | None]:
    """The names of the current agent and connection, and the path of the request."""
    current = current_agent()
    return (
        None if current.agent is None else current.agent.name,
        None if current.connection is None else current.connection.id,
        None if current.request is None else current.request.url.path,
    )


class Asked(Agent[dict[str, list[Any]], dict[str, int]]):
    initial_state = {"n": 0}

    def note(self, where: str) -> None:
        self.env["seen"].append((where, *who()))

    async def on_start(self) -> None:
        self.note("start")

    async def on_stop(self) -> None:
        self.note("stop")

    async def on_connect(self, connection: Connection, request: HTTPConnection) -> None:
        self.note("connect")

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        self.note("message")
        self.spawn(self.later())

    async def later(self) -> None:
        await asyncio.sleep(0)
        self.note("task")

    async def on_state_changed(self, state: dict[str, int], source: object) -> None:
        self.note("state")

    async def on_request(self, request: Request) -> Response:
        self.note("request")
        return PlainTextResponse("answered")

    @callable()
    async def slow(self) -> list[str | None]:
        before = who()
        while len(self.env["waiting"]) < 2:
            self.env["waiting"].append(before[1])
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [before[1], who()[1]]

    async def ask(self) -> tuple[str | None, str | None, str | None]:
        return who()

    def plain(self) -> tuple[str | None, str | None, str | None]:
        return who()

    @callable()
    async def ask_other(self, name: str) -> list[tuple[str | None, str | None, str | None]]:
        other = await self.get_agent(Asked, name)
        return [await other.ask(), other.plain(), who()]


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture
def app(tmp_path: Path, seen: list[Any]) -> AgentsApp:
    return AgentsApp([Asked], data=tmp_path, env={"seen": seen, "waiting": []})


async def test_hooks_see_the_connection_that_asked(app: AgentsApp, seen: list[Any]) -> None:
    async with served(app) as address, client(f"ws://{address}/agents/asked/a?_pk=me") as me:
        await me.send("hello")
        await me.send({"type": "cf_agent_state", "state": {"n": 1}})
        await me.call("slow")
    assert seen == [
        ("start", "a", None, None),
        ("connect", "a", "me", "/agents/asked/a"),
        ("message", "a", "me", None),
        ("task", "a", "me", None),
        ("state", "a", "me", None),
        ("stop", "a", None, None),
    ]


async def test_a_request_is_seen_while_it_is_answered(app: AgentsApp, seen: list[Any]) -> None:
    async with served(app) as address, httpx.AsyncClient() as client:
        assert (await client.get(f"http://{address}/agents/asked/a/x?y=1")).text == "answered"
    assert seen[1:-1] == [("request", "a", None, "/agents/asked/a/x")]


async def test_calls_of_two_clients_do_not_mix(app: AgentsApp) -> None:
    async with served(app) as address:
        url = f"ws://{address}/agents/asked/a?_pk="
        async with client(url + "one") as one, client(url + "two") as two:
            answers = await asyncio.gather(one.call("slow"), two.call("slow"))
    assert [answer["result"] for answer in answers] == [["one", "one"], ["two", "two"]]


async def test_other_code_is_nobody_and_comes_back_to_what_it_was(app: AgentsApp) -> None:
    async with app:
        first, second = await app.get_agent(Asked, "a"), await app.get_agent(Asked, "b")
        assert [await first.ask(), await second.ask()] == [("a", None, None), ("b", None, None)]
        assert current_agent() == Current()


async def test_another_agent_is_asked_by_nobody(app: AgentsApp) -> None:
    async with served(app) as address, client(f"ws://{address}/agents/asked/a?_pk=me") as me:
        b, a = ["b", None, None], ["a", "me", None]
        assert (await me.call("ask_other", "b"))["result"] == [b, b, a]
