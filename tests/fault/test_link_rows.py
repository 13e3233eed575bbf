"""F7, the rows that lead elsewhere: whose an instance is, MCP servers, and when a step is due."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, McpError
from tests.agents_sdk.mcp_server import McpApp
from tests.agents_sdk.served import served
from tests.agents_sdk.workflow.desk import Talk, desk, opened, settled
from tests.fault.rows import flip, kept, swap
from workflows import Engine, Failure, StoreError, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


class Plain(Agent[None, Any]):
    """Has MCP servers."""


@pytest.mark.parametrize("column", ["id", "name", "url", "headers", "url, headers, crc"])
async def test_a_flipped_mcp_server(tmp_path: Path, column: str) -> None:
    path, server = tmp_path / "agents.db", McpApp(events=False)
    async with served(server.app, lifespan="off") as address:
        async with AgentsApp([Plain], data=tmp_path) as app:
            plain = await app.get_agent(Plain, "a")
            for name in ("one", "two"):
                await plain.add_mcp_server(name, f"http://{address}/mcp?{name}", id=name, headers={"x": name})
        if "," in column:
            swap(path, "agent_mcp", column, (1, 2))
        else:
            flip(path, "agent_mcp", column, 1)
        before, sessions = kept(path, "agent_mcp"), len(server.deleted)
        async with AgentsApp([Plain], data=tmp_path) as app:
            plain = await app.get_agent(Plain, "a")
            damaged = 1 + ("," in column)
            async with asyncio.timeout(5):
                while any(one.state != "ready" for one in plain.get_mcp_servers()[damaged:]):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            for one in plain.get_mcp_servers()[:damaged]:
                assert (one.state, one.url, one.headers) == ("failed", "", {})
                assert "restore the file from a backup, or add it again with this id" in str(one.error)
                with pytest.raises(McpError, match=f'the record of the MCP server "{one.id}" is damaged'):
                    await plain.mcp.call_tool(one.id, "add", {"a": 1})
            assert kept(path, "agent_mcp") == before
            if column == "url":
                again = await plain.add_mcp_server("one", f"http://{address}/mcp?one", id="one")
                assert (again.state, again.error) == ("ready", None)
        assert len(server.deleted) == sessions + 2 - damaged + (column == "url")


@pytest.mark.parametrize("column", ["name", "metadata", "created", "reported", "swapped"])
async def test_a_flipped_link(tmp_path: Path, column: str) -> None:
    path, clock = tmp_path / "e.db", VirtualClock()
    talk = [["sleep", 100], ["progress", 1], ["return", 7]]
    async with opened(tmp_path, clock=clock) as (app, engine):
        agent = await desk(app)
        for id in "ab":
            await agent.run_workflow(Talk, talk, id=id, metadata={"for": id})
        await settled(engine)
    if column == "swapped":
        swap(path, "agent_workflow", "name, metadata, created, crc, agent", (1, 2))
    else:
        flip(path, "agent_workflow", column, 1)
    said = 'the record of who has started "{}" is damaged: restore the file from a backup'
    async with opened(tmp_path, clock=clock) as (app, engine):
        agent = await desk(app)
        damaged = "ab" if column == "swapped" else "a"
        found = {one.id: one for one in (await agent.workflows.list()).workflows}
        assert sorted(found) == ["a", "b"]
        for id in damaged:
            assert found[id].metadata is None
            error = found[id].error
            assert isinstance(error, Failure)
            assert said.format(id) in error.message
            for refused in (agent.workflows.restart, agent.workflows.terminate, agent.workflows.status):
                with pytest.raises(StoreError, match=said.format(id)):
                    await refused(id)
        assert found["b"].metadata == (None if column == "swapped" else {"for": "b"})
        await clock.sleep(200)
        await settled(engine)
        heard = [] if column == "swapped" else [("progress", "Talk", "b", 1), ("complete", "Talk", "b", 7)]
        assert agent.heard == heard
        for id in damaged:
            status = await engine.workflow(Talk).get(id).status()
            assert status.status == "errored"
            assert said.format(id) in str(status.error)
            assert await agent.workflows.delete(id)


class Waits(WorkflowEntrypoint[None, Any]):
    """Sleeps, waits in vain, and has a step that fails once."""

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        """What it was given, after its waits."""
        kind = event.payload
        if kind == "sleep":
            await step.sleep("w", 1_000)
        elif kind == "retry":
            await step.do("w", self.fails, retries={"limit": 1, "delay": 1_000})
        else:
            await step.wait_for_event("w", "never", timeout=1_000)
        return kind

    async def fails(self) -> None:
        """Never anything else."""
        raise ValueError("no")


@pytest.mark.parametrize("kind", ["sleep", "retry", "event"])
@pytest.mark.parametrize("column", ["due", "fixed"])
async def test_a_flipped_due(tmp_path: Path, kind: str, column: str) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    async with Engine(path, [Waits], clock=clock) as engine:
        for id in "ab":
            await engine.workflow(Waits).create(id=id, params=kind)
        await clock.sleep(10)
    flip(path, "entry", column, 1)
    async with Engine(path, [Waits], clock=clock) as engine:
        await clock.sleep(2_000)
        status = await engine.workflow(Waits).get("a").status()
        assert status.status == "paused"
        assert "the record of step" in str(status.reason)
        assert "is damaged" in str(status.reason)
        other = await engine.workflow(Waits).get("b").status()
        assert other.finished
        await engine.workflow(Waits).get("a").restart()
        await clock.sleep(2_000)
        assert (await engine.workflow(Waits).get("a").status()).status == other.status


async def test_a_pause_moves_what_is_due_and_its_checksum(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.db", VirtualClock()
    async with Engine(path, [Waits], clock=clock) as engine:
        instance = await engine.workflow(Waits).create(id="a", params="sleep")
        await clock.sleep(10)
        await instance.pause()
        await clock.sleep(500)
        await instance.resume()
    async with Engine(path, [Waits], clock=clock) as engine:
        begun = clock.now()
        assert await engine.workflow(Waits).get("a").result() == "sleep"
        assert clock.now() == pytest.approx(begun + 990)
