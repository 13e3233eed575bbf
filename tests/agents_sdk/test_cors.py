"""CORS as the original answers it: on what is an agent's, also when it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk import Agent, AgentsApp
from tests.agents_sdk.security.calls import call, upgrade

pytestmark = pytest.mark.anyio
FOREIGN = {"origin": "https://front.example"}
ANY = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, HEAD, OPTIONS",
    "access-control-allow-headers": "*",
    "access-control-max-age": "86400",
}


class Desk(Agent[Any, None]):
    async def on_request(self, request: Request) -> Response:
        if request.method == "DELETE":
            raise RuntimeError("no")
        return PlainTextResponse("hi", headers={"access-control-allow-origin": "https://own.example"})


class Silent(Agent[Any, None]):
    pass


async def bad_token(request: HTTPConnection, agent: str, name: str) -> Response | None:
    return PlainTextResponse("Unauthorized", 401) if request.query_params.get("token") == "bad" else None


def app_with(folder: Path, **options: Any) -> AgentsApp:
    return AgentsApp([Desk, Silent], data=folder, on_before_request=bad_token, **options)


def shown(headers: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key.startswith("access-control")}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/agents/desk/a", 200),
        ("DELETE", "/agents/desk/a", 500),
        ("GET", "/agents/silent/a", 404),
        ("GET", "/agents/desk/a?token=bad", 401),
    ],
)
async def test_every_answer_of_an_agent_has_the_headers(
    tmp_path: Path, method: str, path: str, status: int
) -> None:
    async with app_with(tmp_path, cors=True) as app:
        answer = await call(app, path, FOREIGN, method=method)
        assert (answer.status, shown(answer.headers)) == (status, ANY)


@pytest.mark.parametrize(("path", "status"), [("/agents/nobody/a", 400), ("/agents/desk", 404), ("/", 404)])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_what_is_no_agents_has_none(tmp_path: Path, method: str, path: str, status: int) -> None:
    async with app_with(tmp_path, cors=True) as app:
        answer = await call(app, path, FOREIGN, method=method)
        assert (answer.status, shown(answer.headers)) == (status, {})


async def test_options_is_answered_without_waking_anyone(tmp_path: Path) -> None:
    async with app_with(tmp_path, cors=True) as app:
        answer = await call(app, "/agents/desk/a?token=bad", FOREIGN, method="OPTIONS")
        assert (answer.status, answer.body, shown(answer.headers)) == (200, b"", ANY)
        assert not app._hosts._hosts


async def test_an_upgrade_has_none_and_its_origin_counts(tmp_path: Path) -> None:
    async with app_with(tmp_path, cors=True) as app:
        assert shown((await upgrade(app, "/agents/desk/a")).headers) == {}
        assert (await upgrade(app, "/agents/desk/a", FOREIGN)).status == 403


async def test_own_headers_take_the_place_of_those(tmp_path: Path) -> None:
    own = {"Access-Control-Allow-Origin": "https://front.example", "X-More": "1"}
    async with app_with(tmp_path, cors=own) as app:
        answer = await call(app, "/agents/desk/a", FOREIGN)
        assert shown(answer.headers) == {"access-control-allow-origin": "https://front.example"}
        assert answer.headers["x-more"] == "1"
        assert (await call(app, "/agents/desk/a", {"origin": "https://evil.example"})).status == 403


async def test_without_cors_options_is_the_agents(tmp_path: Path) -> None:
    async with app_with(tmp_path) as app:
        answer = await call(app, "/agents/desk/a", method="OPTIONS")
        assert (answer.body, shown(answer.headers)) == (
            b"hi",
            {"access-control-allow-origin": "https://own.example"},
        )
        assert (await call(app, "/agents/desk/a", FOREIGN)).status == 403
