"""Turns that no client asked for, and what an agent hears of its answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import AgentsApp, ChatAgent, Turn, TurnResult
from agents_sdk.chat.shapes import Message
from tests.agents_sdk.chat.chats import Echo, Gates, ask, stored, talking, text_of, until, user, words
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio

RESPONSE = "cf_agent_use_chat_response"
MESSAGES = "cf_agent_chat_messages"


class Own(ChatAgent[Gates, Any]):
    """Talks to itself."""

    max_persisted_messages = 3

    async def on_start(self) -> None:
        self.refusal = ""
        self.asked: list[Turn] = []
        self.log: list[str] = []
        self.told = asyncio.Semaphore(0)

    async def on_chat_message(self, turn: Turn) -> str:
        self.asked.append(turn)
        text = text_of(turn.messages[-1])
        if text == "inside":
            try:
                await self.save_messages([user("x", "never")])
            except RuntimeError as error:
                self.refusal = str(error)
        if text.startswith("fail"):
            raise ValueError("no")
        return f"re: {text}"

    async def on_chat_response(self, response: Any) -> None:
        text = "" if response.message is None else text_of(response.message)
        self.log.append(f"{response.status} {text}{response.error or ''}")
        if text == "re: again":
            result = await self.save_messages([user("u9", "and again")])
            self.log.append(f"saved {result.status}")
        self.told.release()

    def sanitize_message_for_persistence(self, message: Message) -> Message:
        return {**message, "metadata": {"clean": True}}


@pytest.fixture
def app(gates: Gates, tmp_path: Path) -> AgentsApp:
    return AgentsApp([Own, Echo], data=tmp_path, env=gates)


@pytest.fixture
async def address(app: AgentsApp) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


async def test_a_turn_of_the_server_is_shown_to_all(address: str, app: AgentsApp) -> None:
    agent = await app.get_agent(Own, "a")
    async with talking(address, "ann", chat="own") as ann:
        result = await agent.save_messages([user("u1", "hello")])
        assert result.status == "completed"
        frames = await until(ann, RESPONSE, done=True)
        assert [frame["type"] for frame in frames] == [MESSAGES, *[RESPONSE] * 4, MESSAGES, RESPONSE]
        assert {frame["id"] for frame in frames if frame["type"] == RESPONSE} == {result.request_id}
        assert frames[-1]["messageIds"] == ["u1"]
    assert agent.messages[0] == {**user("u1", "hello"), "metadata": {"clean": True}}


async def test_a_function_is_given_the_transcript_when_no_turn_is_left(address: str, app: AgentsApp) -> None:
    agent = await app.get_agent(Own, "a")
    first = asyncio.create_task(agent.save_messages([user("u1", "one")]))
    await asyncio.sleep(0)

    def more(messages: list[Message]) -> list[Message]:
        assert [text_of(message) for message in messages] == ["one", "re: one"]
        return [*messages, user("u2", "two")]

    assert (await agent.save_messages(more)).status == "completed"
    assert (await first).status == "completed"


async def test_messages_are_kept_without_a_turn(address: str, app: AgentsApp) -> None:
    agent = await app.get_agent(Own, "a")
    async with talking(address, "ann", chat="own") as ann:
        await agent.persist_messages([user("u1", "note")])
        [frame] = await ann.next()
        assert [message["id"] for message in frame["messages"]] == ["u1"]
    assert agent.asked == []


async def test_the_oldest_messages_go(address: str, app: AgentsApp) -> None:
    agent = await app.get_agent(Own, "a")
    await agent.persist_messages([user(f"u{number}", str(number)) for number in range(5)])
    assert [message["id"] for message in agent.messages] == ["u2", "u3", "u4"]
    assert [text for _, text in await stored(address, chat="own")] == ["2", "3", "4"]


async def test_it_goes_on_with_its_last_message(address: str, app: AgentsApp) -> None:
    agent = await app.get_agent(Own, "a")
    assert await agent.continue_last_turn() is None
    await agent.save_messages([user("u1", "one")])
    answer = agent.messages[-1]["id"]
    async with talking(address, "ann", chat="own") as ann:
        assert isinstance(await agent.continue_last_turn({"tone": "dry"}), TurnResult)
        frames = await until(ann, RESPONSE, done=True)
        assert all(frame["continuation"] for frame in frames if frame["type"] == RESPONSE)
        assert words(frames) == "re: re: one"
    assert (agent.asked[-1].continuation, agent.asked[-1].body) == (True, {"tone": "dry"})
    assert [message["id"] for message in agent.messages] == ["u1", answer]
    assert [part["text"] for part in agent.messages[-1]["parts"]] == ["re: one", "re: re: one"]


async def test_a_hook_hears_of_each_answer_and_may_run_turns(address: str, app: AgentsApp) -> None:
    agent = await app.get_agent(Own, "a")
    assert (await agent.save_messages([user("u1", "fail")])).error == "no"
    await agent.save_messages([user("u2", "again")])
    for _ in range(3):
        await agent.told.acquire()
    assert agent.log == ["error no", "completed re: again", "saved completed", "completed re: and again"]


async def test_a_turn_cannot_wait_for_itself(address: str, app: AgentsApp) -> None:
    agent = await app.get_agent(Own, "a")
    await agent.save_messages([user("u1", "inside")])
    assert "self.spawn(self.save_messages(…))" in agent.refusal


async def test_what_runs_when_the_app_stops_is_given_time(gates: Gates, tmp_path: Path) -> None:
    async with served(AgentsApp([Echo], data=tmp_path, env=gates)) as address, talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
        asyncio.get_running_loop().call_later(0.1, gates.open, "gate:x")
    async with served(AgentsApp([Echo], data=tmp_path, env=gates)) as address:
        assert await stored(address) == [("user", "one gate:x two"), ("assistant", "one two ")]


async def test_who_is_cancelled_while_it_waits_stops_no_turn(address: str, app: AgentsApp) -> None:
    agent = await app.get_agent(Own, "a")
    for steps in range(1, 12):  # at whatever it waits
        waiting = asyncio.create_task(agent.save_messages([user(f"u{steps}", f"question {steps}")]))
        for _ in range(steps):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    result = await agent.save_messages([user("u99", "last")])
    assert result.status == "completed"
    assert text_of(agent.messages[-1]) == "re: last"
    assert len(agent.asked) >= 2
    assert all(turn.messages[-1]["role"] == "user" for turn in agent.asked), "none was deleted as too old"
    assert len(agent.messages) == 3
