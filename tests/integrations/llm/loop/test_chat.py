"""A loop behind a chat: real server, real WebSocket; what clients see, and what they approve."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import AgentsApp, ChatAgent, Turn
from integrations.llm import LLM, Patience
from integrations.llm.loop import AgentLoop, Limits, Tool, answer_approvals, show_loop
from integrations.llm.streaming import show
from integrations.llm.testing import Reply, Script, ScriptedModel
from tests.agents_sdk.chat.chats import ask, chunks_in, stored, talking, until, user
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from tests.integrations.llm.loop.looping import call, calling, sound, told
from workflows import WorkflowEntrypoint, WorkflowEvent, WorkflowStep

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """The client of the tests waits for a frame no longer than 5 seconds; loading openai may take as long."""
    importlib.import_module("integrations.llm.chat")


RESPONSE = "cf_agent_use_chat_response"


@dataclass
class World:
    """The model, and money that goes out."""

    llm: LLM
    paid: list[int] = field(default_factory=list)


class Answer(WorkflowEntrypoint[World, str]):
    """A loop that may pay when a human agrees."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        async def pay(amount: int) -> str:
            """Pays."""
            self.env.paid.append(amount)
            return f"paid {amount}"

        async def look() -> str:
            """Looks."""
            return "fine"

        loop = AgentLoop(self.env.llm, [Tool(pay, approval=True), look], limits=Limits(turns=3), stream=True)
        return (await loop.run(step, "answer", event.payload)).text


class Plain(WorkflowEntrypoint[World, str]):
    """One streamed step."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> str:
        return (await self.env.llm.complete(step, "answer", event.payload, stream=True)).text


class Shop(ChatAgent[World, Any]):
    """Answers by a workflow; which one, the name of the chat says."""

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[Any]:
        asked = next(one for one in reversed(turn.messages) if one["role"] == "user")
        text = asked["parts"][0]["text"]
        if self.name == "plain":
            plain = await self.workflow(Plain).create(id=asked["id"], params=text, exist_ok=True)
            async for shown in show(plain, "answer"):
                yield shown
            return
        answer = await self.workflow(Answer).create(id=asked["id"], params=text, exist_ok=True)
        before = turn.messages[-1] if turn.continuation else None
        if before is not None:
            await answer_approvals(answer, before)
        async for shown in show_loop(answer, "answer", before):
            yield shown


@asynccontextmanager
async def shop(
    folder: Path, script: Script, name: str = "a"
) -> AsyncIterator[tuple[Client, World, str, ScriptedModel]]:
    """A client that talks to a shop."""
    async with (
        ScriptedModel(script) as model,
        LLM("m", base_url=model.url, timeout=5, patience=Patience(limit=2, first=0.05)) as llm,
    ):
        world = World(llm)
        async with (
            served(AgentsApp([Shop], [Answer, Plain], data=folder, env=world)) as address,
            talking(address, "ann", chat="shop", name=name) as client,
        ):
            yield client, world, address, model


async def said(client: Client) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The chunks of an answer, and its last frame."""
    frames = await until(client, RESPONSE, done=True)
    return chunks_in(frames), frames[-1]


def text_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(chunk["delta"] for chunk in chunks if chunk["type"] == "text-delta")


async def test_the_answer_of_a_step_is_streamed_into_a_chat(tmp_path: Path) -> None:
    async with shop(tmp_path, ["It rains on the hills."], "plain") as (client, _, address, _):
        await ask(client, "r1", user("u1", "Why?"))
        chunks, last = await said(client)
        assert (text_of(chunks), last.get("error")) == ("It rains on the hills.", None)
        assert await stored(address, chat="shop", name="plain") == [
            ("user", "Why?"),
            ("assistant", "It rains on the hills."),
        ]


async def test_a_retry_that_says_the_same_is_not_seen(tmp_path: Path) -> None:
    words = "one two three four five six seven eight nine ten " * 5
    cut = Reply(words + "and", finish_reason=None, chunk_delay=0.005)
    async with shop(tmp_path, [cut, f"{words}and eleven"], "plain") as (client, _, _, model):
        await ask(client, "r1", user("u1", "Count!"))
        chunks, last = await said(client)
        assert text_of(chunks) == f"{words}and eleven"
        assert (last.get("error"), len(model.asked)) == (None, 2)


