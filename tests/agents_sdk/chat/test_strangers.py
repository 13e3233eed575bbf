"""What clients and agents do that they should not: nobody else suffers from it, and nobody waits in vain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import AgentsApp, ChatAgent, Turn
from agents_sdk.chat.calls import Calls
from agents_sdk.chat.chat import Chat
from agents_sdk.chat.policy import merged
from agents_sdk.chat.reconcile import reconciled
from agents_sdk.chat.recovery import _waits_for_human
from agents_sdk.chat.rows import Context, KeptTurn
from agents_sdk.chat.tools import unresolved
from tests.agents_sdk.chat.chats import Gates, ask, talking, text_of, until, user
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio

RESPONSE = "cf_agent_use_chat_response"


class Odd(ChatAgent[Gates, Any]):
    """Does what it is told, which is never right."""

    def sanitize_message_for_persistence(self, message: dict[str, Any]) -> dict[str, Any]:
        if message["role"] == "assistant" and "unkept" in text_of(message):
            raise ValueError("not to be kept")
        return message

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[str]:
        text = text_of(turn.messages[-1])
        yield f"{text} "
        if text == "exit":
            raise GeneratorExit("gone")
        if text == "stay":
            await self._stay()

    async def _stay(self) -> None:
        """Takes a cancellation for a wish."""
        try:
            await self.env.wait("never")
        except asyncio.CancelledError:
            await self.env.wait("gate:stop")


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
def app(gates: Gates, tmp_path: Path) -> AgentsApp:
    return AgentsApp([Odd], data=tmp_path, env=gates)


@pytest.fixture
async def address(app: AgentsApp) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


async def test_an_answer_that_cannot_be_kept_ends_all_the_same(address: str) -> None:
    async with talking(address, "ann", chat="odd") as ann:
        await ask(ann, "r1", user("u1", "unkept"))
        [*_, last] = await until(ann, RESPONSE, done=True)
        assert (last["error"], last["body"]) == (True, "The answer could not be stored.")
        async with talking(address, "bob", chat="odd") as bob:  # told of no answer that is under way
            await ask(ann, "r2", user("u1", "unkept"), user("u2", "next"))
            assert (await until(bob, RESPONSE, done=True))[-1]["id"] == "r2"


async def test_what_is_no_exception_ends_an_answer_too(address: str) -> None:
    async with talking(address, "ann", chat="odd") as ann:
        await ask(ann, "r1", user("u1", "exit"))
        [*_, last] = await until(ann, RESPONSE, done=True)
        assert last["error"]
        await ask(ann, "r2", user("u1", "exit"), user("u2", "next"))
        assert not (await until(ann, RESPONSE, done=True, id="r2"))[-1].get("error")


async def test_a_clear_leaves_nothing_of_an_answer_that_does_not_stop(
    address: str, app: AgentsApp, gates: Gates
) -> None:
    async with talking(address, "ann", chat="odd") as ann, talking(address, "bob", chat="odd") as bob:
        await ask(ann, "r1", user("u1", "stay"))
        await gates.reached("never")
        await ann.send({"type": "cf_agent_chat_clear"})
        await until(bob, "cf_agent_chat_clear")
        await gates.reached("gate:stop")
        await asyncio.sleep(0.1)  # when chunks are written behind the answer
        agent = await app.get_agent(Odd, "a")
        store = agent.ctx.part(Chat).rows._store
        assert await store.read("SELECT first FROM chat_chunk", ()) == []
        gates.open("gate:stop")
        await until(ann, RESPONSE, done=True)


async def test_a_request_with_an_endless_id_is_none(address: str) -> None:
    async with talking(address, "ann", chat="odd") as ann:
        await ask(ann, "r" * 1_001, user("u1", "hello"))
        await ask(ann, "r" * 1_000, user("u2", "hello"))
        assert {one["id"] for one in await until(ann, RESPONSE, done=True)} == {"r" * 1_000}


async def test_a_submission_without_messages_asks_for_an_answer_to_what_is_there(address: str) -> None:
    async with talking(address, "ann", chat="odd") as ann:
        await ask(ann, "r1", user("u1", "hello"))
        await until(ann, RESPONSE, done=True)
        await ask(ann, "r2")
        assert not (await until(ann, RESPONSE, done=True, id="r2"))[-1].get("error")


@pytest.mark.parametrize("state", [{}, [], 7, None])
def test_a_state_may_be_anything(state: object) -> None:
    part = {"type": "tool-look", "toolCallId": "c1", "toolName": [], "state": state}
    message = {"id": "a1", "role": "assistant", "parts": [part]}
    assert not unresolved(message)
    assert reconciled([message], [message], trust_stored=False).upserts == []
    assert reconciled([], [message], trust_stored=False).upserts == [message]
    Calls([part]).apply({"type": "tool-output-denied", "toolCallId": "c1"})


@pytest.mark.parametrize("name", [{}, [], 7, None])
def test_a_tool_may_have_any_name(name: object) -> None:
    """A turn with it that is cut off would otherwise keep its agent from ever starting again."""
    tools = Context(client_tools=[{"name": name}])
    kept = KeptTurn(
        first="r1", request="r1", kind="submit", attempt=0, answer="a1", after=None, message_ids=(),
        context=tools, created=0.0,
    )  # fmt: skip
    part = {"type": "tool-look", "toolCallId": "c1", "toolName": "look", "state": "input-available"}
    assert not _waits_for_human({"id": "a1", "role": "assistant", "parts": [part]}, kept)


@pytest.mark.parametrize("text", [7, None, {}])
def test_what_is_no_text_is_merged_as_it_is(text: object) -> None:
    odd = {"id": "u2", "role": "user", "parts": [{"type": "text", "text": text}]}
    parts = merged([user("u1", "one"), odd, user("u3", "three")])["parts"]
    assert odd["parts"][0] in parts
    assert {"type": "text", "text": "\n\nthree"} in parts or parts[-1]["text"].endswith("three")
