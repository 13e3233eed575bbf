"""Sub-agents as clients reach them: `/sub/{class}/{name}` behind the URL of their parent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from agents_sdk import Agent, AgentsApp, Connection, PathStep, current_agent
from agents_sdk.definition import definitions
from agents_sdk.entrance.descent import Hop, hops
from agents_sdk.security import Principal, principal_of
from tests.agents_sdk.family import Inbox, Note, app
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client, client

pytestmark = pytest.mark.anyio

ANN = "/agents/inbox/ann"


@dataclass
class Served:
    app: AgentsApp
    address: str

    async def get(self, path: str) -> tuple[int, str]:
        async with httpx.AsyncClient() as http:
            answer = await http.get(f"http://{self.address}{path}")
            return answer.status_code, answer.text

    def ws(self, path: str) -> str:
        return f"ws://{self.address}{path}"

    async def ann(self) -> Inbox:
        return await self.app.get_agent(Inbox, "ann")


@pytest.fixture
async def inboxes(tmp_path: Path) -> AsyncIterator[Served]:
    inboxes = app(tmp_path)
    async with served(inboxes) as address:
        yield Served(inboxes, address)


async def closed(url: str) -> tuple[int | None, str | None]:
    """How a server closes what it has accepted, without a frame before."""
    async with connect(url) as socket:
        one = Client(socket)
        ended = await one.closed()
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        return ended


def files_below(folder: Path) -> set[str]:
    """The names of the private files of agents, without what comes behind a point."""
    files = {file.name for file in folder.rglob("*") if file.is_file()}
    return {file.partition(".")[0] for file in files} - {"agents"}


KNOWN = definitions([Inbox, Note])


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", []),
        ("sub/note", []),
        ("sub/note/a", [("a", "")]),
        ("sub/note/a/deep/er", [("a", "deep/er")]),
        ("sub/note/a%2Fb%20%C3%BC", [("a/b ü", "")]),
        ("sub/note/../etc", [("..", "etc")]),
        ("sub/note/%2e%2e%2f/x", [("../", "x")]),
        (
            "sub/note/a/sub/note/sub/sub/note/c",
            [("a", "sub/note/sub/sub/note/c"), ("sub", "sub/note/c"), ("c", "")],
        ),
        ("sub/note/a/sub/nobody/b", [("a", "sub/nobody/b")]),
        ("sub/nobody/a", []),
        ("sub/Note/a", []),
        ("sub/note/%ff", []),
        ("files/sub/note/a", []),
        ("SUB/note/a", []),
    ],
)
def test_a_path_is_read_level_by_level(path: str, found: list[tuple[str, str]]) -> None:
    segments = [one for one in path.split("/") if one]
    expected = [
        Hop(PathStep("Note", name), tuple(one for one in rest.split("/") if one)) for name, rest in found
    ]
    assert list(hops(segments, KNOWN)) == expected


async def test_a_client_makes_one_and_sees_the_frames_of_any_agent(inboxes: Served) -> None:
    async with connect(inboxes.ws(f"{ANN}/sub/note/a%2Fb?_pk=x")) as socket:
        one = Client(socket)
        assert await one.next(3) == [
            {"type": "cf_agent_identity", "name": "a/b", "agent": "note", "stateFollows": True},
            {"type": "cf_agent_state", "state": {"lines": []}},
            {
                "type": "cf_agent_mcp_servers",
                "mcp": {"prompts": [], "resources": [], "servers": {}, "tools": []},
            },
        ]
        assert (await one.call("write", "hello"))["result"] == 1
        note = await (await inboxes.ann()).note("a/b")
        assert note.state == {"lines": ["hello"]}
        [connection] = note.get_connections()
        assert (connection.id, connection.uri) == ("x", f"ws://{inboxes.address}/?_pk=x")
        assert (await inboxes.ann()).get_connections() == []


async def test_connections_of_one_name_below_two_parents_are_apart(inboxes: Served) -> None:
    async with (
        client(inboxes.ws(f"{ANN}/sub/note/a")) as one,
        client(inboxes.ws("/agents/inbox/bob/sub/note/a")) as other,
        client(inboxes.ws(f"{ANN}/sub/note/a/sub/note/a")) as nested,
    ):
        await one.call("write", "mine")
        assert (await other.call("write", "yours"))["result"] == 1
        assert (await nested.call("write", "inner"))["result"] == 1
        note = await (await inboxes.ann()).note("a")
        note.broadcast("all")
        assert await one.next() == ["all"]
        assert len(note.get_connections()) == 1


async def test_http_sees_the_path_behind_the_name(inboxes: Served) -> None:
    assert await inboxes.get(f"{ANN}/sub/note/a?x=1") == (200, '["a","/","x=1",""]')
    assert await inboxes.get(f"{ANN}/sub/note/a%20b/x%20y/get-messages") == (
        200,
        '["a b","/x y/get-messages","",""]',
    )
    async with httpx.AsyncClient() as http:
        url = f"http://{inboxes.address}{ANN}/sub/note/a/sub/note/b/c"
        assert (await http.put(url, content="body")).json() == ["b", "/c", "", "body"]
    assert (await inboxes.ann()).state["asked"][-1] == [f"{ANN}/sub/note/a/sub/note/b/c", 'Note "a"']


async def test_what_is_no_sub_agent_is_a_path_of_the_parent(inboxes: Served) -> None:
    for path in ("sub/nobody/a", "sub/note", "sub/note/%ff", "x/sub/note/a"):
        assert await inboxes.get(f"{ANN}/{path}") == (404, "Not implemented"), path
    assert await (await inboxes.ann()).children.list() == []
    assert await inboxes.get("/agents/note/a") == (400, "Invalid request")


@pytest.mark.parametrize("name", ["..", "../../etc/passwd", ".", "a\0b", "a\nb", "x" * 400, "💥"])
async def test_names_are_only_names(inboxes: Served, name: str, tmp_path: Path) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in name.encode())
    async with client(inboxes.ws(f"{ANN}/sub/note/{quoted}")) as one:
        assert (await one.call("write", "x"))["result"] == 1
    [listed] = await (await inboxes.ann()).children.list()
    assert listed.name == name
    assert files_below(tmp_path) == {"2"}
    assert "\n" not in str((await (await inboxes.ann()).note(name)).self_path[-1])


async def test_a_refusal_leaves_no_trace(inboxes: Served) -> None:
    for status, code in ((404, 4404), (403, 4403), (500, 1011), (302, 1011), (200, 1011)):
        path = f"{ANN}/sub/note/status-{status}"
        assert await inboxes.get(path) == (status, "refused")
        assert await closed(inboxes.ws(path)) == (code, f"Sub-agent connection rejected ({status})")
    ann = await inboxes.ann()
    assert await ann.children.list() == []
    assert len(inboxes.app._hosts._hosts) == 1
    assert len(ann.state["asked"]) == 10


async def test_it_is_nested_four_levels_deep_at_most(inboxes: Served) -> None:
    level = "/sub/note/a"
    assert (await inboxes.get(ANN + level * 3))[0] == 200
    assert await inboxes.get(ANN + level * 4) == (400, "Invalid request")
    url = inboxes.ws("/agents/inbox/bob" + level * 4)
    assert await closed(url) == (4400, "Sub-agent connection rejected (400)")
    assert [one.name for one in await inboxes.app.list_agents(Inbox)] == ["ann"]


async def test_each_level_is_asked_before_the_next_is_made(inboxes: Served) -> None:
    async with client(inboxes.ws(f"{ANN}/sub/note/a/sub/note/b")) as one:
        assert (await one.call("write", "x"))["result"] == 1
    assert await inboxes.get(f"{ANN}/sub/note/status-404/sub/note/b") == (404, "refused")
    ann = await inboxes.ann()
    assert [one.name for one in await ann.children.list()] == ["a"]
    assert [one.name for one in await (await ann.note("a")).children.list()] == ["b"]


async def test_a_deleted_one_closes_its_clients_and_is_made_anew(inboxes: Served) -> None:
    url = inboxes.ws(f"{ANN}/sub/note/a")
    async with client(inboxes.ws(ANN)) as parent:
        async with client(url) as one, client(f"{url}/sub/note/b") as nested:
            await one.call("write", "x")
            assert (await parent.call("drop", "a"))["result"] is True
            assert await one.closed() == (1001, "Sub-agent deleted")
            assert await nested.closed() == (1001, "Sub-agent deleted")
        async with client(url) as one:
            assert (await one.call("write", "x"))["result"] == 1
        assert (await parent.call("drop", "never"))["result"] is False


async def test_clients_hear_of_the_end_of_the_parent_and_of_an_abort(inboxes: Served) -> None:
    async with client(inboxes.ws(f"{ANN}/sub/note/a")) as one:
        await (await inboxes.ann()).children.abort(Note, "a", "why not")
        assert await one.closed() == (1012, "Sub-agent aborted")
    async with client(inboxes.ws(f"{ANN}/sub/note/a")) as one:
        await (await inboxes.ann()).end()
        assert await one.closed() == (1001, "Durable Object destroyed")


class Desk(Agent[list[Any], None]):
    """Its sub-agents are let in, or not, by their names."""

    async def on_start(self) -> None:
        if self.name == "broken":
            raise RuntimeError("a secret")

    async def on_before_sub_agent(
        self, request: HTTPConnection, child: PathStep
    ) -> Response | HTTPConnection | None:
        self.env.append((current_agent().request is request, principal_of(request)))
        match child.name:
            case "raises":
                raise RuntimeError("a secret")
            case "http":
                raise HTTPException(410, "long gone")
            case "odd":
                return 7  # type: ignore[return-value]  # that is the point
            case "other":
                return _replaced(request)
            case "reads" if isinstance(request, Request):
                assert await request.body() == b"body"
        return None


class Clerk(Agent[list[Any], None]):
    async def on_connect(self, connection: Connection, request: HTTPConnection) -> None:
        connection.send(f"{request.url.path} {request.query_params['q']}")

    async def on_request(self, request: Request) -> Response:
        return PlainTextResponse(f"{request.url.path} {request.url.query} {(await request.body()).decode()}")


def _replaced(request: HTTPConnection) -> HTTPConnection:
    scope = {**request.scope, "query_string": b"q=2", "path": "/somewhere/else"}
    if scope["type"] == "websocket":
        return HTTPConnection(scope)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"its own"}

    return Request(scope, receive)


async def ann_may(request: HTTPConnection, agent: str, name: str) -> Response | Principal:
    """The hook of the app: it is told the top-level agent."""
    if request.query_params.get("q") == "no":
        return PlainTextResponse("Unauthorized", status_code=401)
    return Principal(f"{agent} {name}")


@pytest.fixture
async def desks(tmp_path: Path) -> AsyncIterator[Served]:
    desks = AgentsApp(
        [Desk],
        sub_agents=[Clerk],
        data=tmp_path,
        env=[],
        on_before_connect=ann_may,
        on_before_request=ann_may,
    )
    async with served(desks) as address:
        yield Served(desks, address)


async def test_the_hook_of_the_app_comes_first(desks: Served) -> None:
    assert await desks.get("/agents/desk/d/sub/clerk/a?q=no") == (401, "Unauthorized")
    assert len(desks.app._hosts._hosts) == 0
    assert (await desks.get("/agents/desk/d/sub/clerk/a?q=1"))[0] == 200
    desk = await desks.app.get_agent(Desk, "d")
    assert desk.env == [(True, Principal("desk d"))]


async def test_a_parent_may_replace_the_request_but_not_the_path(desks: Served) -> None:
    assert await desks.get("/agents/desk/d/sub/clerk/other/x?q=1") == (200, "/x q=2 its own")
    async with connect(desks.ws("/agents/desk/d/sub/clerk/other/x?q=1")) as socket:
        frames = await Client(socket).next(3)
    assert "/x 2" in frames


async def test_a_body_that_the_parent_has_read_comes_to_the_child(desks: Served) -> None:
    async with httpx.AsyncClient() as http:
        url = f"http://{desks.address}/agents/desk/d/sub/clerk/reads/x?q=1"
        assert (await http.post(url, content=b"body")).text == "/x q=1 body"
        json = await http.post(url, content=b"body", headers={"content-type": "application/json"})
        assert json.text == "/x q=1 body"


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("d/sub/clerk/raises", 500, "Internal Server Error"),
        ("d/sub/clerk/odd", 500, "Internal Server Error"),
        ("broken/sub/clerk/a", 500, "Internal Server Error"),
    ],
)
async def test_an_error_on_the_way_is_no_refusal(desks: Served, path: str, status: int, text: str) -> None:
    assert await desks.get(f"/agents/desk/{path}?q=1") == (status, text)
    reason = f"Sub-agent connection rejected ({status})"
    assert await closed(desks.ws(f"/agents/desk/{path}?q=1")) == (1011, reason)


async def test_an_http_exception_of_the_hook_is_its_answer(desks: Served) -> None:
    assert await desks.get("/agents/desk/d/sub/clerk/http?q=1") == (410, "long gone")
    url = desks.ws("/agents/desk/d/sub/clerk/http?q=1")
    assert await closed(url) == (4410, "Sub-agent connection rejected (410)")


async def test_the_outer_app_may_lead_to_one(tmp_path: Path) -> None:
    inboxes = app(tmp_path)

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await inboxes(scope, receive, send)
        else:
            path = scope["raw_path"].decode().removeprefix("/mine")
            await inboxes.forward(Inbox, "ann", scope, receive, send, path=path)

    async with served(outer) as address, client(f"ws://{address}/mine/sub/note/a%20b") as one:
        assert (await one.call("write", "x"))["result"] == 1
        [listed] = await (await inboxes.get_agent(Inbox, "ann")).children.list()
        assert listed.name == "a b"


async def test_what_is_under_way_is_cut_off_by_an_abort(inboxes: Served) -> None:
    env = inboxes.app._env
    env.update(begun=asyncio.Event())
    for path in ("before", "within"):
        env["begun"].clear()
        asking = asyncio.create_task(inboxes.get(f"{ANN}/sub/note/a/{path}"))
        await asyncio.wait_for(env["begun"].wait(), 5)
        await (await inboxes.ann()).children.abort(Note, "a", "stuck")
        if path == "before":
            assert await asking == (503, "Service Unavailable")
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                await asking


async def test_what_is_sent_while_the_parent_starts_is_not_lost(tmp_path: Path) -> None:
    begun, may_start = asyncio.Event(), asyncio.Event()

    class Slow(Inbox):
        async def on_start(self) -> None:
            begun.set()
            await may_start.wait()

    slow = AgentsApp([Slow], sub_agents=[Note], data=tmp_path, env={"stopped": []})
    async with served(slow) as address, connect(f"ws://{address}/agents/slow/s/sub/note/a") as socket:
        one = Client(socket)
        id = await one.ask("write", "early")
        await asyncio.wait_for(begun.wait(), 5)
        may_start.set()
        assert [frame.get("id") for frame in await one.next(5)].count(id) == 1
