"""Messages that do not fit are made shorter once, and asked again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from integrations.compaction import Compaction, compact, from_wire, summarise_with
from integrations.llm import LLM, ContextOverflow, Message, Shorten
from integrations.llm.testing import Asked, ErrorReply, Reply, ScriptedModel
from integrations.llm.testing.replies import Scripted
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowFailed, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

OVERFLOW = ErrorReply(400, code="context_length_exceeded", message="too long")
LONG: list[Message] = [{"role": "user", "content": f"part {number}"} for number in range(5)]


@dataclass
class Env:
    """What the workflow works with, and how often it has shortened."""

    llm: LLM
    shorten: Shorten | None
    shortened: list[int] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Ask(WorkflowEntrypoint[Env, None]):
    """Asks for what may be too long, and waits before it ends."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        answer = await self.env.llm.complete(step, "ask", LONG, shorten=self.env.shorten)
        self.env.answered.set()
        await step.wait_for_event("go on", "go")
        return answer.text


async def newest(step: WorkflowStep, messages: tuple[Message, ...]) -> Sequence[Message]:
    return messages[-1:]


@asynccontextmanager
async def running(path: Path, url: str, shorten: Shorten | None) -> AsyncIterator[tuple[Engine, Env]]:
    async with LLM("m", base_url=url) as llm:
        env = Env(llm, shorten)
        async with Engine(path, [Ask], env=env, clock=VirtualClock()) as engine:
            yield engine, env


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


async def failure(path: Path, script: list[Scripted | str], shorten: Shorten | None) -> tuple[str, int]:
    """The name of the error that ends it, and how often the model was asked."""
    async with ScriptedModel(script) as model, running(path, model.url, shorten) as (engine, _):
        with pytest.raises(WorkflowFailed) as caught:
            await (await engine.workflow(Ask).create(id="1")).result()
    return caught.value.name, len(model.asked)


async def test_what_does_not_fit_is_shortened_and_asked_again(path: Path) -> None:
    async with ScriptedModel([OVERFLOW, "fits"]) as model:
        async with running(path, model.url, newest) as (engine, env):
            await engine.workflow(Ask).create(id="1")
            await env.answered.wait()
        async with running(path, model.url, newest) as (engine, _):
            handle = engine.workflow(Ask).get("1")
            await handle.send_event("go")
            assert await handle.result() == "fits"
    assert [len(asked.body["messages"]) for asked in model.asked] == [5, 1]


async def test_a_second_overflow_is_the_end(path: Path) -> None:
    assert await failure(path, [OVERFLOW, OVERFLOW, "never"], newest) == (ContextOverflow.__name__, 2)


async def test_what_cannot_be_made_shorter_is_not_asked_again(path: Path) -> None:
    async def same(step: WorkflowStep, messages: tuple[Message, ...]) -> Sequence[Message]:
        return messages

    assert await failure(path, [OVERFLOW, "never"], same) == (ContextOverflow.__name__, 1)


async def test_without_shorten_it_is_an_error(path: Path) -> None:
    assert await failure(path, [OVERFLOW, "never"], None) == (ContextOverflow.__name__, 1)


async def test_compaction_shortens(path: Path) -> None:
    """A summary in a step of its own, which a second run does not pay again."""
    words = "word " * 400

    def server(asked: Asked) -> Scripted:
        if "Summarise the older part" in str(asked.body["messages"][0]["content"]):
            return Reply("They said word, many times.")
        if len(str(asked.body["messages"])) > 10_000:
            return OVERFLOW
        return Reply("fits")

    class Talk(WorkflowEntrypoint[LLM, None]):
        """Asks with a long history."""

        async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
            llm = self.env

            async def shorter(step: WorkflowStep, messages: tuple[Message, ...]) -> Sequence[Message]:
                settings = Compaction(window=3_000, reserve=500, tail=200)
                outcome = await compact(
                    step, from_wire(messages), summarise=summarise_with(llm), settings=settings
                )
                return [message.wire() for message in outcome.messages]

            history: list[Message] = [{"role": "user", "content": f"{number} {words}"} for number in range(9)]
            answer = await llm.complete(step, "ask", history, shorten=shorter)
            return answer.text

    async with (
        ScriptedModel(server) as model,
        LLM("m", base_url=model.url) as llm,
        Engine(path, [Talk], env=llm, clock=VirtualClock()) as engine,
    ):
        instance = await engine.workflow(Talk).create(id="1")
        assert await instance.result() == "fits"
        names = [entry["name"] for entry in (await instance.export())["entries"]]
    assert len(model.asked) == 3
    assert "They said word" in str(model.asked[2].body["messages"])
    summary = names.pop(1)
    assert names == ["ask", "ask, shortened"]
    assert summary.startswith("ask/compact ")
