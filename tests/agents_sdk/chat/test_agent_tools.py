"""Agent tools: a sub-agent answers as a tool of its parent, whose clients see it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, InvalidToolRun
from agents_sdk.chat.chat import Chat
from tests.agents_sdk.chat.chats import Echo, Gates, ask, talking, text_of, until, user, words
from tests.agents_sdk.chat.killed_tools import Lead, app
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from tests.mortal import mortal
from workflows import Engine, Statement

pytestmark = pytest.mark.anyio

EVENT = "agent-tool-event"
RESPONSE = "cf_agent_use_chat_response"


class Plain(Agent[Gates, Any]): ...


class Busy(Echo):
    """Of what clients submit, it answers the latest only."""

    message_concurrency = "latest"


class Office(Agent[Gates, Any]):
    """Has a sub-agent which has sub-agents as tools."""

    async def lead(self) -> Lead:
        return await self.sub_agent(Lead, "a")


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
def leads(tmp_path: Path, gates: Gates) -> AgentsApp:
    return AgentsApp([Lead, Office], sub_agents=[Echo, Plain, Busy], data=tmp_path, env=gates)


@pytest.fixture
async def address(leads: AgentsApp) -> AsyncIterator[str]:
    async with served(leads) as address:
        yield address


def events(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame for frame in frames if frame["type"] == EVENT]


def said(frames: list[dict[str, Any]]) -> str:
    bodies = [one["event"]["body"] for one in events(frames) if one["event"]["kind"] == "chunk"]
    return "".join(json.loads(body).get("delta", "") for body in bodies)


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [one["event"]["kind"] for one in events(frames) if one["event"]["kind"] != "chunk"]


async def test_clients_see_the_run_live_and_later(address: str, gates: Gates) -> None:
    async with talking(address, "c", chat="lead") as client, talking(address, "d", chat="lead") as other:
        await ask(client, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
        frames = await until(client, EVENT, sequence=3)
        assert events(frames)[0] == {
            "type": EVENT,
            "parentToolCallId": "call-1",
            "sequence": 0,
            "event": {
                "kind": "started",
                "runId": "u1",
                "agentType": "Echo",
                "order": 1,
                "inputPreview": "one gate:x two",
            },
        }
        gates.open("gate:x")
        frames += await until(client, RESPONSE, done=True)
        assert said(frames) == "one two "
        assert [one["sequence"] for one in events(frames)] == [*range(8)]
        last = events(frames)[-1]["event"]
        assert last == {"kind": "finished", "runId": "u1", "summary": "one two "}
        assert words(frames) == "completed: one two "
        assert events(await until(other, RESPONSE, done=True)) == events(frames)
    async with talking(address, "e", chat="lead", first=[EVENT] * 8) as late:
        await ask(late, "r2", user("u1", "one gate:x two"))  # the same run: it is not begun again
        again = await until(late, RESPONSE, done=True)
        assert events(again) == []


async def test_a_new_connection_is_shown_a_run_that_is_under_way(address: str, gates: Gates) -> None:
    async with talking(address, "c", chat="lead") as client:
        await ask(client, "r1", user("u1", "one gate:x two"))
        await until(client, EVENT, sequence=3)
        first = ["cf_agent_stream_pending", *[EVENT] * 4]
        async with talking(address, "d", chat="lead", first=first) as late:
            gates.open("gate:x")
            rest = await until(late, EVENT, sequence=7)
            assert [one["sequence"] for one in events(rest)] == [4, 5, 6, 7]


async def test_a_stop_of_the_answer_aborts_the_run(address: str, gates: Gates, leads: AgentsApp) -> None:
    async with talking(address, "c", chat="lead") as client:
        await ask(client, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
        await client.send({"type": "cf_agent_chat_request_cancel", "id": "r1"})
        frames = await until(client, EVENT, sequence=4)
        assert kinds(frames) == ["started", "aborted"]
    lead = await leads.get_agent(Lead, "a")
    run = await lead.agent_tools.get("u1")
    assert run is not None
    assert (run.status, run.summary) == ("aborted", "one ")
    kid = await lead.sub_agent(Echo, "u1")
    assert [one.status for one in kid.answered] == ["aborted"]


async def test_an_error_of_the_sub_agent_ends_the_run(leads: AgentsApp) -> None:
    async with leads:
        lead = await leads.get_agent(Lead, "a")
        run = await lead.run_agent_tool(Echo, "one fail")
        assert (run.status, run.summary, run.error) == ("error", "one ", "broken")
        assert await lead.agent_tools.get(run.run_id) == run
        assert not await lead.agent_tools.abort(run.run_id)


async def test_a_detached_run_calls_a_method_at_its_end(leads: AgentsApp, gates: Gates) -> None:
    async with leads:
        lead = await leads.get_agent(Lead, "a")
        run = await lead.run_agent_tool(Echo, {"n": 1}, run_id="d", detached=True, on_finish="finish")
        assert run.status == "starting"
        await asyncio.wait_for(lead.heard.wait(), 5)
        [told] = lead.finished
        assert (told["run_id"], told["status"], told["summary"]) == ("d", "completed", '{"n":1} ')


async def test_an_abort_that_comes_at_once_begins_nothing(leads: AgentsApp) -> None:
    async with leads:
        lead = await leads.get_agent(Lead, "a")
        waits = asyncio.create_task(lead.run_agent_tool(Echo, "gate:never", run_id="x"))
        while await lead.agent_tools.get("x") is None:  # noqa: ASYNC110  # a row
            await asyncio.sleep(0)
        waits.cancel()
        await asyncio.wait([waits])
        async with asyncio.timeout(5):
            while not (run := await lead.agent_tools.get("x")) or not run.ended:  # noqa: ASYNC110  # a row
                await asyncio.sleep(0)
        assert run.status == "aborted"


@pytest.mark.parametrize("ends", ["answered", "aborted"])
async def test_a_run_waits_for_what_clients_ask_its_sub_agent(
    address: str, leads: AgentsApp, gates: Gates, ends: str
) -> None:
    lead = await leads.get_agent(Lead, "a")
    first = user("u1", "one gate:x")
    async with talking(address, "c", chat="lead", name="a/sub/busy/x") as client:
        await ask(client, "r1", first)
        await gates.reached("gate:x")
        waits = asyncio.create_task(lead.run_agent_tool(Busy, "the task", run_id="x"))
        frames = await until(client, "cf_agent_chat_messages")  # it is accepted, and shown
        assert text_of(frames[-1]["messages"][-1]) == "the task"
        if ends == "aborted":
            assert await lead.agent_tools.abort("x")
        else:
            await ask(client, "r2", first, user("u2", "two"))
        gates.open("gate:x")
        run = await asyncio.wait_for(waits, 5)
        said = "the task " if ends == "answered" else ""
        assert (run.status, run.summary) == ("completed" if said else "aborted", said)
        kid = await lead.sub_agent(Busy, "x")
        asked = [text_of(turn.messages[-1]) for turn in kid.turns]
        assert ("the task" in asked) == bool(said)


async def test_a_run_that_an_abort_of_its_parent_cut_off_goes_on(leads: AgentsApp, gates: Gates) -> None:
    async with leads:
        office = await leads.get_agent(Office, "o")
        lead = await office.lead()
        lead.spawn(lead.save_messages([user("u1", "one gate:x two")]))
        await gates.reached("gate:x")
        assert await office.children.abort(Lead, "a", "stuck")
        gates.open("gate:x")
        lead = await office.lead()
        run = await asyncio.wait_for(lead.run_agent_tool(Echo, "one gate:x two", run_id="u1"), 5)
        assert (run.status, run.summary) == ("completed", "one two ")


async def test_a_sub_agent_that_is_deleted_leaves_the_run_interrupted(leads: AgentsApp, gates: Gates) -> None:
    async with leads:
        lead = await leads.get_agent(Lead, "a")
        waits = asyncio.create_task(lead.run_agent_tool(Echo, "one gate:x", run_id="x"))
        await gates.reached("gate:x")
        assert await lead.children.abort(Echo, "x", "stuck")
        run = await asyncio.wait_for(waits, 5)
        assert run.status == "interrupted"
        assert run.error is not None
        assert "stuck" in run.error


async def test_a_clear_deletes_what_has_ended(leads: AgentsApp, gates: Gates) -> None:
    async with leads:
        lead = await leads.get_agent(Lead, "a")
        await lead.run_agent_tool(Echo, "one", run_id="ended")
        await lead.run_agent_tool(Echo, "gate:x", run_id="running", detached=True)
        await gates.reached("gate:x")
        assert await lead.agent_tools.clear() == 1
        assert await lead.agent_tools.get("ended") is None
        assert [one.name for one in await lead.children.list()] == ["running"]
        assert (await lead.run_agent_tool(Echo, "two", run_id="ended")).summary == "two "
        assert await lead.agent_tools.abort("running")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"cls": Plain}, "derive it from ChatAgent"),
        ({"run_id": ""}, "not empty"),
        ({"on_finish": "finish"}, "detached"),
        ({"run_id": "known"}, "is one of Echo"),
    ],
)
async def test_what_does_not_fit_is_refused(leads: AgentsApp, arguments: dict[str, Any], words: str) -> None:
    async with leads:
        lead = await leads.get_agent(Lead, "a")
        await lead.run_agent_tool(Echo, "hello", run_id="known")
        cls = arguments.pop("cls", Lead)
        with pytest.raises(InvalidToolRun, match=words):
            await lead.run_agent_tool(cls, "hello", **arguments)


async def test_a_new_connection_is_shown_the_latest_runs(
    address: str, leads: AgentsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_sdk.agent_tools.tools._SHOWN", 1)
    lead = await leads.get_agent(Lead, "a")
    for run in ("r1", "r2", "r3"):
        await lead.run_agent_tool(Echo, "one", run_id=run)
    async with talking(address, "c", chat="lead", first=[EVENT] * 7):
        pass


@pytest.mark.parametrize("detached", [True, False])
async def test_a_run_that_a_stop_cut_off_goes_on_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detached: bool
) -> None:
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.05)
    gates = Gates()
    async with app(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        if detached:
            await lead.run_agent_tool(Echo, "one gate:x two", run_id="u1", detached=True)
        else:
            lead.spawn(lead.save_messages([user("u1", "one gate:x two")]))
        await gates.reached("gate:x")
    gates.open("gate:x")
    async with app(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        run = await asyncio.wait_for(lead.run_agent_tool(Echo, "one gate:x two", run_id="u1"), 5)
        assert (run.status, run.summary) == ("completed", "one two ")


async def test_a_run_that_was_asked_for_in_a_stop_begins_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.2)
    gates = Gates()

    async def asks(lead: Lead) -> None:
        tools = lead.agent_tools
        await gates.wait("stopping")
        await tools.run(Echo, "one", run_id="u1")

    async with app(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        lead.spawn(asks(lead))
        await gates.reached("stopping")
        stopping = asyncio.create_task(agents.stop())
        await asyncio.sleep(0)
        gates.open("stopping")
        await stopping
    async with app(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        assert await lead.agent_tools.get("u1") is not None
        run = await asyncio.wait_for(lead.run_agent_tool(Echo, "one", run_id="u1"), 5)
        assert (run.status, run.summary) == ("completed", "one ")


async def test_who_was_not_told_of_an_end_before_a_crash_is_told(tmp_path: Path, gates: Gates) -> None:
    async with app(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        await lead.run_agent_tool(Echo, "one", run_id="u1", detached=True, on_finish="finish")
        await asyncio.wait_for(lead.heard.wait(), 5)
    with contextlib.closing(sqlite3.connect(tmp_path / "agents.db")) as file, file:
        file.execute("UPDATE agent_tool_run SET owed = 1")  # as a crash before `told` leaves it
    gates.close("finished")
    async with app(tmp_path, gates) as agents, asyncio.timeout(5):
        await gates.wait("finished")  # nobody has asked for the agent
        [told] = (await agents.get_agent(Lead, "a")).finished
        assert (told["run_id"], told["summary"]) == ("u1", "one ")


async def test_an_end_that_waits_to_be_told_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.05)

    class Slow(Lead):
        async def block(self) -> None:
            await self.env.wait("gate:block")

    async def told(engine: Engine) -> None:
        while (await engine.store.read("SELECT owed, status FROM agent_tool_run")) != [(0, "completed")]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async with Engine(tmp_path / "agents.db", []) as engine, asyncio.timeout(20):
        async with AgentsApp([Slow], sub_agents=[Echo], engine=engine, env=Gates()) as agents:
            slow = await agents.get_agent(Slow, "a")
            await slow.queue("block")
            await slow.run_agent_tool(Echo, "one", run_id="u1", detached=True, on_finish="finish")
            await told(engine)
        await engine.store.write(Statement("UPDATE agent_tool_run SET owed = 1"))  # as after a crash
        gates = Gates()
        async with AgentsApp([Slow], sub_agents=[Echo], engine=engine, env=gates) as agents:
            slow = await agents.get_agent(Slow, "a")
            await told(engine)
            gates.open("gate:block")
            while await slow.queued.list():  # noqa: ASYNC110  # rows
                await asyncio.sleep(0.01)
            assert [run["run_id"] for run in slow.finished] == ["u1"]


@pytest.mark.parametrize("has_ended", [True, False])
async def test_what_a_sub_agent_said_before_its_parent_was_there_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_ended: bool
) -> None:
    class Late(Lead):
        async def on_start(self) -> None:
            await super().on_start()
            await self.env.wait("start")

    def agents(engine: Engine, gates: Gates) -> AgentsApp:
        return AgentsApp([Late], sub_agents=[Echo], engine=engine, env=gates)

    async with Engine(tmp_path / "agents.db", []) as engine, asyncio.timeout(20):
        gates = Gates()
        gates.open("start")
        with monkeypatch.context() as patched:
            patched.setattr("agents_sdk.app._GRACE", 0.05)
            async with agents(engine, gates) as app:
                late = await app.get_agent(Late, "a")
                await late.run_agent_tool(Echo, "one gate:x two gate:y three", run_id="u1", detached=True)
                await gates.reached("gate:x")
        gates.close("start")
        gates.open("gate:x")
        async with served(agents(engine, gates)) as address:
            await gates.reached("gate:y")
            if has_ended:
                gates.open("gate:y")
                status = "SELECT status FROM agent_tool_run"
                while await engine.store.read(status) != [("completed",)]:  # noqa: ASYNC110  # a row
                    await asyncio.sleep(0.01)
            gates.open("start")
            async with connect(f"ws://{address}/agents/late/a") as socket:
                client = Client(socket)
                frames = await until(client, EVENT, sequence=4)
                gates.open("gate:y")
                frames += await until(client, EVENT, sequence=8)
            assert said(frames) == "one two three "
            assert kinds(frames)[-1] == "finished"


async def test_a_sub_agent_that_has_answered_is_not_asked_again(leads: AgentsApp) -> None:
    async with leads:
        lead = await leads.get_agent(Lead, "a")
        await lead.run_agent_tool(Echo, "one", run_id="x")
        kid = await lead.sub_agent(Echo, "x")
        watching = lead.agent_tools._shown["x"]
        assert await kid.answer_as_tool("x", "one", watching) is None  # it may end while it is asked
        assert len(kid.turns) == 1


def kill(folder: Path, how: str) -> None:
    """Begins a run in a process of its own, which is killed in it."""
    command = [sys.executable, "-m", "tests.agents_sdk.chat.killed_tools", str(folder), how]
    with mortal(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "kill me\n"
        child.send_signal(signal.SIGKILL)


needs_kill = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


@needs_kill
async def test_a_run_that_a_kill_cut_off_goes_on_in_the_answer_that_is_given_again(tmp_path: Path) -> None:
    kill(tmp_path, "awaited")
    gates = Gates()
    async with served(app(tmp_path, gates)) as address:
        await gates.reached("gate:x")
        async with talking(
            address, "c", chat="lead", first=["cf_agent_stream_pending", "cf_agent_chat_recovering", EVENT]
        ) as client:
            gates.open("gate:x")
            frames = await until(client, EVENT, sequence=7)
            assert (kinds(frames), said(frames)) == (["finished"], "one two ")
            [resuming] = await client.next()
            await client.send({"type": "cf_agent_stream_resume_ack", "id": resuming["id"]})
            assert words(await until(client, RESPONSE, done=True)) == "completed: one two "


@needs_kill
async def test_a_detached_run_that_a_kill_cut_off_calls_its_method(tmp_path: Path) -> None:
    kill(tmp_path, "detached")
    gates = Gates()
    gates.open("gate:x")
    async with app(tmp_path, gates) as agents:
        async with asyncio.timeout(5):
            await gates.wait("finished")  # nobody has asked for the agent
        lead = await agents.get_agent(Lead, "a")
        [told] = lead.finished
        assert (told["run_id"], told["status"], told["summary"]) == ("u1", "completed", "one two ")
        kid = await lead.sub_agent(Echo, "u1")
        assert [text_of(one) for one in kid.messages] == ["one gate:x two", "one two "]
    async with app(tmp_path, gates) as agents:
        lead = await agents.get_agent(Lead, "a")
        await lead.ctx.part(Chat).turns.stable()
        assert lead.finished == []
        assert await lead.agent_tools.clear() == 1, "nothing is owed"
