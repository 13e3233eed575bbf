"""What an app is given, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import types
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Message
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, InvalidAgent, NotRunning
from tests.agents_sdk.served import served
from workflows import Engine, StoreInUse, UnknownWorkflow, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

pytestmark = pytest.mark.anyio


class Double(WorkflowEntrypoint[None, int]):
    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        return event.payload * 2


class Caller(Agent[Any, None]):
    async def double(self, number: int) -> Any:
        return await (await self.workflow(Double).create(params=number)).result()

    async def by_name(self, name: str, number: int) -> Any:
        return await (await self.workflow(name).create(params=number)).result()

    async def by_env(self, number: int) -> Any:
        return await (await self.env.MY_WORKFLOW.create(params=number)).result()


@dataclass
class Settings:
    greeting: str


class Answers(Agent[Settings, None]):
    async def on_request(self, request: Request) -> Response:
        match request.url.path.rpartition("/")[2]:
            case "teapot":
                raise HTTPException(418, "I am one")
            case "nothing":
                return None  # type: ignore[return-value]  # what a forgetful user writes
            case "torn":
                return StreamingResponse(self.torn())
        return PlainTextResponse(f"{self.env.greeting} {await request.body()!r}")

    async def torn(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("secret")

    async def remember(self, text: str) -> list[dict[str, Any]]:
        await self.sql("CREATE TABLE IF NOT EXISTS note(text)")
        await self.sql("INSERT INTO note VALUES (?)", text)
        return await self.sql("SELECT text FROM note")


async def test_workflows_are_reached_by_class_by_name_and_by_env(tmp_path: Path) -> None:
    async with AgentsApp([Caller], {"MY_WORKFLOW": Double}, data=tmp_path) as app:
        caller = await app.get_agent(Caller, "a")
        assert [await caller.double(1), await caller.by_env(2)] == [2, 4]
        assert [await caller.by_name(name, 3) for name in ("MY_WORKFLOW", "Double")] == [6, 6]
        with pytest.raises(UnknownWorkflow, match="Tripple"):
            await caller.by_name("Tripple", 1)


async def test_an_env_of_its_own_has_no_bindings_and_a_missing_one_is_named(tmp_path: Path) -> None:
    async with AgentsApp([Caller], [Double], data=tmp_path) as app:
        with pytest.raises(AttributeError, match="MY_WORKFLOW"):
            await (await app.get_agent(Caller, "a")).by_env(1)
    async with AgentsApp([Caller], [Double], data=tmp_path, env=Settings("hi")) as app:
        assert (await app.get_agent(Caller, "a")).env == Settings("hi")


async def test_an_open_engine_is_shared_and_stays_open(tmp_path: Path) -> None:
    async with Engine(tmp_path / "own.db", [Double]) as engine:
        async with AgentsApp([Caller, Answers], {"MY_WORKFLOW": Double}, engine=engine) as app:
            assert await (await app.get_agent(Caller, "a")).by_env(1) == 2
            await (await app.get_agent(Answers, "a")).remember("x")
        assert await (await engine.workflow(Double).create(params=4)).result() == 8
    assert [file.name for file in (tmp_path / "own-sql").iterdir()] == ["2.db"]


@pytest.mark.parametrize("path", ["engine.db", ":memory:"])
async def test_an_engine_that_is_not_open_is_opened(
    tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = AgentsApp([Answers], engine=Engine(path, []))
    for notes in (1, 2 if path == "engine.db" else 1):
        async with app:
            assert len(await (await app.get_agent(Answers, "a")).remember("x")) == notes


async def test_a_binding_name_is_in_the_url_and_the_class_in_the_identity(tmp_path: Path) -> None:
    app = AgentsApp({"MY_UPPER": Answers, "Other": Answers}, data=tmp_path)
    async with served(app) as address:
        for agent in ("my-upper", "other"):
            async with connect(f"ws://{address}/agents/{agent}/user%20x") as socket:
                identity = json.loads(await socket.recv())
            assert identity == {"type": "cf_agent_identity", "name": "user%20x", "agent": "answers"}


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("teapot", 418, "I am one"),
        ("nothing", 500, "Internal Server Error"),
        ("a/b", 200, "hi b'body'"),
    ],
)
async def test_an_agent_answers_below_its_name(tmp_path: Path, path: str, status: int, text: str) -> None:
    app = AgentsApp([Answers], data=tmp_path, env=Settings("hi"))
    transport = httpx.ASGITransport(app)
    async with app, httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.post(f"/agents/answers/x/{path}", content=b"body")
    assert (answer.status_code, answer.text) == (status, text)


async def test_an_answer_that_breaks_off_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = AgentsApp([Answers], data=tmp_path, env=Settings("hi"))
    async with served(app) as address, httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"http://{address}/agents/answers/x/torn")
    assert any(record.name == "agents_sdk.agent" for record in caplog.records)


async def test_a_second_app_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with AgentsApp([Caller], data=tmp_path):
        with pytest.raises(StoreInUse, match="process"):
            await AgentsApp([Caller], data=tmp_path).start()


async def test_a_server_is_told_in_one_sentence_why_the_app_does_not_start(tmp_path: Path) -> None:
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        told.append(message)

    async with AgentsApp([Caller], data=tmp_path):
        await AgentsApp([Caller], data=tmp_path)({"type": "lifespan"}, receive, send)
    assert told[0]["type"] == "lifespan.startup.failed"
    assert str(os.getpid()) in told[0]["message"]
    assert "\n" not in told[0]["message"]


async def test_agents_are_reached_on_the_loop_of_their_app(tmp_path: Path) -> None:
    async with AgentsApp([Caller], data=tmp_path) as app:
        with pytest.raises(NotRunning, match="on the event loop of their app"):
            await asyncio.to_thread(asyncio.run, app.get_agent(Caller, "a"))


Twin = types.new_class("Caller", (Agent,))


class BadState(Agent[None, asyncio.Event]):
    pass


@pytest.mark.parametrize(
    ("agents", "why"),
    [
        ([Caller, Twin], "two classes are called Caller"),
        ({"A": Caller, "B": Twin}, "two classes are called Caller"),
        ({"MyAgent": Caller, "my_agent": Answers}, 'two agents would answer at "my-agent"'),
        ([Double], "is not a subclass of Agent"),
        ({"A": Double}, "is not a subclass of Agent"),
        ([BadState], "the State of BadState cannot be used"),
    ],
)
def test_classes_that_cannot_be_agents_are_named(tmp_path: Path, agents: Any, why: str) -> None:
    with pytest.raises(InvalidAgent, match=why):
        AgentsApp(agents, data=tmp_path)
