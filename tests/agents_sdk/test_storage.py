"""Files of earlier versions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, ChatAgent, Fiber, Turn
from agents_sdk.storage import STORED
from agents_sdk.workflow.tracking import Tracking
from workflows import Statement, Store, SystemClock

pytestmark = pytest.mark.anyio


class Kept(Agent[None, dict[str, int]]): ...


INSERTS = (
    "INSERT INTO agent VALUES(7, 'Kept', 'a', 1.5)",
    "INSERT INTO agent VALUES(7, 'Kept', 'a', 1.5, 0)",
    "INSERT INTO agent VALUES(7, 'Kept', 'a', 1.5, 0, 0)",
)


@pytest.mark.parametrize("version", [1, 2, 3])
async def test_agents_of_an_older_file_keep_their_number_and_their_state(
    tmp_path: Path, version: int
) -> None:
    [agents] = [stored for stored in STORED if stored.component == "agents"]
    async with await Store.open(tmp_path / "agents.db", clock=SystemClock()) as store:
        await store.migrate("agents", agents.steps[:version])
        await store.write(Statement(INSERTS[version - 1]))
        await store.write(Statement("INSERT INTO agent_state VALUES(7, 1, ?)", (b'{"n":3}',)))
    async with AgentsApp([Kept], data=tmp_path) as app:
        agent = await app.get_agent(Kept, "a")
        assert (agent.ctx.id, agent.state) == (7, {"n": 3})
        assert (await app.get_agent(Kept, "b")).ctx.id == 8


ITEM = """
INSERT INTO agent_item(agent, id, method, payload, created, attempts, base_delay, max_delay)
VALUES(7, 'i', 'note', x'35', 1.5, 3, 0.1, 3.0)
"""
MESSAGE = """
INSERT INTO chat_message(agent, id, part, place, body)
VALUES(7, 'm', 0, 1.0, CAST('{"id":"m","role":"user","parts":[]}' AS BLOB))
"""
TURN = """
INSERT INTO chat_turn(agent, first, request, kind, attempt, answer, ids, body, tools, created)
VALUES(7, 'r', 'r', 'message', 0, 'x', CAST('["m"]' AS BLOB), CAST('{"tone":"kind"}' AS BLOB),
  CAST('null' AS BLOB), 4e9)
"""
CONTEXT = """
INSERT INTO chat_context VALUES(7, CAST('{"tone":"kind"}' AS BLOB), CAST('null' AS BLOB))
"""
CHUNK = """
INSERT INTO chat_chunk(agent, first, seq, body) VALUES(7, 'r', 0, CAST('[{"type":"start"}]' AS BLOB))
"""
NOTE = "INSERT INTO chat_note(agent, key, body) VALUES(7, 'n', CAST('7' AS BLOB))"
CLEARED = "INSERT INTO chat_cleared(agent, digests) VALUES(7, x'000102030405060708090a0b0c0d0e0f')"
FIBER = """
INSERT INTO agent_fiber(agent, id, name, retained, status, metadata, snapshot, created)
VALUES(7, 'f', 'cloth', 1, 'running', x'38', x'39', 1.5)
"""
RUN = """
INSERT INTO agent_tool_run(agent, id, class, input, status, chunks, summary, owed, created)
VALUES(7, 'u', 'Busy', 'hello', 'completed', CAST('[]' AS BLOB), 'done', 0, 1.5)
"""
LINK = """
INSERT INTO agent_workflow(agent, workflow, instance, name, metadata, created)
VALUES(7, 'Flow', 'i', 'FLOW', '{"for":1}', 1.5)
"""
OLDER = {
    "queue": (1, [ITEM]),
    "streams": (
        1,
        [
            "INSERT INTO agent_stream(agent, name, last, created) VALUES(7, 's', 1, 1.5)",
            "INSERT INTO agent_chunk(stream, place, value) VALUES(1, 1, x'36')",
        ],
    ),
    "chat": (4, [MESSAGE, TURN, CONTEXT, CHUNK, NOTE, CLEARED]),
    "fibers": (1, [FIBER]),
    "agent_tools": (1, [RUN]),
    "agent_workflows": (1, [LINK]),
    "mcp": (1, ["INSERT INTO agent_mcp(agent, id, name, url, headers) VALUES(7, 's', 'n', 'nowhere', '{}')"]),
}
"""What a file has that was written before there were checksums."""


class Busy(ChatAgent[asyncio.Queue[Any], None]):
    async def note(self, payload: int) -> None:
        self.env.put_nowait(payload)

    async def on_fiber_recovered(self, fiber: Fiber) -> None:
        self.env.put_nowait((fiber.metadata, fiber.snapshot))

    async def on_chat_message(self, turn: Turn) -> str:
        self.env.put_nowait(turn.body)
        return "yes"


async def test_rows_without_a_checksum_are_served(tmp_path: Path) -> None:
    components = {stored.component: stored for stored in STORED}
    async with await Store.open(tmp_path / "agents.db", clock=SystemClock()) as store:
        await store.migrate("agents", components["agents"].steps)
        await store.write(Statement("INSERT INTO agent VALUES(7, 'Busy', 'a', 1.5, 0, 0)"))
        for component, (version, inserts) in OLDER.items():
            await store.migrate(component, components[component].steps[:version])
            for insert in inserts:
                await store.write(Statement(insert))
    called = asyncio.Queue[Any]()
    async with AgentsApp([Busy], data=tmp_path, env=called) as app:
        agent = await app.get_agent(Busy, "a")
        heard = [await asyncio.wait_for(called.get(), 5) for _ in range(3)]
        assert sorted(heard, key=str) == [(8, 9), 5, {"tone": "kind"}]
        assert await agent.chat_notes.get("n") == 7
        run = await agent.agent_tools.get("u")
        assert run is not None
        assert (run.status, run.summary) == ("completed", "done")
        [server] = agent.get_mcp_servers()
        assert (server.url, server.damaged) == ("nowhere", False)
        assert [chunk.value async for chunk in agent.streams.read("s", live=False)] == [6]
        assert [message["id"] for message in agent.messages] == ["m", "x"]
    async with await Store.open(tmp_path / "agents.db", clock=SystemClock()) as store:
        link = await Tracking(store).of("Flow", "i")
        assert link is not None
        assert (link.believed, link.damage) == ('{"for":1}', None)
