"""`shorten=` of a model call: a real engine, a real model server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from integrations.compaction import (
    CompactionIneffective,
    Settings,
    Shortening,
    Summary,
    SummaryRequest,
    from_wire,
    summarise_with,
)
from integrations.llm import ERRORS, LLM, Patience, ToolCall
from integrations.llm.loop import AgentLoop, Limits
from integrations.llm.testing import Asked, ErrorReply, Reply, ScriptedModel
from tests.integrations.compaction.histories import calling, count, result, talk
from tests.integrations.compaction.wire_rules import complaint
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

SETTINGS = Settings(window=3_000, reserve=1_000, tail=300, keep_results=1, counter=count)


def taken(asked: Asked) -> int:
    return sum(3 + count(str(message.get("content"))) for message in asked.body["messages"])


@dataclass
class Script:
    """A model with a window of its own, which summarises, too."""

    window: int = 10_000
    calls: int = 0
    """How often it calls a tool before it answers."""
    summaries: list[Asked] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply | ErrorReply:
        if asked.body["model"] == "summariser":
            self.summaries.append(asked)
            return Reply(f"Summary {len(self.summaries)}.")
        self.asked.append(asked)
        if taken(asked) > self.window:
            return ErrorReply(400, message="too long", code="context_length_exceeded")
        if self.calls == 0:
            return Reply("Done.")
        self.calls -= 1
        return Reply("", tool_calls=[ToolCall(id=f"c{self.calls}", name="look", arguments='{"n": 1}')])


@dataclass
class Env:
    llm: LLM
    settings: Settings
    messages: list[dict[str, Any]]

    def shortening(self) -> Shortening:
        async def summarise(request: Any, ctx: Any = None) -> Any:
            return await summarise_with(self.llm, model="summariser")(request)

        return Shortening(self.settings, summarise=summarise)


class Call(WorkflowEntrypoint[Env, None]):
    errors = [*ERRORS, CompactionIneffective]

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        shorten = self.env.shortening().when_too_long
        answer = await self.env.llm.complete(step, "answer", self.env.messages, shorten=shorten)
        return answer.text


class Loop(WorkflowEntrypoint[Env, None]):
    """Calls a tool sixty times, and tells what a model would have been sent."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> list[list[dict[str, Any]]]:
        shortening = self.env.shortening()
        messages: Sequence[Mapping[str, object]] = [*self.env.messages]
        sent: list[Any] = []
        for turn in range(60):
            messages = await shortening.when_due(step.scope(f"shorten {turn}"), messages)
            sent.append([*messages])
            messages = [*messages, calling([f"c{turn}"], ["read"]), result(f"c{turn}", "word " * 240)]
        return sent


async def look(n: int) -> str:
    """Looks."""
    return "word " * 240


class Looking(WorkflowEntrypoint[Env, None]):
    """The same as an agent loop."""

    errors = [*ERRORS]

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        limits = Limits(turns=100, calls=100)
        loop = AgentLoop(self.env.llm, [look], limits=limits, shorten=self.env.shortening().when_due)
        return (await loop.run(step, "loop", "look at all of it")).text


async def ran(
    path: Path,
    workflow: type[Call | Loop | Looking],
    script: Script,
    settings: Settings,
    messages: list[dict[str, Any]],
) -> Any:
    """The output, which a replay of the whole run gives again."""
    async with (
        ScriptedModel(script) as model,
        LLM("m", base_url=model.url, patience=Patience(limit=0)) as llm,
    ):
        env = Env(llm, settings, messages)
        async with Engine(path, [workflow], env=env, clock=VirtualClock(), park="always") as engine:
            instance = await engine.workflow(workflow).create(id="1", params=None)
            return await instance.result()


async def test_a_call_that_does_not_fit_is_compacted_once_and_asked_again(tmp_path: Path) -> None:
    script = Script(window=1_300)
    assert await ran(tmp_path / "a.db", Call, script, SETTINGS, talk(7)) == "Done."
    assert [taken(one) > 1_300 for one in script.asked] == [True, False]
    assert "Summary 1." in str(script.asked[1].body["messages"])
    assert script.asked[1].body["messages"][-1] == talk(7)[-1]
    assert len(script.summaries) == 1


async def test_a_window_that_is_smaller_than_it_was_taken_for_is_no_reason_to_give_up(tmp_path: Path) -> None:
    script = Script(window=1_300)
    large = replace(SETTINGS, window=128_000)
    assert await ran(tmp_path / "a.db", Call, script, large, talk(7)) == "Done."


async def test_what_cannot_be_made_shorter_says_so(tmp_path: Path) -> None:
    script = Script(window=500)
    with pytest.raises(Exception, match="cannot be made to fit"):
        await ran(tmp_path / "a.db", Call, script, SETTINGS, [{"role": "user", "content": "word " * 4_000}])
    assert script.summaries == []


async def test_a_loop_goes_on_and_on_in_a_small_window(tmp_path: Path) -> None:
    script = Script()
    task = {"role": "user", "content": "look at all of it"}
    sent = await ran(tmp_path / "a.db", Loop, script, SETTINGS, [task])
    assert max(sum(3 + count(str(one)) for one in messages) for messages in sent) < 2_000
    assert sent[-1][0] == task
    assert [str(messages).count("in a summary made by a program") for messages in sent[-9:]] == [1] * 9
    assert 2 <= len(script.summaries) <= 20
    assert all(f"Summary {n}." in str(one.body) for n, one in enumerate(script.summaries[1:], 1))
    assert [complaint(from_wire(messages)) for messages in sent] == [None] * 60


async def test_an_agent_loop_goes_on_in_a_small_window(tmp_path: Path) -> None:
    script = Script(calls=40)
    assert await ran(tmp_path / "a.db", Looking, script, SETTINGS, []) == "Done."
    assert len(script.asked) == 41
    assert max(map(taken, script.asked)) < 1_500
    assert "look at all of it" in str(script.asked[-1].body["messages"])
    assert 1 <= len(script.summaries) <= 15


async def test_another_conversation_begins_anew(tmp_path: Path) -> None:
    shortening = Shortening(SETTINGS, summarise=never)
    step: Any = None  # no step is made where nothing is due
    first, second = talk(2), talk(3)[2:]
    assert await shortening.when_due(step, first) == first
    assert await shortening.when_due(step, second) == second
    assert await shortening.when_due(step, [*second, *first]) == [*second, *first]


async def never(request: SummaryRequest) -> Summary:
    """Is not asked."""
    raise AssertionError(request)
