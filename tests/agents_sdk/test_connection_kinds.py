"""Tags, readonly connections, and those that are not told of the agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, Connection, Source, callable  # noqa: A004
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client, client

pytestmark = pytest.mark.anyio

READONLY = "Connection is readonly"


class Hall(Agent[dict[str, Any], dict[str, int]]):
    """What a connection is stands in the query of its URL."""

    initial_state = {"n": 0}

    async def get_connection_tags(self, connection: Connection, request: HTTPConnection) -> Collection[str]:
        await asyncio.sleep(0)
        self.env["asked"].append("tags")
        match request.query_params.get("tags"):
            case None:
                return ()
            case "text":
                return "text"
            case given:
                return [tag.replace("LONG", "x" * 257) for tag in given.split(",")]

    async def should_connection_be_readonly(self, connection: Connection, request: HTTPConnection) -> bool:
        self.env["asked"].append("readonly")
        return "readonly" in request.query_params

    def should_send_protocol_messages(self, connection: Connection, request: HTTPConnection) -> bool:
        self.env["asked"].append(f"protocol {connection.is_readonly}")
        return "untold" not in request.query_params

    def validate_state_change(self, state: dict[str, int], source: Source) -> None:
        if state["n"] == 13:
            raise ValueError("unlucky")
        self.note("asked", state, source)

    async def on_state_changed(self, state: dict[str, int], source: Source) -> None:
        self.note("told", state, source)

    def note(self, what: str, state: dict[str, int], source: Source) -> None:
        self.env["changes"].append((what, state["n"], source if source == "server" else source.id))

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        match message:
            case "unlock":
                connection.set_readonly(False)
            case "write":
                self.env["late"] = self.spawn(self.write())
        connection.send(message)

    async def on_close(self, connection: Connection, code: int, reason: str, was_clean: bool) -> None:
        self.env["closed"].put_nowait((connection.id, code, was_clean))

    async def on_error(self, error: Exception) -> None:
        self.env["errors"].append(str(error))

    @callable()
    async def write(self) -> int:
        await self.set_state({"n": self.state["n"] + 1})
        return self.state["n"]

    @callable()
    def tagged(self, tag: str | None) -> list[list[str]]:
        return [list(one.tags) for one in self.get_connections(tag)]

    @callable()
    def shout(self) -> None:
        self.broadcast("all of you")

    @callable()
    def end(self, id: str) -> list[Any]:
        connection = self.connections.get(id)
        assert connection is not None
        connection.close(4000, "enough")
        ids = [one.id for one in self.get_connections()]
        return [ids, len(self.connections), len(self.get_connections(id)), self.connections.get(id) is None]


class Secret(Hall):
    send_identity_on_connect = False


@pytest.fixture
def env() -> dict[str, Any]:
    return {"asked": [], "changes": [], "errors": [], "closed": asyncio.Queue()}


@pytest.fixture
async def url(tmp_path: Path, env: dict[str, Any]) -> AsyncIterator[str]:
    async with served(AgentsApp([Hall, Secret], data=tmp_path, env=env)) as address:
        yield f"ws://{address}/agents/hall/a"


async def test_the_hooks_are_asked_once_and_in_order(url: str, env: dict[str, Any]) -> None:
    async with client(url + "?readonly") as one:
        await one.call("tagged", None)
    assert env["asked"] == ["tags", "readonly", "protocol True"]


async def test_connections_are_found_by_tag_and_by_id(url: str) -> None:
    async with (
        client(url + "?_pk=a&tags=red,blue,red") as a,
        client(url + "?_pk=b&tags=blue"),
        client(url + "?_pk=c"),
    ):
        assert (await a.call("tagged", "blue"))["result"] == [["a", "red", "blue"], ["b", "blue"]]
        assert (await a.call("tagged", "c"))["result"] == [["c"]]
        assert (await a.call("tagged", "green"))["result"] == []
        assert len((await a.call("tagged", None))["result"]) == 3


@pytest.mark.parametrize(
    ("tags", "error"),
    [
        ("1,2,3,4,5,6,7,8,9", None),
        ("1,2,3,4,5,6,7,8,9,10", "9 tags besides its id at most, not 10"),
        ("a,", "'' is no tag"),
        ("LONG", "is no tag of a connection: give a str of 1 to 256 characters"),
        ("text", "get_connection_tags gave 'text': give a list of str"),
    ],
)
async def test_tags_have_limits(url: str, env: dict[str, Any], tags: str, error: str | None) -> None:
    async with connect(f"{url}?tags={tags}") as socket:
        one = Client(socket)
        if error is None:
            await one.next(3)
        else:
            assert await one.closed() == (1011, "Uncaught exception during session setup")
            assert error in env["errors"][0]


async def test_for_a_readonly_connection_the_state_does_not_change(url: str, env: dict[str, Any]) -> None:
    async with client(url + "?readonly") as guest, client(url) as editor:
        for n in (9, 13):  # nobody is asked whether it fits
            await guest.send({"type": "cf_agent_state", "state": {"n": n}})
            assert await guest.next() == [{"type": "cf_agent_state_error", "error": READONLY}]
        assert await guest.call("write") == {"success": False, "error": READONLY}
        await guest.send("write")  # also by a task that outlives its message
        assert await guest.next() == ["write"]
        await asyncio.wait([env["late"]])
        assert env["errors"] == [READONLY]
        assert (await editor.call("write"))["result"] == 1
        assert await guest.next() == [{"type": "cf_agent_state", "state": {"n": 1}}]


async def test_the_agent_learns_who_changes_its_state(url: str, env: dict[str, Any]) -> None:
    async with client(url + "?_pk=ann") as ann, client(url + "?_pk=bob") as bob:
        await ann.send({"type": "cf_agent_state", "state": {"n": 5}})
        assert await bob.next() == [{"type": "cf_agent_state", "state": {"n": 5}}]
        id = await ann.ask("write")  # that is the agent's own change, of which also ann is told
        assert [frame.get("state", frame.get("id")) for frame in await ann.next(2)] == [{"n": 6}, id]
        assert await bob.next() == [{"type": "cf_agent_state", "state": {"n": 6}}]
    assert [one for one in env["changes"] if one[0] == "asked"] == [
        ("asked", 5, "ann"),
        ("asked", 6, "server"),
    ]
    assert [one for one in env["changes"] if one[0] == "told"] == [("told", 5, "ann"), ("told", 6, "server")]


async def test_a_connection_may_be_unlocked(url: str) -> None:
    async with client(url + "?readonly") as one:
        await one.send("unlock")
        await one.next()
        assert (await one.call("write"))["result"] == 1


async def test_who_is_not_told_gets_no_frames_of_the_agent_but_all_else(url: str) -> None:
    async with client(url + "?untold", greeting=0) as one, client(url) as other:
        assert (await other.call("write"))["result"] == 1
        await other.call("shout")
        await one.send("hello")
        assert await one.next(2) == ["all of you", "hello"]
        id = await one.ask("write")
        assert [frame["id"] for frame in await one.next()] == [id]


async def test_an_agent_with_a_secret_name_does_not_tell_it(url: str) -> None:
    async with client(url.replace("hall", "secret"), greeting=0) as one:
        assert [frame["type"] for frame in await one.next(2)] == ["cf_agent_state", "cf_agent_mcp_servers"]


async def test_a_connection_that_breaks_was_not_clean(url: str, env: dict[str, Any]) -> None:
    async with connect(url + "?_pk=breaks") as socket:
        await Client(socket).next(3)
        socket.transport.abort()
        assert await asyncio.wait_for(env["closed"].get(), 5) == ("breaks", 1006, False)


async def test_one_that_the_agent_has_closed_is_not_there_any_more(url: str) -> None:
    async with client(url + "?_pk=sent-away"), client(url + "?_pk=other") as other:
        assert (await other.call("end", "sent-away"))["result"] == [["other"], 1, 0, True]


async def test_one_that_is_closed_by_either_side_was_clean(url: str, env: dict[str, Any]) -> None:
    async with client(url + "?_pk=sent-away") as one, client(url) as other:
        await other.send({"type": "rpc", "id": "1", "method": "end", "args": ["sent-away"]})
        assert await one.closed() == (4000, "enough")
        assert await asyncio.wait_for(env["closed"].get(), 5) == ("sent-away", 4000, True)
    async with client(url + "?_pk=goes"):
        pass
    closed = {await asyncio.wait_for(env["closed"].get(), 5) for _ in range(2)}
    assert ("goes", 1000, True) in closed
