"""Files of earlier versions."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agents_sdk import Agent, AgentsApp, ChatAgent
from agents_sdk.storage import STORED
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
OLDER = {
    "queue": (1, [ITEM]),
    "streams": (
        1,
        [
            "INSERT INTO agent_stream(agent, name, last, created) VALUES(7, 's', 1, 1.5)",
            "INSERT INTO agent_chunk(stream, place, value) VALUES(1, 1, x'36')",
        ],
    ),
    "chat": (3, [MESSAGE]),
}
"""What a file has that was written before there were checksums."""


class Busy(ChatAgent[asyncio.Queue[int], None]):
    async def note(self, payload: int) -> None:
        self.env.put_nowait(payload)


async def test_rows_without_a_checksum_are_served(tmp_path: Path) -> None:
    components = {stored.component: stored for stored in STORED}
    async with await Store.open(tmp_path / "agents.db", clock=SystemClock()) as store:
        await store.migrate("agents", components["agents"].steps)
        await store.write(Statement("INSERT INTO agent VALUES(7, 'Busy', 'a', 1.5, 0, 0)"))
        for component, (version, inserts) in OLDER.items():
            await store.migrate(component, components[component].steps[:version])
            for insert in inserts:
                await store.write(Statement(insert))
    called = asyncio.Queue[int]()
    async with AgentsApp([Busy], data=tmp_path, env=called) as app:
        agent = await app.get_agent(Busy, "a")
        assert await asyncio.wait_for(called.get(), 5) == 5
        assert [chunk.value async for chunk in agent.streams.read("s", live=False)] == [6]
        assert [message["id"] for message in agent.messages] == ["m"]
