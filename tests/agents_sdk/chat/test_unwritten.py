"""What cannot be written: memory, clients and the file say the same afterwards."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import AgentsApp
from agents_sdk.chat.chat import Chat
from tests.agents_sdk.chat.chats import Echo, Gates, ask, stored, talking, text_of, until, user, words
from tests.agents_sdk.served import served
from workflows import Engine, Statement

pytestmark = pytest.mark.anyio

RESPONSE = "cf_agent_use_chat_response"
MESSAGES = "cf_agent_chat_messages"
UPDATED = "cf_agent_message_updated"
CLEAR = "cf_agent_chat_clear"
NONE = "cf_agent_stream_resume_none"


class Calling(Echo):
    """Calls a tool when it hears `call`."""

    async def _chunks(self, text: str) -> AsyncIterator[dict[str, Any]]:
        async for chunk in super()._chunks(text):
            if chunk["type"] == "finish" and text.startswith("call"):
                yield {"type": "tool-input-available", "toolCallId": "c1", "toolName": "look", "input": {}}
            yield chunk


class Latest(Echo):
    message_concurrency = "latest"


class Emptying(Echo):
    """Empties its own chat when it hears `empty`."""

    async def on_chat_message(self, turn: Any) -> Any:
        if text_of(turn.messages[-1]) == "empty":
            await self.env.wait("gate:empty")
            await self.clear_messages()
        return await super().on_chat_message(turn)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with Engine(tmp_path / "agents.db", []) as engine:
        yield engine


@pytest.fixture
def app(engine: Engine, gates: Gates) -> AgentsApp:
    return AgentsApp([Echo, Calling, Latest, Emptying], engine=engine, env=gates)


@pytest.fixture
async def address(app: AgentsApp) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


async def refuse(engine: Engine, what: str) -> None:
    """From now on the file refuses this."""
    await engine.store.write(
        Statement(f"CREATE TRIGGER refused BEFORE {what} BEGIN SELECT RAISE(ABORT, 'no room'); END")
    )


async def allow(engine: Engine) -> None:
    await engine.store.write(Statement("DROP TRIGGER refused"))


def said(frame: dict[str, Any]) -> list[str]:
    return [text_of(message).strip() for message in frame["messages"]]


async def test_a_clear_that_cannot_be_written_deletes_nothing(
    address: str, app: AgentsApp, engine: Engine, gates: Gates
) -> None:
    async with talking(address, "ann") as ann, talking(address, "bob") as bob:
        await ask(ann, "r1", user("u1", "one"), model="small")
        await until(ann, RESPONSE, done=True)
        await ask(ann, "r2", user("u1", "one"), user("u2", "two gate:x three"), model="small")
        await gates.reached("gate:x")
        await ask(bob, "r3", user("u3", "last"), model="large")
        for _ in range(4):  # two for each question
            await until(ann, MESSAGES)
        await refuse(engine, "DELETE ON chat_message WHEN old.id = 'u1'")
        await ann.send({"type": CLEAR})
        transcript = (await until(ann, MESSAGES))[-1]  # her screen was empty
        assert said(transcript) == ["one", "one", "two gate:x three", "two", "last"]
        assert not any(frame["type"] == CLEAR for frame in await until(bob, RESPONSE, done=True, id="r3"))
        again = (await until(ann, RESPONSE, done=True, id="r3"))[-1]
        assert "outcome" not in again, "what had not begun is answered all the same"
        agent = await app.get_agent(Echo, "a")
        assert agent.turns[-1].body == {"model": "large"}
        assert [turn.status for turn in agent.answered] == ["completed", "aborted", "completed"]
        texts = [text.strip() for _, text in await stored(address)]
        assert texts == ["one", "one", "two gate:x three", "two", "last", "last"]
        await agent.ctx.part(Chat).transcript.load()
        assert [text_of(message).strip() for message in agent.messages] == texts
        assert await engine.store.read("SELECT first FROM chat_turn") == []
        await allow(engine)
        await ask(ann, "r4", *agent.messages, user("u4", "next"), model="new")  # none was cleared
        await until(ann, RESPONSE, done=True, id="r4")
        assert len(await stored(address)) == 8
        await agent.clear_messages()
        assert await stored(address) == []
        await agent.save_messages([user("u5", "anew")])
        assert agent.turns[-1].body is None, "what was asked before is forgotten, too"


async def test_what_comes_while_a_clear_fails_stands_behind_what_stays(
    app: AgentsApp, engine: Engine
) -> None:
    async with app:
        agent = await app.get_agent(Echo, "a")
        for number in range(3):
            await agent.persist_messages([user(f"u{number}", f"{number}")])
        await refuse(engine, "DELETE ON chat_message WHEN old.id = 'u1'")
        clearing = agent.clear_messages()
        keeping = agent.persist_messages([user("new", "new")])
        failed, kept = await asyncio.gather(clearing, keeping, return_exceptions=True)
        assert isinstance(failed, sqlite3.Error)
        assert kept is None
        assert [text_of(message) for message in agent.messages] == ["0", "1", "2", "new"]


async def test_an_answer_may_empty_its_own_chat(address: str, app: AgentsApp, gates: Gates) -> None:
    async with talking(address, "ann", chat="emptying") as ann:
        await ask(ann, "r1", user("u1", "empty"))
        await gates.reached("gate:empty")
        agent = await app.get_agent(Emptying, "a")
        waiting = asyncio.create_task(agent.save_messages([user("u2", "another")]))
        await until(ann, MESSAGES)
        gates.open("gate:empty")
        frames = await until(ann, CLEAR)
        assert (await asyncio.wait_for(waiting, 5)).status == "skipped"
        ended = {frame["id"]: frame["outcome"] for frame in frames if frame.get("done")}
        assert ended.items() <= {"r1": "aborted", (await waiting).request_id: "aborted"}.items()
        assert await stored(address, chat="emptying") == []


@pytest.mark.parametrize("by", ["agent", "client"])
async def test_messages_that_cannot_be_kept_are_nowhere(
    address: str, app: AgentsApp, engine: Engine, by: str
) -> None:
    async with talking(address, "ann") as ann:
        agent = await app.get_agent(Echo, "a")
        await agent.persist_messages([user("u1", "one")])
        await until(ann, MESSAGES)
        await refuse(engine, "INSERT ON chat_message")
        if by == "agent":
            with pytest.raises(sqlite3.Error):
                await agent.persist_messages([user("u2", "two")])
        else:
            await ann.send({"type": MESSAGES, "messages": [user("u1", "one"), user("u2", "two")]})
            assert said((await ann.next())[0]) == ["one"]
        assert await stored(address) == [("user", "one")]
        assert [text_of(message) for message in agent.messages] == ["one"]


async def test_a_result_that_cannot_be_kept_is_not_shown(
    address: str, app: AgentsApp, engine: Engine
) -> None:
    async with talking(address, "ann", chat="calling") as ann:
        await ask(ann, "r1", user("u1", "call"))
        await until(ann, RESPONSE, done=True)
        await refuse(engine, "INSERT ON chat_message")
        result = {"type": "cf_agent_tool_result", "toolCallId": "c1", "output": 7, "autoContinue": False}
        await ann.send(result)
        [updated] = await ann.next()
        assert updated["message"]["parts"][-1]["state"] == "input-available"
        await allow(engine)
        await ann.send(result)  # so it can be given again
        [updated] = await ann.next()
        assert updated["message"]["parts"][-1]["output"] == 7


async def test_who_was_to_make_room_for_what_cannot_be_kept_is_answered(
    address: str, engine: Engine, gates: Gates
) -> None:
    first = user("u1", "one gate:x")
    async with talking(address, "ann", chat="latest") as ann, talking(address, "bob", chat="latest") as bob:
        await ask(ann, "r1", first)
        await gates.reached("gate:x")
        await ask(bob, "r2", first, user("u2", "two"))
        await until(ann, MESSAGES)
        await until(ann, MESSAGES)
        await refuse(engine, "INSERT ON chat_turn")
        await ask(ann, "r3", first, user("u3", "three"))
        await ann.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})  # behind it
        await until(ann, NONE)
        await allow(engine)
        gates.open("gate:x")
        frames = await until(bob, RESPONSE, done=True, id="r2")
        assert words([frame for frame in frames if frame.get("id") == "r2"]) == "two "
    assert [text for _, text in await stored(address, chat="latest")] == ["one gate:x", "one ", "two", "two "]


async def test_a_queued_turn_that_is_cancelled_ends_also_when_that_cannot_be_written(
    address: str, app: AgentsApp, engine: Engine, gates: Gates
) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one gate:x"))
        await gates.reached("gate:x")
        await ask(ann, "r2", user("u1", "one gate:x"), user("u2", "two"))
        await refuse(engine, "DELETE ON chat_turn WHEN old.first = 'r2'")
        await ann.send({"type": "cf_agent_chat_request_cancel", "id": "r2"})
        *_, last = await until(ann, RESPONSE, done=True)
        assert (last["id"], last["outcome"]) == ("r2", "aborted")
        gates.open("gate:x")
        await until(ann, RESPONSE, done=True, id="r1")
        assert len((await app.get_agent(Echo, "a")).turns) == 1