async def test_one_that_says_something_else_is_an_error_and_asked_again_the_answer(tmp_path: Path) -> None:
    words = "one two three four five six seven eight nine ten " * 5
    cut = Reply(words, finish_reason=None, chunk_delay=0.005)
    async with shop(tmp_path, [cut, "It rains."], "plain") as (client, _, address, model):
        await ask(client, "r1", user("u1", "Why?"))
        _, last = await said(client)
        assert last["error"]
        assert "in other words than those that were shown" in last["body"]
        await ask(client, "r2", user("u1", "Why?"), trigger="regenerate-message")
        chunks, last = await said(client)
        assert (text_of(chunks), len(model.asked)) == ("It rains.", 2)
        assert (await stored(address, chat="shop", name="plain"))[-1] == ("assistant", "It rains.")


async def test_calls_and_results_are_shown_between_the_texts(tmp_path: Path) -> None:
    script: Script = [calling(call("look", id="l"), text="Let me see. "), "All is fine."]
    async with shop(tmp_path, script) as (client, _, _, _):
        await ask(client, "r1", user("u1", "How is it?"))
        chunks, _ = await said(client)
    kinds = [chunk["type"] for chunk in chunks if not chunk["type"].startswith("text-")]
    assert kinds == ["start", "tool-input-start", "tool-input-available", "tool-output-available"]
    assert text_of(chunks) == "Let me see. All is fine."
    assert [chunk["output"] for chunk in chunks if "output" in chunk] == ["fine"]


@pytest.mark.parametrize("approved", [True, False])
async def test_a_client_approves_or_refuses(tmp_path: Path, approved: bool) -> None:
    script: Script = [
        calling(call("pay", '{"amount": 5}', "p"), call("look", id="l"), text="I will pay. "),
        "That was all.",
    ]
    async with shop(tmp_path, script) as (client, world, address, model):
        await ask(client, "r1", user("u1", "Pay!"))
        chunks, _ = await said(client)
        assert [chunk["toolCallId"] for chunk in chunks if chunk["type"] == "tool-approval-request"] == ["p"]
        assert [chunk["toolCallId"] for chunk in chunks if chunk["type"] == "tool-output-available"] == ["l"]
        assert world.paid == []
        await client.send(
            {"type": "cf_agent_tool_approval", "toolCallId": "p", "approved": approved, "autoContinue": True}
        )
        chunks, last = await said(client)
        assert last.get("error") is None
        assert text_of(chunks) == "That was all."
        assert world.paid == ([5] if approved else [])
        assert told(model.asked[1])[0] == ("paid 5" if approved else "a human has refused this call")
        sound(model.asked[1])
        [_, (_, text)] = await stored(address, chat="shop")
        assert text == "I will pay. That was all."


async def test_what_ends_the_loop_is_what_clients_are_told(tmp_path: Path) -> None:
    script: Script = lambda _: calling(call("look"))  # noqa: E731  # as short as it gets
    async with shop(tmp_path, script) as (client, _, _, _):
        await ask(client, "r1", user("u1", "How is it?"))
        chunks, last = await said(client)
    assert last.get("error"), (chunks, last)
    assert "has answered 3 times, and still calls tools" in last["body"]
    outputs = [chunk for chunk in chunks if chunk["type"] == "tool-output-available"]
    assert len({chunk["toolCallId"] for chunk in outputs}) == 3


async def test_an_answer_is_shown_while_it_is_made(tmp_path: Path) -> None:
    async with shop(tmp_path, [Reply("one two", chunk_delay=0.2)], "plain") as (client, _, _, _):
        await ask(client, "r1", user("u1", "Count!"))
        frames = await until(client, RESPONSE, done=True)
    deltas = [chunk["delta"] for chunk in chunks_in(frames) if chunk["type"] == "text-delta"]
    assert deltas == ["one ", "two"]
