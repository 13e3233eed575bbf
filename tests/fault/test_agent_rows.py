"""F7, rows of agents' unfinished work: what is damaged is never served, it is told, the rest goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, Fiber, FiberContext, Turn
from tests.agents_sdk.chat.chats import Echo, Gates, ask, talking, user
from tests.agents_sdk.chat.killed_tools import Lead
from tests.agents_sdk.chat.killed_tools import app as leads
from tests.agents_sdk.served import served
from tests.fault.rows import flip, kept, swap
from workflows import StoreError

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way is cut off soon."""
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.05)


class Heard:
    """What agents have told."""

    def __init__(self) -> None:
        self.recovered: list[tuple[str, Any, Any]] = []
        self.errors: list[str] = []


class Weaver(Agent[Heard, Any]):
    """Has fibers that never end by themselves."""

    async def on_error(self, error: Exception) -> None:
        """Tells it."""
        self.env.errors.append(str(error))

    async def on_fiber_recovered(self, fiber: Fiber) -> None:
        """Tells it."""
        self.env.recovered.append((fiber.id, fiber.metadata, fiber.snapshot))

    async def weave(self, id: str) -> None:
        """One that has stashed something, and goes on."""
        stashed = asyncio.Event()

        async def work(ctx: FiberContext) -> None:
            await ctx.stash(f"so far {id}")
            stashed.set()
            await asyncio.Event().wait()

        await self.start_fiber("cloth", work, id=id, key=f"key {id}", metadata=f"for {id}")
        await stashed.wait()

    async def idle(self, _ctx: FiberContext) -> None:
        """Does nothing."""

    async def sew(self, id: str) -> None:
        """One that ends at once."""

        await self.start_fiber("seam", self.idle, id=id, wait=True)


BEGUN = "id name key metadata snapshot created retained"
COPIES = "metadata, snapshot, created, crc, held"


@pytest.mark.parametrize("column", [*BEGUN.split(), "swapped"])
async def test_a_flipped_fiber(tmp_path: Path, column: str) -> None:
    path, heard = tmp_path / "agents.db", Heard()
    async with AgentsApp([Weaver], data=tmp_path, env=heard) as app:
        agent = await app.get_agent(Weaver, "a")
        for id in "orz":
            await agent.weave(id)
    if column == "swapped":
        swap(path, "agent_fiber", COPIES, (1, 2))
    else:
        flip(path, "agent_fiber", column, 1)
    before = kept(path, "agent_fiber")[0]
    async with AgentsApp([Weaver], data=tmp_path, env=heard) as app:
        agent = await app.get_agent(Weaver, "a")
        right = [(id, f"for {id}", f"so far {id}") for id in "orz"]
        count = 1 + (column == "swapped")
        assert heard.recovered == right[count:]
        assert [error.split(": ")[1].split(",")[0] for error in heard.errors] == [
            "restore the file from a backup"
        ] * count
        damaged = [one for one in await agent.fibers.list() if one.status == "error"]
        assert len(damaged) == (0 if column == "retained" else count)
        for one in damaged:
            assert (one.snapshot, one.metadata, one.error) == (None, None, heard.errors.pop(0))
            again = await agent.start_fiber("cloth", agent.idle, id=one.id)
            assert (again.accepted, again.status) == (False, "error")
            assert await agent.fibers.delete(one.id) == 1
    if column == "retained":
        assert kept(path, "agent_fiber")[0][7:9] == before[7:9]


async def test_a_fiber_with_a_status_that_there_is_not(tmp_path: Path) -> None:
    path, heard = tmp_path / "agents.db", Heard()
    async with AgentsApp([Weaver], data=tmp_path, env=heard) as app:
        agent = await app.get_agent(Weaver, "a")
        await agent.sew("x")
        await agent.sew("y")
    flip(path, "agent_fiber", "status", 1)
    async with AgentsApp([Weaver], data=tmp_path, env=heard) as app:
        agent = await app.get_agent(Weaver, "a")
        assert [one.status for one in await agent.fibers.list()] == ["error", "completed"]
        assert await agent.fibers.delete("x", status=["error"]) == 1


async def spoken(folder: Path) -> None:
    """A chat that was cleared, has a note, and was cut off in an answer; and another one."""
    gates = Gates()
    async with served(AgentsApp([Echo], data=folder, env=gates)) as address:
        for name in "ab":
            async with talking(address, "c", name=name) as client:
                await ask(client, "r0", user("u0", "plain"))
                while (await client.next())[-1].get("done") is not True:
                    pass
                await client.send({"type": "cf_agent_chat_clear"})
                await ask(client, "r1", user("u1", f"{name} gate:x two"), tone=f"kind {name}")
                await gates.reached("gate:x")
                gates.close("gate:x")


