"""Files of earlier versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents_sdk import Agent, AgentsApp
from agents_sdk.storage import STORED
from workflows import Statement, Store, SystemClock

pytestmark = pytest.mark.anyio


class Kept(Agent[None, dict[str, int]]): ...


INSERTS = (
    "INSERT INTO agent VALUES(7, 'Kept', 'a', 1.5)",
    "INSERT INTO agent VALUES(7, 'Kept', 'a', 1.5, 0)",
)


@pytest.mark.parametrize("version", [1, 2])
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
