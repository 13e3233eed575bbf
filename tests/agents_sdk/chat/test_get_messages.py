"""The transcript over HTTP, which clients fetch before they connect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from agents_sdk import AgentsApp
from tests.agents_sdk.chat.chats import Echo, Gates, user
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio

QUESTION = user("u1", "hello")


class Open(Echo):
    async def on_request(self, request: Request) -> Response:
        return PlainTextResponse(f"{request.method} of its own")


@pytest.fixture
async def http(gates: Gates, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = AgentsApp([Open], data=tmp_path, env=gates, cors=True)
    async with served(app) as address, httpx.AsyncClient(base_url=f"http://{address}/agents/open") as http:
        for name in ("a", "a%2Fget-messages"):
            await (await app.get_agent(Open, name)).persist_messages([QUESTION])
        yield http


@pytest.mark.parametrize("path", ["/a/get-messages", "/a/get-messages?token=x", "/a/foo/get-messages"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_it_is_the_last_segment_whatever_the_method(
    http: httpx.AsyncClient, path: str, method: str
) -> None:
    answer = await http.request(method, path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json() == [QUESTION]


async def test_of_a_new_chat_it_is_empty(http: httpx.AsyncClient) -> None:
    assert (await http.get("/new/get-messages")).text == "[]"


@pytest.mark.parametrize(
    "path", ["/a", "/a/get-messages/more", "/a/get-messages/", "/a/get%2Dmessages", "/a%2Fget-messages"]
)
async def test_all_else_is_asked_of_the_agent(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).text == "GET of its own"


async def test_a_name_is_no_path(http: httpx.AsyncClient) -> None:
    assert (await http.get("/a%2Fget-messages/get-messages")).json() == [QUESTION]
