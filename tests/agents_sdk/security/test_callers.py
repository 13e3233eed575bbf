"""SEC-11: how much one principal may have."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, Connection, callable  # noqa: A004  # the original's name
from agents_sdk.security import Limits, Principal, modest_cron, modest_interval
from tests.agents_sdk.family import Inbox
from tests.agents_sdk.family import app as family
from tests.agents_sdk.security.calls import call, upgrade
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client

pytestmark = pytest.mark.anyio


class Desk(Agent[dict[str, Any], None]):
    async def on_request(self, request: Request) -> Response:
        if "slow" in request.query_params:
            await self.wait()
        return PlainTextResponse("done")

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        connection.send(message)

    @callable()
    async def end(self) -> None:
        await self.destroy()

    @callable()
    async def wait(self) -> None:
        self.env["waiting"].release()
        await self.env["go"].wait()


async def named(request: HTTPConnection, agent: str, name: str) -> Principal | None:
    who = request.headers.get("who")
    return Principal(who) if who else None


def app_with(folder: Path, limits: Limits) -> AgentsApp:
    env = {"waiting": asyncio.Semaphore(0), "go": asyncio.Event()}
    return AgentsApp(
        [Desk], data=folder, env=env, limits=limits, on_before_connect=named, on_before_request=named
    )


ANN, BOB = {"who": "ann"}, {"who": "bob"}


async def test_sec_11_agents_of_one_principal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    limits = Limits(agents=3)
    async with app_with(tmp_path, limits) as app:
        await app.get_agent(Desk, "ours")
        for name in ("a", "b", "ours", "a", "b", "c", "a"):
            assert (await call(app, f"/agents/desk/{name}", ANN)).status == 200
    async with app_with(tmp_path, limits) as app:  # it is kept
        for ask in (call, upgrade):
            assert (await ask(app, "/agents/desk/d", ANN)).status == 429
            assert (await ask(app, "/agents/desk/c", ANN)).status in (101, 200)
        assert [one.name for one in await app.list_agents(Desk)] == ["a", "b", "c", "ours"]
        assert (await call(app, "/agents/desk/d", BOB)).status == 200
        assert (await call(app, "/agents/desk/d", ANN)).status == 200
        assert (await call(app, "/agents/desk/e")).status == 200  # somebody unnamed on this machine
    assert "principal 'ann' has made 3 agents" in caplog.text


async def test_sec_11_one_that_is_destroyed_counts_no_more(tmp_path: Path) -> None:
    async with app_with(tmp_path, Limits(agents=1)) as app:
        assert (await call(app, "/agents/desk/a", ANN)).status == 200
        await (await app.get_agent(Desk, "a")).end()
    async with app_with(tmp_path, Limits(agents=1)) as app:
        assert (await call(app, "/agents/desk/b", ANN)).status == 200
        assert (await call(app, "/agents/desk/a", ANN)).status == 429


async def test_sec_11_sub_agents_that_a_client_reaches_count(tmp_path: Path) -> None:
    app = family(tmp_path, limits=Limits(agents=2), on_before_connect=named, on_before_request=named)
    note = "/agents/inbox/a/sub/note"
    async with app:
        for name in ("x", "x"):
            assert (await call(app, f"{note}/{name}", ANN)).status == 200
        assert (await call(app, f"{note}/y", ANN)).status == 429
        assert (await upgrade(app, f"{note}/y", ANN)).closed == 4429
        assert (await call(app, f"{note}/y", BOB)).status == 200
        await (await app.get_agent(Inbox, "a")).note("made by the agent itself")


async def test_sec_11_calls_of_one_principal_under_way(tmp_path: Path) -> None:
    app = app_with(tmp_path, Limits(calls=2))
    async with (
        served(app) as address,
        connect(f"ws://{address}/agents/desk/a", additional_headers=ANN) as first,
        connect(f"ws://{address}/agents/desk/b", additional_headers=ANN) as second,
        connect(f"ws://{address}/agents/desk/b", additional_headers=BOB) as other,
    ):
        ann, too, bob = Client(first), Client(second), Client(other)
        for one in (ann, too, bob):
            await one.next(2)
        env = (await app.get_agent(Desk, "a")).env
        for one in (ann, too):
            await one.ask("wait")
            await env["waiting"].acquire()
        await ann.send("later")
        await too.send("later")
        assert (await call(app, "/agents/desk/c", ANN)).status == 429
        assert (await call(app, "/agents/desk/c", BOB)).status == 200
        await bob.send("now")
        assert await bob.next() == ["now"]
        env["go"].set()
        for one in (ann, too):
            answered, heard = await one.next(2)
            assert (answered["success"], heard) == (True, "later")
        assert (await call(app, "/agents/desk/c", ANN)).status == 200


async def test_sec_11_requests_of_one_principal_under_way(tmp_path: Path) -> None:
    async with app_with(tmp_path, Limits(calls=1)) as app:
        slow = asyncio.create_task(call(app, "/agents/desk/a?slow", ANN))
        env = (await app.get_agent(Desk, "a")).env
        await env["waiting"].acquire()
        assert (await call(app, "/agents/desk/b", ANN)).status == 429
        env["go"].set()
        assert (await slow).status == 200
        assert (await call(app, "/agents/desk/b", ANN)).status == 200


@pytest.mark.parametrize("cron", ["* * * * *", "*/5 9-17 * * 1", "@hourly", "30 * * * * *", " 0 0 * * * "])
def test_sec_11_a_client_may_ask_for_once_a_minute(cron: str) -> None:
    assert modest_cron(cron) == cron


@pytest.mark.parametrize(
    "cron",
    ["* * * * * *", "*/30 * * * * *", "0,30 * * * * *", "0-1 * * * * *", "no", "61 * * * *", 5, None],
)
def test_sec_11_a_client_may_not_ask_for_more(cron: object) -> None:
    with pytest.raises(ValueError, match="cron"):
        modest_cron(cron)


def test_sec_11_an_interval_of_a_client_is_a_second_at_least() -> None:
    assert (modest_interval(1), modest_interval(1.5), modest_interval(60, shortest=60)) == (1, 1.5, 60)
    for wrong in (0.99, 0, -1, float("nan"), float("inf"), True, "5", None):
        with pytest.raises(ValueError, match="an interval is a number of at least 1 seconds"):
            modest_interval(wrong)
    with pytest.raises(ValueError, match="at least 60 seconds, not 59"):
        modest_interval(59, shortest=60)
