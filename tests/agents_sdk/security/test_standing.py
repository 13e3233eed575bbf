"""SEC-5: who may not be here any more does nothing any more, also over a socket that is open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, Connection, callable, current_agent  # noqa: A004  # the original's name
from agents_sdk.security import Principal, principal_of
from agents_sdk.security.standing import Standing
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


class Desk(Agent[list[Any], dict[str, int]]):
    initial_state = {"n": 0}

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        self.env.append(message)

    async def on_close(self, connection: Connection, code: int, reason: str, was_clean: bool) -> None:
        if code == 3000 and self.env is not None:
            self.env.append(self.ctx.clock.now())

    @callable()
    async def who(self) -> str | None:
        self.env.append("who")
        asking = current_agent().connection
        assert asking is not None
        principal = principal_of(asking)
        return principal.id if principal else None


@asynccontextmanager
async def connected(folder: Path, principal: Principal | None, **options: Any) -> AsyncIterator[Client]:
    """A client that was let in as `principal`, after its greeting; `env` collects what is done for it."""

    async def hook(_: HTTPConnection, agent: str, name: str) -> Principal | None:
        return principal

    app = AgentsApp([Desk], data=folder, on_before_connect=hook, **options)
    async with served(app) as address, connect(f"ws://{address}/agents/desk/a") as socket:
        client = Client(socket)
        await client.next(3)
        yield client


async def test_sec_5_a_call_knows_who_asks(tmp_path: Path) -> None:
    async with connected(tmp_path, Principal("ann"), env=[]) as client:
        assert await client.call("who") == {"success": True, "done": True, "result": "ann"}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    "message",
    [
        {"type": "rpc", "id": "1", "method": "who", "args": []},
        {"type": "cf_agent_state", "state": {"n": 9}},
        "hello",
        b"hello",
    ],
)
async def test_sec_5_who_was_revoked_does_nothing_more(
    tmp_path: Path, message: Any, asynchronous: bool
) -> None:
    allowed, done = {"ann"}, list[Any]()

    async def slowly() -> bool:
        await asyncio.sleep(0)
        return "ann" in allowed

    still = slowly if asynchronous else lambda: "ann" in allowed
    async with connected(tmp_path, Principal("ann", still=still), env=done) as client:
        await client.call("who")
        allowed.clear()
        await client.send(message)
        assert await client.closed() == (1008, "not allowed any more")
    assert done == ["who"]
    async with AgentsApp([Desk], data=tmp_path, env=[]) as app:
        assert (await app.get_agent(Desk, "a")).state == {"n": 0}


async def test_sec_5_who_only_listens_is_closed_within_30_seconds(tmp_path: Path) -> None:
    clock, asked = VirtualClock(), list[float]()

    def still() -> bool:
        asked.append(clock.now())
        return len(asked) < 3

    began = clock.now()
    async with connected(tmp_path, Principal("ann", still=still), clock=clock) as client:
        assert await client.closed() == (1008, "not allowed any more")
    assert [at - began for at in asked] == pytest.approx([30, 60, 90], abs=1)


async def test_sec_5_a_principal_ends_in_time(tmp_path: Path) -> None:
    clock = VirtualClock()
    until, closed_at = clock.now() + 40, list[Any]()
    async with connected(tmp_path, Principal("ann", until=until), clock=clock, env=closed_at) as client:
        assert await client.closed() == (3000, "your time is up: come again")
    assert closed_at == [pytest.approx(until, abs=1)]


async def test_sec_5_what_comes_too_late_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def asleep(_self: object, _close: object) -> None: ...

    monkeypatch.setattr(Standing, "watch", asleep)
    done: list[Any] = []
    async with connected(tmp_path, Principal("ann", until=time.time() + 60), env=done) as client:
        await client.call("who")
        monkeypatch.setattr("workflows.clock.time.time", lambda: 1e10)
        await client.send("too late")
        assert await client.closed() == (3000, "your time is up: come again")
    assert done == ["who", 1e10]


async def test_sec_5_when_it_cannot_be_asked_nobody_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def still() -> bool:
        raise RuntimeError("the database is away")

    done: list[Any] = []
    async with connected(tmp_path, Principal("ann", still=still), env=done) as client:
        await client.send("hello")
        assert (await client.closed())[0] == 1011
    assert done == []
    assert "the database is away" in caplog.text
