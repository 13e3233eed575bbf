"""SEC-3 and SEC-4: the pages that may talk to an app, and the names that it answers to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk import Agent, AgentsApp, InvalidAgent
from agents_sdk.security import Principal
from tests.agents_sdk.security.calls import call, upgrade

pytestmark = pytest.mark.anyio
HOST = {"host": "app.example"}
PUBLIC = ("10.0.0.1", 443)


class Desk(Agent[Any, None]):
    async def on_request(self, request: Request) -> Response:
        return PlainTextResponse(request.headers.get("cookie", "none"))


async def known(request: HTTPConnection, agent: str, name: str) -> Response | Principal | None:
    """By cookie, by token, unnamed with `?anonymous`."""
    if "cookie" in request.headers or "authorization" in request.headers:
        return Principal("ann")
    return None if "anonymous" in request.query_params else PlainTextResponse("Unauthorized", status_code=401)


def guarded(folder: Path, **options: Any) -> AgentsApp:
    return AgentsApp(
        [Desk],
        data=folder,
        on_before_connect=known,
        on_before_request=known,
        allowed_hosts=["app.example"],
        **options,
    )


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("", 101),
        ("http://localhost:5173", 101),
        ("http://127.0.0.1:3000", 101),
        ("http://127.9.9.9", 101),
        ("http://[::1]:3000", 101),
        ("https://localhost", 101),
        ("null", 403),
        ("https://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("http://evil.example/127.0.0.1", 403),
        ("http://localhost@evil.example", 403),
        ("http://localhost:5173/", 403),
        ("localhost:5173", 403),
        ("http://192.168.1.5", 403),
        ("http://2130706433", 403),
    ],
)
async def test_sec_3_on_loopback_without_hooks_pages_of_this_machine_may(
    tmp_path: Path, origin: str, status: int
) -> None:
    async with AgentsApp([Desk], data=tmp_path) as app:
        assert (await upgrade(app, "/agents/desk/a", {"origin": origin})).status == status
        answer = await call(app, "/agents/desk/a", {"origin": origin}, method="POST")
        assert answer.status == (200 if status == 101 else 403)


@pytest.mark.parametrize(
    ("origin", "scheme", "status"),
    [
        ("https://app.example", "ws", 101),  # TLS ended before the app
        ("https://app.example:443", "wss", 101),
        ("http://app.example", "ws", 101),
        ("http://app.example", "wss", 403),
        ("https://app.example:8443", "ws", 403),
        ("https://other.example", "ws", 403),
        ("http://localhost:5173", "ws", 403),
        ("ftp://app.example", "ws", 403),
        ("null", "ws", 403),
    ],
)
async def test_sec_3_with_a_hook_only_own_pages_may(
    tmp_path: Path, origin: str, scheme: str, status: int
) -> None:
    async with guarded(tmp_path) as app:
        headers = {**HOST, "origin": origin, "cookie": "session=1"}
        answer = await upgrade(app, "/agents/desk/a", headers, server=PUBLIC, scheme=scheme)
        assert (answer.status, len(app._hosts._hosts)) == (status, int(status == 101))


async def test_sec_3_listed_origins_may(tmp_path: Path) -> None:
    listed = ["https://front.example", "http://localhost:*"]
    async with guarded(tmp_path, allowed_origins=listed) as app:
        for origin, status in [
            ("https://front.example", 101),
            ("https://FRONT.example", 101),
            ("http://front.example", 403),
            ("https://front.example:8443", 403),
            ("http://localhost:1234", 101),
            ("https://localhost:1234", 403),
        ]:
            headers = {**HOST, "origin": origin, "cookie": "session=1"}
            assert (await upgrade(app, "/agents/desk/a", headers, server=PUBLIC)).status == status


async def test_sec_3_two_origins_are_none(tmp_path: Path) -> None:
    two = [("host", "app.example"), ("origin", "https://app.example"), ("origin", "https://evil.example")]
    async with guarded(tmp_path) as app:
        assert (await upgrade(app, "/agents/desk/a", two, server=PUBLIC)).status == 403


async def test_sec_3_who_is_no_browser_needs_a_token(tmp_path: Path) -> None:
    async with guarded(tmp_path) as app:
        for server in (PUBLIC, ("127.0.0.1", 1)):
            cookie = await upgrade(app, "/agents/desk/a", {**HOST, "cookie": "session=1"}, server=server)
            assert cookie.status == 401
            token = await upgrade(app, "/agents/desk/a", {**HOST, "authorization": "t"}, server=server)
            assert token.status == 101
        unnamed = await upgrade(app, "/agents/desk/a?anonymous", HOST, server=PUBLIC)
        assert unnamed.status == 403
        assert (await upgrade(app, "/agents/desk/a?anonymous")).status == 101  # this machine


async def test_sec_3_what_middleware_made_of_cookies_goes_with_them(tmp_path: Path) -> None:
    seen: list[set[str]] = []

    async def look(request: HTTPConnection, agent: str, name: str) -> Principal:
        seen.append({"session", "user", "auth"} & set(request.scope))
        return Principal("ann")

    async with AgentsApp([Desk], data=tmp_path, on_before_connect=look) as app:

        async def outer(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "session": {"user": 1}, "user": "ann", "auth": ()}, receive, send)

        await upgrade(outer, "/agents/desk/a", {"cookie": "session=1"})
        await upgrade(outer, "/agents/desk/a", {"cookie": "session=1", "origin": "http://127.0.0.1:8787"})
    assert seen == [set(), {"session", "user", "auth"}]


async def test_sec_3_cookies_of_other_origins_count_for_nothing_with_cors(tmp_path: Path) -> None:
    async with guarded(tmp_path, cors=True) as app:
        cookie = {**HOST, "cookie": "session=1"}
        own = await call(app, "/agents/desk/a", {**cookie, "origin": "https://app.example"}, server=PUBLIC)
        assert (own.status, own.body) == (200, b"session=1")
        foreign = {**cookie, "origin": "https://evil.example"}
        assert (await call(app, "/agents/desk/a", foreign, method="POST", server=PUBLIC)).status == 401
        told = await call(app, "/agents/desk/a", {**foreign, "authorization": "t"}, server=PUBLIC)
        assert (told.status, told.body) == (200, b"none")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:99", 200),
        ("localhost.", 200),
        ("app.localhost:5000", 200),
        ("127.0.0.1", 200),
        ("127.1.2.3:1", 200),
        ("[::1]:8787", 200),
        ("evil.example", 421),
        ("evil.example:8787", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("192.168.1.5", 421),
        ("0.0.0.0", 421),
        ("2130706433", 421),
        ("", 400),
        ("a b", 400),
        ("localhost:port", 400),
        ("localhost/evil", 400),
        ("user@localhost", 400),
        ("localhost, evil.example", 400),
    ],
)
async def test_sec_4_an_unknown_host_is_refused(tmp_path: Path, host: str, status: int) -> None:
    async with AgentsApp([Desk], data=tmp_path) as app:
        assert (await call(app, "/agents/desk/a", {"host": host})).status == status
        upgraded = await upgrade(app, "/agents/desk/a", {"host": host})
        assert upgraded.status == (101 if status == 200 else status)
        assert len(app._hosts._hosts) == int(status == 200)


@pytest.mark.parametrize(
    ("came_in_at", "host", "status"),
    [("10.0.0.1", "10.0.0.1:443", 200), ("10.0.0.1", "10.0.0.2", 421), ("unix.sock", "10.0.0.1", 421)],
)
async def test_sec_4_the_address_that_it_came_in_at_is_known(
    tmp_path: Path, came_in_at: str, host: str, status: int
) -> None:
    async with AgentsApp([Desk], data=tmp_path, on_before_request=known) as app:
        headers = {"host": host, "authorization": "t"}
        assert (await call(app, "/agents/desk/a", headers, server=(came_in_at, 443))).status == status


async def test_sec_4_two_hosts_are_none(tmp_path: Path) -> None:
    two = [("host", "localhost"), ("host", "evil.example")]
    async with AgentsApp([Desk], data=tmp_path) as app:
        assert (await call(app, "/agents/desk/a", two)).status == 400


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        (["App.example"], "app.example:443", 200),
        (["app.example"], "www.app.example", 421),
        (["*.app.example"], "a.b.app.example", 200),
        (["*.app.example"], "app.example", 421),
        (["*.app.example"], "evilapp.example", 421),
        (["*"], "whatever.example", 200),
    ],
)
async def test_sec_4_allowed_hosts(tmp_path: Path, allowed: list[str], host: str, status: int) -> None:
    async with AgentsApp([Desk], data=tmp_path, allowed_hosts=allowed) as app:
        assert (await call(app, "/agents/desk/a", {"host": host})).status == status


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"allowed_hosts": "app.example"}, "give a list"),
        ({"allowed_hosts": ["https://app.example"]}, "without a port"),
        ({"allowed_hosts": ["app.example:443"]}, "without a port"),
        ({"allowed_origins": ["app.example"]}, "https://example.com"),
        ({"allowed_origins": ["*"]}, "https://example.com"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, options: Any, why: str) -> None:
    with pytest.raises(InvalidAgent, match=why):
        AgentsApp([Desk], data=tmp_path, **options)