TURN = "first kind answer after ids body tools created"


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *[("chat_turn", column) for column in (*TURN.split(), "answer, after, ids, body, tools, crc")],
        *[("chat_chunk", column) for column in ("body", "seq", "body, crc")],
        *[("chat_context", column) for column in ("body", "tools", "body, tools, crc")],
        *[("chat_cleared", column) for column in ("digests", "digests, crc")],
    ],
)
async def test_a_flipped_turn(tmp_path: Path, table: str, column: str) -> None:
    await spoken(tmp_path)
    path = tmp_path / "agents.db"
    assert [len(kept(path, table)) for table in ("chat_turn", "chat_chunk", "chat_context")] == [2, 2, 2]
    if "," in column:
        swap(path, table, column, (1, 2))
    else:
        flip(path, table, column, 1)
    before = kept(path, table)
    said = {"turn": "the turn for", "chunk": "the answer to", "context": "the last request"}
    what = said.get(table.removeprefix("chat_"), "what was cleared")
    gates = Gates()
    async with AgentsApp([Echo], data=tmp_path, env=gates) as app:
        for name in "ab" if "," in column else "a":
            with pytest.raises(StoreError, match=f"the record of {what}.* of this chat is damaged"):
                await app.get_agent(Echo, name)
        assert kept(path, table)[:1] == before[:1]
        if "," not in column:
            agent = await app.get_agent(Echo, "b")
            gates.open("gate:x")
            async with asyncio.timeout(5):
                while len(agent.messages) < 2 or "two" not in str(agent.messages[-1]):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            [turn] = agent.turns
            assert turn.body == {"tone": "kind b"}


class Noting(Echo):
    """Says whether it can read its note."""

    async def on_chat_message(self, turn: Turn) -> Any:
        """What is noted."""
        return str(await self.chat_notes.get("n"))


@pytest.mark.parametrize("column", ["body", "body, crc"])
async def test_a_flipped_note(tmp_path: Path, column: str) -> None:
    path = tmp_path / "agents.db"
    async with AgentsApp([Noting], data=tmp_path, env=Gates()) as app:
        for name in "ab":
            await (await app.get_agent(Noting, name)).chat_notes.put({"n": f"of {name}"})
    if "," in column:
        swap(path, "chat_note", column, (1, 2))
    else:
        flip(path, "chat_note", column, 1)
    async with AgentsApp([Noting], data=tmp_path, env=Gates()) as app:
        agent = await app.get_agent(Noting, "a")
        result = await agent.save_messages([user("u1", "what is noted?")])
        assert result.status == "error"
        assert 'the record of the note "n" of this chat is damaged' in str(result.error)
        await agent.chat_notes.put({"n": "anew"})
        assert (await agent.save_messages([*agent.messages, user("u2", "and now?")])).status == "completed"
        other = await app.get_agent(Noting, "b")
        assert (await other.save_messages([user("u1", "?")])).status == (
            "error" if "," in column else "completed"
        )


ASKED = ["class", "call", "input", "preview", "display", "on_finish", "created"]
ENDED = ["summary", "error", "chunks", "status"]


@pytest.mark.parametrize("column", [*ASKED, *ENDED, "swapped", "ends swapped"])
async def test_a_flipped_run_of_an_agent_tool(tmp_path: Path, column: str) -> None:
    path, gates = tmp_path / "agents.db", Gates()
    async with leads(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        for run in ("one", "two"):
            call, shown = f"call {run}", {"as": run}
            await lead.run_agent_tool(
                Echo,
                run,
                run_id=run,
                parent_tool_call_id=call,
                display=shown,
                detached=True,
                on_finish="finish",
            )
            await asyncio.wait_for(lead.heard.wait(), 5)
            lead.heard.clear()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE agent_tool_run SET owed = 1")  # as a crash before `told` leaves it
    match column:
        case "swapped":
            swap(path, "agent_tool_run", "call, input, preview, display, crc", (1, 2))
        case "ends swapped":
            swap(path, "agent_tool_run", "summary, error, chunks, came_to", (1, 2))
        case _:
            flip(path, "agent_tool_run", column, 1)
    async with leads(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        one = await lead.agent_tools.get("one")
        assert one is not None
        assert (one.status, one.summary) == ("error", None)
        assert one.error == 'the record of the run "one" is damaged: restore the file from a backup'
        assert await lead.run_agent_tool(Echo, "one", run_id="one") == one
        two = await lead.agent_tools.get("two")
        assert two is not None
        assert two.status == ("error" if "swapped" in column else "completed")
        told = [] if column in (*ASKED, "swapped") else [("one", "error")]
        told += [] if column == "swapped" else [("two", two.status)]
        await asyncio.wait_for(_told(lead, len(told)), 5)
        assert sorted((run["run_id"], run["status"]) for run in lead.finished) == told


async def test_a_run_under_way_with_a_status_that_there_is_not(tmp_path: Path) -> None:
    path, gates = tmp_path / "agents.db", Gates()
    async with leads(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        await lead.run_agent_tool(Echo, "one gate:x two", run_id="u1", detached=True)
        await gates.reached("gate:x")
    flip(path, "agent_tool_run", "status", 1)
    async with leads(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        run = await lead.agent_tools.get("u1")
        assert run is not None
        assert (run.status, str(run.error).split(":")[0]) == (
            "error",
            'the record of the run "u1" is damaged',
        )


async def _told(lead: Lead, count: int) -> None:
    while len(lead.finished) < count:
        lead.heard.clear()
        await lead.heard.wait()
