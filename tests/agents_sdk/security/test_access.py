"""SEC-1, SEC-2 and SEC-5: who is let in, and who they are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from agents_sdk import Agent, AgentsApp, Connection
from agents_sdk.security import Principal, principal_of
from tests.agents_sdk.security.calls import Answer, call, upgrade
from workflows import Engine

pytestmark = pytest.mark.anyio
LAN = ("192.168.1.5", 8787)
LAN_HOST = {"host": "192.168.1.5:8787"}


class Desk(Agent[Any, None]):
    seen: list[Principal | None] = []

    async def on_connect(self, connection: Connection, request: HTTPConnection) -> None:
        Desk.seen.append(principal_of(request))

    async def on_request(self, request: Request) -> Response:
        who = principal_of(request)
        body = (await request.body()).decode()
        return JSONResponse({"who": who and who.id, "body": body, "mark": request.headers.get("mark")})


class Bare(Agent[Any, None]):
    pass


async def token(request: HTTPConnection, agent: str, name: str) -> Response | Principal:
    """Lets in who has the token."""
    if request.headers.get("authorization") != "Bearer good":
        return PlainTextResponse("Unauthorized", status_code=401)
    return Principal("ann", {"agent": agent, "name": name})


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


GOOD = {"authorization": "Bearer good"}


def guarded(folder: Path, hook: Any = token, **options: Any) -> AgentsApp:
    return AgentsApp([Desk, Bare], data=folder, on_before_connect=hook, on_before_request=hook, **options)


async def test_sec_1_a_thousand_denied_names_leave_nothing(tmp_path: Path) -> None:
    async with Engine(tmp_path / "e.db", []) as engine:
        app = AgentsApp([Desk], engine=engine, on_before_connect=token, on_before_request=token)
        async with app:
            assert (await call(app, "/agents/desk/known", GOOD)).status == 200
            files, tasks = files_in(tmp_path), len(asyncio.all_tasks())
            found = await engine.store.read("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = [row[0] for row in found]

            async def rows() -> list[int]:
                return [(await engine.store.read(f'SELECT COUNT(*) FROM "{one}"'))[0][0] for one in tables]

            before, hosts = await rows(), len(app._hosts._hosts)
            for number in range(1_000):
                answer = await (call, upgrade)[number % 2](app, f"/agents/desk/denied-{number}")
                assert (answer.status, answer.body) == (401, b"Unauthorized")
            assert await rows() == before
            assert files_in(tmp_path) == files
            assert len(app._hosts._hosts) == hosts
            assert len(asyncio.all_tasks()) <= tasks  # the first one may have ended something by now


async def test_sec_1_an_unknown_agent_is_answered_before_the_hook(tmp_path: Path) -> None:
    async with guarded(tmp_path) as app:
        assert (await call(app, "/agents/nobody/a")).status == 400
        assert (await upgrade(app, "/agents/nobody/a")).status == 400
        assert (await call(app, "/agents/desk")).status == 404


@pytest.mark.parametrize("ask", [call, upgrade])
async def test_sec_2_without_a_hook_other_machines_are_refused(
    tmp_path: Path, ask: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with AgentsApp([Desk], data=tmp_path) as app:
        for own in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
            assert (await ask(app, "/agents/desk/a", server=(own, 1))).status in (101, 200)
        for other in ("192.168.1.5", "0.0.0.0", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "host", None):
            server = other and (other, 1)
            assert (await ask(app, "/agents/desk/a", server=server)).status == 403
    [said] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "insecure_no_auth=True" in said


@pytest.mark.parametrize("ask", [call, upgrade])
async def test_sec_2_other_machines_are_served_when_that_is_said(
    tmp_path: Path, ask: Callable[..., Any]
) -> None:
    async with AgentsApp([Desk], data=tmp_path / "a", insecure_no_auth=True) as app:
        assert (await ask(app, "/agents/desk/a", LAN_HOST, server=LAN)).status in (101, 200)
    async with guarded(tmp_path / "b") as app:
        assert (await ask(app, "/agents/desk/a", {**LAN_HOST, **GOOD}, server=LAN)).status in (101, 200)
    only = AgentsApp([Desk], data=tmp_path / "c", on_before_connect=token)
    async with only:  # the other kind of request is not asked for
        answer = await ask(only, "/agents/desk/a", {**LAN_HOST, **GOOD}, server=LAN)
        assert answer.status == (403 if ask is call else 101)


async def test_sec_5_identity_comes_from_the_hook_only(tmp_path: Path) -> None:
    Desk.seen.clear()
    claimed = {"principal": "eve", "x-user": "eve", "agents_sdk.principal": "eve"}
    async with guarded(tmp_path) as app:
        answer = await call(app, "/agents/desk/a?principal=eve&user=eve", {**GOOD, **claimed})
        assert b'"who":"ann"' in answer.body
        assert (await upgrade(app, "/agents/desk/a?principal=eve", GOOD)).accepted
    assert Desk.seen == [Principal("ann", {"agent": "desk", "name": "a"})]
    async with AgentsApp([Desk], data=tmp_path) as app:

        async def outer(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "agents_sdk.principal": Principal("eve")}, receive, send)

        assert b'"who":null' in (await call(outer, "/agents/desk/a")).body


async def raising(request: HTTPConnection, agent: str, name: str) -> None:
    raise RuntimeError("secret")


async def wrong(request: HTTPConnection, agent: str, name: str) -> Any:
    return {"user": "ann"}


def refusing(request: HTTPConnection, agent: str, name: str) -> None:
    raise HTTPException(403, "not you")


@pytest.mark.parametrize(
    ("hook", "status", "text"),
    [
        (raising, 500, b"Internal Server Error"),
        (wrong, 500, b"Internal Server Error"),
        (refusing, 403, b"not you"),
    ],
)
async def test_a_hook_that_fails_lets_nobody_in(tmp_path: Path, hook: Any, status: int, text: bytes) -> None:
    async with guarded(tmp_path, hook) as app:
        for answer in (await call(app, "/agents/desk/a"), await upgrade(app, "/agents/desk/a")):
            assert (answer.status, answer.body, answer.accepted) == (status, text, False)
        assert not app._hosts._hosts


async def test_a_hook_may_replace_the_request(tmp_path: Path) -> None:
    async def marked(request: HTTPConnection, agent: str, name: str) -> HTTPConnection:
        scope = {**request.scope, "headers": [*request.scope["headers"], (b"mark", b"yes")]}
        return Request(scope, request.receive) if isinstance(request, Request) else HTTPConnection(scope)

    async with guarded(tmp_path, marked) as app:
        answer = await call(app, "/agents/desk/a", method="POST", body=[b"he", b"llo"])
        assert answer.body == b'{"who":null,"body":"hello","mark":"yes"}'
        assert (await upgrade(app, "/agents/desk/a")).accepted


async def test_who_is_let_in_after_the_app_has_stopped_is_told(tmp_path: Path) -> None:
    async def stopping(request: HTTPConnection, agent: str, name: str) -> None:
        await app.stop()

    app = guarded(tmp_path, stopping)
    for ask in (call, upgrade):
        await app.start()
        assert (await ask(app, "/agents/desk/a")).status == 503


async def test_a_refused_upgrade_closes_where_the_server_cannot_answer(tmp_path: Path) -> None:
    async with guarded(tmp_path) as app:
        answer = Answer()

        async def plain(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "extensions": {}}, receive, send)

        answer = await upgrade(plain, "/agents/desk/a")
    assert (answer.accepted, answer.closed) == (False, 1000)
