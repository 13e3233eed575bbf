"""A chat when things do not go smoothly: an answer that does not stop, large messages, a destroyed agent."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, ChatAgent, Turn
from agents_sdk.security import Limits
from agents_sdk.storage import CHAT
from tests.agents_sdk.chat.chats import Echo, Gates, ask, stored, talking, until, user, words
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from workflows import Engine
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

RESPONSE = "cf_agent_use_chat_response"
MESSAGES = "cf_agent_chat_messages"


class Deaf(ChatAgent[Gates, Any]):
    """Does not hear that it is cancelled."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        yield "one "
        while True:
            with contextlib.suppress(asyncio.CancelledError), self.ctx.clock.waiting():
                await self.env.wait("gate:deaf")
                break
        yield f"two {turn.aborted}"


class Plain(Agent[Gates, None]):
    async def on_message(self, connection: Any, message: str | bytes) -> None:
        connection.send(f"heard {len(message)}")


class Mute(ChatAgent[Gates, Any]):
    pass


async def test_an_answer_that_does_not_stop_is_waited_for_five_seconds(gates: Gates, tmp_path: Path) -> None:
    app = AgentsApp([Deaf], data=tmp_path, env=gates, clock=VirtualClock())
    async with served(app) as address, talking(address, "ann", chat="deaf") as ann:
        await ask(ann, "r1", user("u1", "hello"))
        await gates.reached("gate:deaf")
        await ann.send({"type": "cf_agent_chat_request_cancel", "id": "r1"})
        assert (await until(ann, RESPONSE, done=True))[-1]["outcome"] == "aborted"
        assert await stored(address, chat="deaf") == [("user", "hello"), ("assistant", "one ")]
        gates.open("gate:deaf")
        await ask(ann, "r2", user("u2", "again"))
        assert words(await until(ann, RESPONSE, done=True)) == "one two False"


async def test_a_chat_takes_longer_messages_than_other_agents(gates: Gates, tmp_path: Path) -> None:
    app = AgentsApp([Echo, Plain], data=tmp_path, env=gates, limits=Limits(message=1000))
    async with served(app) as address:
        async with talking(address, "ann") as ann:
            await ask(ann, "r1", user("u1", "x" * 5_000))
            await until(ann, RESPONSE, done=True)
        async with connect(f"ws://{address}/agents/plain/a") as socket:
            await socket.send("x" * 5_000)
            assert (await Client(socket).closed())[0] == 1009


async def test_a_plain_agent_knows_nothing_of_chats(gates: Gates, tmp_path: Path) -> None:
    app = AgentsApp([Plain], data=tmp_path, env=gates)
    async with served(app) as address, talking(address, "ann", chat="plain") as ann:
        await ann.send('{"type":"cf_agent_chat_clear"}')
        assert await ann.next() == ["heard 30"]


async def test_a_class_that_does_not_say_how_it_answers_says_so(gates: Gates, tmp_path: Path) -> None:
    app = AgentsApp([Mute], data=tmp_path, env=gates)
    async with served(app) as address, talking(address, "ann", chat="mute") as ann:
        await ask(ann, "r1", user("u1", "hello"))
        assert "on_chat_message" in (await until(ann, RESPONSE, done=True))[-1]["body"]


async def test_nothing_is_left_of_a_destroyed_chat(gates: Gates, tmp_path: Path) -> None:
    app = AgentsApp([Echo], data=tmp_path, env=gates)
    async with app:
        agent = await app.get_agent(Echo, "a")
        await agent.clear_messages()
        await agent.save_messages([user("u1", "hello")])
        await agent.destroy()
        del agent
        assert (await app.get_agent(Echo, "a")).messages == []
    file = sqlite3.connect(tmp_path / "agents.db")
    with contextlib.closing(file):
        for table in ("chat_message", "chat_turn", "chat_chunk", "chat_context", "chat_note", "chat_cleared"):
            assert file.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)
    assert len(CHAT.forget) == 6


async def test_a_finished_turn_leaves_its_messages_only(gates: Gates, tmp_path: Path) -> None:
    async with AgentsApp([Echo], data=tmp_path, env=gates) as app:
        agent = await app.get_agent(Echo, "a")
        await agent.save_messages([user("u1", " ".join("word" for _ in range(500)))])
    file = sqlite3.connect(tmp_path / "agents.db")
    with contextlib.closing(file):
        assert file.execute("SELECT COUNT(*) FROM chat_message").fetchone() == (2,)
        for table in ("chat_turn", "chat_chunk"):
            assert file.execute(f"SELECT COUNT(*) FROM {table}").fetchone() == (0,)


async def test_a_client_that_leaves_does_not_stop_its_answer(gates: Gates, tmp_path: Path) -> None:
    app = AgentsApp([Echo], data=tmp_path, env=gates)
    async with served(app) as address, talking(address, "bob") as bob:
        async with talking(address, "ann") as ann:
            await ask(ann, "r1", user("u1", "one gate:x two"))
            await gates.reached("gate:x")
        gates.open("gate:x")
        assert words(await until(bob, RESPONSE, done=True)) == "one two "
        assert ("assistant", "one two ") in await stored(address)


async def test_a_message_that_finds_no_room_is_not_kept_and_its_client_is_told(
    gates: Gates, tmp_path: Path
) -> None:
    async with Engine(tmp_path / "agents.db", []) as engine:
        app = AgentsApp([Echo], engine=engine, env=gates)
        async with served(app) as address, talking(address, "ann") as ann:
            await ask(ann, "r1", user("u1", "hello"))
            await until(ann, RESPONSE, done=True)
            engine.store.patience = 0.05
            [[pages]] = await engine.store.read("PRAGMA page_count")
            await engine.store.write(
                lambda file: file.execute(f"PRAGMA max_page_count={pages + 8}").fetchall()
            )
            await ask(ann, "r2", user("u1", "hello"), user("u2", "x" * 500_000))
            [refused] = await ann.next()
            assert (refused["id"], refused["error"], refused["done"]) == ("r2", True, True)
            assert len(await stored(address)) == 2
            await engine.store.write(lambda file: file.execute("PRAGMA max_page_count=100000").fetchall())
            await ask(ann, "r3", user("u1", "hello"), user("u2", "again"))
            assert words(await until(ann, RESPONSE, done=True)) == "again "
