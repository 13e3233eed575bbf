"""What others see of a state while its commit is under way."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, Connection, InvalidState
from tests.agents_sdk.served import served
from workflows import Engine, Statement, Store, WorkflowError

pytestmark = pytest.mark.anyio

CHANGED = '{"type":"cf_agent_state","state":{"n":1}}'
NOT_JSON = [(1, 2), {1: 2}, {"x": {1}}, float("nan"), object(), "\ud800", "x" * (1 << 20)]


class Tally(Agent[None, dict[str, int]]):
    initial_state = {"n": 0}

    async def add(self, by: int) -> None:
        await self.set_state({"n": self.state["n"] + by})

    async def on_request(self, request: Request) -> Response:
        return JSONResponse(self.state)

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        connection.send(str(self.state["n"]))


class Blank(Agent[None, dict[str, int]]):
    pass


class Loose(Agent):
    """Neither Env nor State: any JSON, also none."""


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with Engine(tmp_path / "engine.db", []) as engine:
        yield engine


@pytest.fixture
async def app(engine: Engine) -> AsyncIterator[AgentsApp]:
    async with AgentsApp([Tally, Blank, Loose], engine=engine) as app:
        yield app


@contextmanager
def writer_held(store: Store) -> Iterator[None]:
    """Nothing is committed inside."""
    go = threading.Event()
    store.write(lambda connection: go.wait(20))
    try:
        yield
    finally:
        go.set()


async def test_changes_that_run_side_by_side_are_all_kept(app: AgentsApp) -> None:
    tally = await app.get_agent(Tally, "a")
    await asyncio.gather(*(tally.add(1) for _ in range(100)))
    assert tally.state == {"n": 100}


async def test_a_change_is_acknowledged_after_its_commit(app: AgentsApp, engine: Engine) -> None:
    tally = await app.get_agent(Tally, "a")
    with writer_held(engine.store):
        change = asyncio.create_task(tally.add(1))
        assert (await asyncio.wait([change], timeout=0.05))[0] == set()
        assert tally.state == {"n": 1}  # but code beside it builds on it
    await change
    assert await engine.store.read("SELECT version, CAST(state AS TEXT) FROM agent_state") == [(1, '{"n":1}')]


async def test_an_answer_waits_for_the_commit_of_what_it_shows(app: AgentsApp, engine: Engine) -> None:
    tally = await app.get_agent(Tally, "a")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        with writer_held(engine.store):
            change = asyncio.create_task(tally.add(1))
            await asyncio.sleep(0)
            answer = asyncio.create_task(client.get("/agents/tally/a"))
            assert (await asyncio.wait([answer], timeout=0.05))[0] == set()
        assert (await answer).json() == {"n": 1}
        await change


async def test_a_message_waits_for_the_commit_of_what_it_shows(tmp_path: Path) -> None:
    async with Engine(tmp_path / "engine.db", []) as engine:
        app = AgentsApp([Tally], engine=engine)
        async with served(app) as address, connect(f"ws://{address}/agents/tally/a") as socket:
            for _ in range(3):
                await socket.recv()
            tally = await app.get_agent(Tally, "a")
            with writer_held(engine.store):
                change = asyncio.create_task(tally.add(1))
                await asyncio.sleep(0)
                await socket.send("how many?")
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(socket.recv(), 0.1)
            assert [await socket.recv() for _ in range(2)] == [
                "1",
                '{"type":"cf_agent_state","state":{"n":1}}',
            ]
            await change


async def test_a_change_that_cannot_be_committed_is_undone(app: AgentsApp, engine: Engine) -> None:
    tally = await app.get_agent(Tally, "a")
    await tally.add(1)
    await engine.store.write(Statement("ALTER TABLE agent_state RENAME TO gone"))
    with pytest.raises((sqlite3.Error, WorkflowError)):
        await tally.add(1)
    assert tally.state == {"n": 1}


async def test_a_change_that_fails_undoes_none_that_came_after_it(app: AgentsApp, engine: Engine) -> None:
    tally = await app.get_agent(Tally, "a")
    await engine.store.write(
        Statement(
            "CREATE TEMP TRIGGER refuses BEFORE INSERT ON main.agent_state"
            """ WHEN CAST(NEW.state AS TEXT) = '{"n":13}' BEGIN SELECT RAISE(ABORT, 'unlucky'); END"""
        )
    )
    failed, kept = await asyncio.gather(tally.add(13), tally.add(1), return_exceptions=True)
    assert (isinstance(failed, sqlite3.Error | WorkflowError), kept, tally.state) == (True, None, {"n": 14})


async def test_a_change_of_a_cancelled_caller_happens(app: AgentsApp, engine: Engine) -> None:
    tally = await app.get_agent(Tally, "a")
    with writer_held(engine.store):
        change = asyncio.create_task(tally.add(1))
        await asyncio.sleep(0)
        change.cancel()
        await asyncio.wait([change])
    await tally.add(1)
    assert await engine.store.read("SELECT version, CAST(state AS TEXT) FROM agent_state") == [(2, '{"n":2}')]


async def test_there_is_no_state_before_the_first_one(app: AgentsApp) -> None:
    blank = await app.get_agent(Blank, "a")
    with pytest.raises(InvalidState, match='Blank "a" has no state yet: give its class an initial_state'):
        _ = blank.state
    await blank.set_state({"n": 1})
    assert blank.state == {"n": 1}


async def test_an_agent_without_a_type_takes_any_json(app: AgentsApp) -> None:
    loose = await app.get_agent(Loose, "a")
    assert loose.state is None
    for value in ({"a": [1, 2.5, None, True, 2**70]}, "text", None):
        await loose.set_state(value)
        assert loose.state == value


@pytest.mark.parametrize(
    "value", [(1, 2), {1: 2}, {"x": {1}}, float("nan"), object(), "\ud800", "x" * (1 << 20)]
)
async def test_what_json_would_change_is_refused(app: AgentsApp, value: object) -> None:
    loose = await app.get_agent(Loose, "a")
    with pytest.raises(InvalidState) as refused:
        await loose.set_state(value)
    assert "\n" not in str(refused.value)
    assert loose.state is None
