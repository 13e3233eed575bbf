"""A workflow that is nothing but a loop, and what the tests look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from integrations.llm import LLM, Patience, ToolCall
from integrations.llm.loop import AgentLoop, LoopResult, Tool
from integrations.llm.testing import Asked, Reply, Script, ScriptedModel
from workflows import Clock, Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

__all__ = ["Support", "World", "call", "calling", "loop_of", "running", "sound", "told"]


@dataclass
class World:
    """What the loop works with; `terms` are options of `AgentLoop`."""

    llm: LLM
    tools: Sequence[Tool | Callable[..., Any]]
    terms: dict[str, Any] = field(default_factory=dict)
    errors: list[Exception] = field(default_factory=list)


class Support(WorkflowEntrypoint[World, str]):
    """Asks, and ends with all that is known of the loop."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> LoopResult:
        world = self.env
        try:
            return await AgentLoop(world.llm, world.tools, **world.terms).run(step, "help", event.payload)
        except Exception as error:
            world.errors.append(error)
            raise


def call(name: str, arguments: str = "{}", id: str = "") -> ToolCall:
    """A call as a model writes it."""
    return ToolCall(id=id or f"id-{name}", name=name, arguments=arguments)


def calling(*calls: ToolCall, text: str = "", finish_reason: str = "tool_calls") -> Reply:
    """An answer that wants tools called."""
    return Reply(text, tool_calls=calls, finish_reason=finish_reason)


@asynccontextmanager
async def running(
    path: Path,
    url: str,
    tools: Sequence[Tool | Callable[..., Any]],
    *,
    clock: Clock | None = None,
    **terms: Any,
) -> AsyncIterator[tuple[Engine, World]]:
    """An engine and a model of their own, as after a restart."""
    async with LLM("m", base_url=url, patience=Patience(limit=2, jitter=0), timeout=5) as llm:
        world = World(llm, tools, terms)
        async with Engine(path, [Support], env=world, clock=clock or VirtualClock()) as engine:
            yield engine, world


async def loop_of(
    path: Path, script: Script, tools: Sequence[Tool | Callable[..., Any]], **terms: Any
) -> tuple[LoopResult, list[Asked]]:
    """How a loop ends, and what was asked; each request is looked at."""
    async with ScriptedModel(script) as model, running(path, model.url, tools, **terms) as (engine, _):
        result: LoopResult = await (await engine.workflow(Support).create(id="1", params="Help!")).result()
        asked = [*model.asked]
    for one in asked:
        sound(one)
    return result, asked


def sound(asked: Asked) -> None:
    """Every call that a request shows has exactly one result, right behind it, in the order of the calls."""
    messages = list(asked.body["messages"])
    ids = [made["id"] for message in messages for made in message.get("tool_calls", ())]
    assert len(ids) == len(set(ids))
    at = 0
    while at < len(messages):
        calls = messages[at].get("tool_calls", ())
        results = messages[at + 1 : at + 1 + len(calls)]
        assert [one["id"] for one in calls] == [one.get("tool_call_id") for one in results]
        at += 1 + len(calls)
        assert at >= len(messages) or messages[at]["role"] != "tool"


def told(asked: Asked) -> list[str]:
    """The results that the model was given after its last answer."""
    messages = asked.body["messages"]
    last = max(at for at, message in enumerate(messages) if message["role"] == "assistant")
    return [message["content"] for message in messages[last + 1 :]]
