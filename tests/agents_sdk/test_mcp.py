"""MCP servers: connected to, told to clients, called, kept over restarts, and kept when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, McpError, McpServer
from agents_sdk.mcp import server as mcp_server
from agents_sdk.mcp import servers
from agents_sdk.retry import Patience
from tests.agents_sdk.mcp_server import McpApp
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client, client

pytestmark = pytest.mark.anyio


class Plain(Agent[None, Any]): ...


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_PATIENCE", Patience(attempts=2, base_delay=0, max_delay=0))


@pytest.fixture(params=[False, True], ids=["JSON", "events"])
async def there(request: pytest.FixtureRequest) -> AsyncIterator[tuple[McpApp, str]]:
    """An MCP server, and its URL."""
    server = McpApp(events=request.param)
    async with served(server.app, lifespan="off") as address:
        yield server, f"http://{address}/mcp"


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[Plain]:
    async with AgentsApp([Plain], data=tmp_path) as app:
        yield await app.get_agent(Plain, "a")


async def changes(one: Client, until: str) -> list[str]:
    """The states of the one server that a client is told, up to this one."""
    seen: list[str] = []
    while not seen or seen[-1] != until:
        [frame] = await one.next()
        assert frame["type"] == "cf_agent_mcp_servers"
        seen += [entry["state"] for entry in frame["mcp"]["servers"].values()] or ["none"]
    return seen


async def settled(plain: Plain, state: str) -> McpServer:
    """The one server, when it has this state."""
    async with asyncio.timeout(5):
        while [one.state for one in plain.get_mcp_servers()] != [state]:  # noqa: ASYNC110  # nobody tells code
            await asyncio.sleep(0.01)
    return plain.get_mcp_servers()[0]


async def test_a_server_is_connected_to_and_its_tools_are_called(
    plain: Plain, there: tuple[McpApp, str]
) -> None:
    server, url = there
    made = await plain.add_mcp_server("sums", url)
    assert (made.state, made.error, made.instructions) == ("ready", None, "add numbers")
    assert [tool["name"] for tool in made.tools] == ["add", "fail"]
    assert [prompt["name"] for prompt in made.prompts] == ["greet"]
    assert await plain.add_mcp_server("sums", url) is made
    result = await plain.mcp.call_tool(made.id, "add", {"a": 2, "b": 3})
    assert result["content"][0]["text"] == "5"
    with pytest.raises(McpError, match="no tool fail"):
        await plain.mcp.call_tool(made.id, "fail")
    server.forget()
    assert (await plain.mcp.call_tool(made.id, "add", {"a": 1}))["content"][0]["text"] == "1"
    assert await plain.remove_mcp_server(made.id)
    assert not await plain.remove_mcp_server(made.id)
    assert (plain.get_mcp_servers(), server.deleted[-1]) == ([], "session-2")
    with pytest.raises(McpError, match="has no MCP server"):
        await plain.mcp.call_tool(made.id, "add")


async def test_clients_are_told_of_every_change_and_when_they_connect(
    tmp_path: Path, there: tuple[McpApp, str]
) -> None:
    app = AgentsApp([Plain], data=tmp_path)
    async with served(app) as address:
        url = f"ws://{address}/agents/plain/a"
        plain = await app.get_agent(Plain, "a")
        async with client(url, greeting=2) as one:
            made = await plain.add_mcp_server("sums", there[1], id="mine", headers={"x-secret": "hush"})
            assert await changes(one, "ready") == ["connecting", "discovering", "ready"]
            async with client(url, greeting=0) as other:
                _, frame = await other.next(2)
            entry = {
                "name": "sums",
                "server_url": there[1],
                "auth_url": None,
                "state": "ready",
                "error": None,
            }
            assert frame["mcp"]["servers"]["mine"].items() >= entry.items()
            assert frame["mcp"]["tools"][0] == {
                "name": "add",
                "inputSchema": {"type": "object"},
                "serverId": "mine",
            }
            assert "hush" not in str(frame)
            await plain.remove_mcp_server(made.id)
            assert await changes(one, "none") == ["none"]


async def test_a_server_is_connected_to_again_at_the_next_start(
    tmp_path: Path, there: tuple[McpApp, str]
) -> None:
    async with AgentsApp([Plain], data=tmp_path) as app:
        plain = await app.get_agent(Plain, "a")
        made = await plain.add_mcp_server("sums", there[1])
    async with AgentsApp([Plain], data=tmp_path) as app:
        again = await settled(await app.get_agent(Plain, "a"), "ready")
        assert (again.id, again.tools) == (made.id, made.tools)
        await (await app.get_agent(Plain, "a")).destroy()
    async with AgentsApp([Plain], data=tmp_path) as app:
        assert (await app.get_agent(Plain, "a")).get_mcp_servers() == []


async def test_a_server_that_cannot_be_reached_is_kept_as_failed(tmp_path: Path) -> None:
    async with AgentsApp([Plain], data=tmp_path) as app:
        plain = await app.get_agent(Plain, "a")
        with pytest.raises(McpError, match="cannot be used"):
            await plain.add_mcp_server("gone", "http://127.0.0.1:9/mcp")
        [failed] = plain.get_mcp_servers()
        assert failed.state == "failed"
        assert failed.error
    server = McpApp()
    async with AgentsApp([Plain], data=tmp_path) as app, served(server.app, lifespan="off") as address:
        plain = await app.get_agent(Plain, "a")
        assert (await settled(plain, "failed")).id == failed.id
        moved = await plain.add_mcp_server("gone", f"http://{address}/mcp", id=failed.id)
        assert [one.state for one in plain.get_mcp_servers()] == [moved.state] == ["ready"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://10.0.0.1/mcp", "'http' is not allowed here"),
        ("https://10.0.0.1/mcp", "no public address"),
        ("https://169.254.169.254/mcp", "no public address"),
        ("file:///etc/passwd", "is no URL of an MCP server"),
        ("nonsense", "is no URL of an MCP server"),
    ],
)
async def test_what_a_stranger_may_not_reach_is_refused(plain: Plain, url: str, says: str) -> None:
    with pytest.raises(McpError, match=says):
        await plain.add_mcp_server("inside", url)
    assert [one.state for one in plain.get_mcp_servers()] == ["failed"]


async def test_a_server_may_ask_for_a_token(plain: Plain) -> None:
    server = McpApp(token="Bearer t")
    async with served(server.app, lifespan="off") as address:
        url = f"http://{address}/mcp"
        with pytest.raises(McpError, match="OAuth is not supported"):
            await plain.add_mcp_server("shy", url)
        made = await plain.add_mcp_server("shy", url, headers={"authorization": "Bearer t"})
        assert [one.state for one in plain.get_mcp_servers()] == [made.state] == ["ready"]


@pytest.mark.parametrize(
    ("status", "answer", "says"),
    [
        (500, None, "status 500"),
        (307, None, "status 307"),
        (200, {"protocolVersion": "1999-01-01"}, "speaks MCP '1999-01-01'"),
        (200, {"capabilities": {}}, "speaks MCP None"),
    ],
)
async def test_an_answer_that_cannot_be_used_is_told(
    plain: Plain, status: int, answer: Any, says: str
) -> None:
    server = McpApp()
    server.status, server.answer = status, answer
    async with served(server.app, lifespan="off") as address:
        with pytest.raises(McpError, match=says):
            await plain.add_mcp_server("odd", f"http://{address}/mcp")
    assert server.asked == ["initialize"]


def test_an_error_is_shown_in_one_short_line() -> None:
    assert mcp_server.shown(ValueError("a\x00b\n\tc")) == "a b c"
    assert mcp_server.shown(ValueError("x" * 600)) == "x" * 500 + "..."
    assert mcp_server.shown(ValueError()) == "ValueError"
