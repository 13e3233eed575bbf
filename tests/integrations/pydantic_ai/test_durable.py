"""Agents in a workflow: what a replay sees is what the first run saw, and nothing is asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic_ai import (
    Agent,
    DeferredToolRequests,
    DeferredToolResults,
    FunctionToolset,
    ModelMessage,
    ModelRetry,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
    UsageLimits,
    UserError,
)

from integrations.llm import ContextOverflow, QuotaError, RequestRejected
from integrations.llm.testing import Asked, ErrorReply, Reply, ScriptedModel
from integrations.llm.testing.replies import Scripted
from integrations.pydantic_ai import Durability, durable
from tests.integrations.pydantic_ai import travelling
from tests.integrations.pydantic_ai.travelling import Journey, calls, contents, model
from workflows import (
    AmbiguousStepName,
    Engine,
    StepError,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowFatalError,
    WorkflowStep,
)
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

Park = Literal["always"] | None
Talk = Callable[[WorkflowStep], Awaitable[object]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.db"


@dataclass
class Env:
    """What the workflow does, and what it has seen of it, once for each of its runs."""

    talk: Talk
    seen: list[Any] = field(default_factory=list)


class Talking(WorkflowEntrypoint[Env, None]):
    """Does what the environment says, and waits before it ends."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
        try:
            self.env.seen.append(await self.env.talk(step))
        except Exception as error:
            self.env.seen.append((type(error), str(error)))
            raise
        finally:
            await step.wait_for_event("the end", "end")


async def twice(path: Path, talk: Talk, *, clock: VirtualClock | None = None, park: Park = None) -> Any:
    """What the first run has seen, which is what another engine sees that finds the journal only."""
    env, clock = Env(talk), clock or VirtualClock()
    async with Engine(path, [Talking], env=env, clock=clock, park=park) as engine:
        instance = await engine.workflow(Talking).create(id="1", params=None)
        async for event in instance.subscribe():
            if event.type == "wait_started" and event.step_name == "the end-1":
                break
    first = env.seen[-1]
    env.seen.clear()
    async with Engine(path, [Talking], env=env, clock=clock, park=park) as engine:
        instance = engine.workflow(Talking).get("1")
        await instance.send_event("end")
        async for _ in instance.subscribe():
            pass
    assert env.seen[-1] == first
    return first


def asking(agent: Agent[None, Any], prompt: str = "Hello", **options: Any) -> Talk:
    """One run, and all that it tells but when its requests were made."""

    async def talk(step: WorkflowStep) -> object:
        async with durable(step, "talk"):
            result = await agent.run(prompt, **options)
        usage = result.usage
        told = (usage.requests, usage.input_tokens, usage.output_tokens, usage.tool_calls)
        return result.output, told, result.run_id, [shown(message) for message in result.all_messages()]

    return talk


def shown(message: ModelMessage) -> object:
    return (
        message if message.kind == "response" else [getattr(part, "content", None) for part in message.parts]
    )


async def test_an_agent_its_tools_and_an_agent_within_a_tool(path: Path) -> None:
    used: list[str] = []
    async with ScriptedModel(travelling.script) as asked:
        output, told, run_id, _ = await twice(path, asking(travelling.agent(asked.url, used.append)))
    assert output == Journey(city="Paris", price=7)
    assert told == (3, 30, 15, 3)
    assert run_id
    assert sorted(used) == travelling.USED
    assert len(asked.asked) == 5
    assert contents(asked.asked) == ['{"city":"Paris","sky":"sun"}', '{"city":"Rome","sky":"rain"}', "7"]


@pytest.mark.parametrize("park", [None, "always"])
async def test_an_hour_of_retry_after_is_a_durable_sleep(path: Path, park: Park) -> None:
    clock = VirtualClock()
    started = clock.now()
    slow = ErrorReply(429, code="rate_limit_exceeded", headers={"retry-after": "3600"})
    script: list[Scripted] = [slow, calls(("1", "look", "{}")), slow, Reply("now")]
    looked = 0

    async with ScriptedModel(script) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])

        @agent.tool_plain
        async def look() -> str:
            nonlocal looked
            looked += 1
            return "sun"

        output, *_ = await twice(path, asking(agent), clock=clock, park=park)
    assert output == "now"
    assert looked == 1
    assert len(asked.asked) == 4
    assert 7200 <= clock.now() - started < 7210


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (ErrorReply(429, code="credit_balance_exhausted"), QuotaError),
        (ErrorReply(400, code="context_length_exceeded"), ContextOverflow),
        (ErrorReply(401), RequestRejected),
    ],
)
async def test_an_error_for_good_is_itself_on_both_runs(
    path: Path, reply: ErrorReply, error: type[Exception]
) -> None:
    async with ScriptedModel([reply]) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])
        kind, _ = await twice(path, asking(agent))
    assert kind is error
    assert len(asked.asked) == 1


async def test_nobody_answers_for_a_while(path: Path) -> None:
    clock = VirtualClock()
    script: list[Scripted] = [Reply("cut", cut_after=3), Reply("here")]
    async with ScriptedModel(script) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])
        output, *_ = await twice(path, asking(agent), clock=clock)
    assert output == "here"
    assert len(asked.asked) == 2


async def test_a_tool_asks_the_model_to_try_again(path: Path) -> None:
    tried: list[int] = []
    script = [calls((str(number), "guess", f'{{"number": {number}}}')) for number in (1, 2)]
    async with ScriptedModel([*script, Reply("two it is")]) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])

        @agent.tool_plain(retries=3)
        async def guess(number: int) -> str:
            tried.append(number)
            if number < 2:
                raise ModelRetry("larger")
            return "right"

        output, *_ = await twice(path, asking(agent))
    assert output == "two it is"
    assert tried == [1, 2]
    assert "larger" in contents(asked.asked)[0]


async def test_a_tool_that_raises_is_called_again_by_the_step_engine(path: Path) -> None:
    tried = 0
    async with ScriptedModel([calls(("1", "look", "{}")), Reply("done")]) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])

        @agent.tool_plain
        async def look() -> str:
            nonlocal tried
            tried += 1
            if tried < 3:
                raise ConnectionError("not yet")
            return "sun"

        output, *_ = await twice(path, asking(agent))
    assert output == "done"
    assert tried == 3


async def test_a_tool_that_fails_for_good_ends_the_run(path: Path) -> None:
    class Gone(Exception):
        pass

    async with ScriptedModel([calls(("1", "look", "{}"))]) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])

        @agent.tool_plain
        async def look() -> str:
            raise Gone("no such city")

        async def talk(step: WorkflowStep) -> object:
            async with durable(step, "talk", tools={"retries": {"limit": 0, "delay": 0}}):
                return await agent.run("Hello")

        kind, said = await twice(path, talk)
    assert kind is StepError
    assert "no such city" in said


async def test_what_a_tool_returns_must_be_json(path: Path) -> None:
    async with ScriptedModel([calls(("1", "look", "{}"))]) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])

        @agent.tool_plain
        async def look() -> object:
            return object()

        kind, said = await twice(path, asking(agent))
    assert issubclass(kind, WorkflowFatalError)
    assert "no JSON" in said


async def test_an_output_that_does_not_fit_is_asked_for_again_and_in_vain(path: Path) -> None:
    wrong = calls(("1", "final_result", '{"city": "Paris"}'))
    async with ScriptedModel([wrong] * 2) as asked:
        agent = Agent(model(asked.url), name="a", output_type=Journey, capabilities=[Durability[None]()])
        kind, _ = await twice(path, asking(agent, output_type=Journey))
    assert kind is UnexpectedModelBehavior
    assert len(asked.asked) == 2


async def test_limits_of_usage(path: Path) -> None:
    async with ScriptedModel(lambda asked: calls((str(len(asked.body["messages"])), "look", "{}"))) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])

        @agent.tool_plain
        def look() -> str:
            return "sun"

        kind, _ = await twice(path, asking(agent, usage_limits=UsageLimits(request_limit=2)))
    assert kind is UsageLimitExceeded
    assert len(asked.asked) == 2


@pytest.mark.parametrize("park", [None, "always"])
async def test_a_tool_waits_for_an_approval(path: Path, park: Park) -> None:
    booked: list[str] = []
    async with ScriptedModel([calls(("1", "book", '{"city": "Paris"}')), Reply("booked")]) as asked:
        agent = Agent[None, str | DeferredToolRequests](
            model(asked.url),
            name="a",
            output_type=[str, DeferredToolRequests],
            capabilities=[Durability[None]()],
        )

        @agent.tool_plain(requires_approval=True)
        def book(city: str) -> str:
            booked.append(city)
            return f"{city}-1"

        async def talk(step: WorkflowStep) -> object:
            async with durable(step, "talk"):
                result = await agent.run("Hello")
                assert isinstance(result.output, DeferredToolRequests)
                await step.sleep("approval", "2 days")
                approvals = {call.tool_call_id: True for call in result.output.approvals}
                answers = DeferredToolResults(approvals=dict(approvals))
                history = result.all_messages()
                return (await agent.run(message_history=history, deferred_tool_results=answers)).output

        assert await twice(path, talk, park=park) == "booked"
    assert booked == ["Paris"]
    assert len(asked.asked) == 2


async def test_two_agents_beside_each_other_have_places_of_their_own(path: Path) -> None:
    def script(asked: Asked) -> Reply:
        said = asked.body["messages"][0]["content"]
        return Reply(f"{said}!") if travelling.turn(asked) else calls((f"of {said}", "look", "{}"))

    async with ScriptedModel(script) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])

        @agent.tool_plain
        def look() -> str:
            return "sun"

        async def one(step: WorkflowStep, name: str) -> str:
            async with durable(step, name):
                return (await agent.run(name)).output

        async def apart(step: WorkflowStep) -> object:
            return await asyncio.gather(one(step, "left"), one(step, "right"))

        async def together(step: WorkflowStep) -> object:
            async with durable(step, "both"):
                return await asyncio.gather(agent.run("left"), agent.run("right"))

        assert await twice(path, apart) == ["left!", "right!"]
        assert len(asked.asked) == 4
        kind, said = await twice(path.with_name("2.db"), together)
    assert kind is AmbiguousStepName
    assert "under way twice" in said


async def test_outside_of_a_workflow_it_is_a_usual_agent() -> None:
    async with ScriptedModel(["Hi", "there"]) as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])
        assert [(await agent.run("Hello")).output for _ in range(2)] == ["Hi", "there"]


async def test_tools_that_the_agent_was_not_made_with_are_refused(path: Path) -> None:
    async with ScriptedModel() as asked:
        agent = Agent(model(asked.url), name="a", capabilities=[Durability[None]()])
        kind, said = await twice(path, asking(agent, toolsets=[FunctionToolset[None](id="late")]))
    assert kind is UserError
    assert "Perdure" in said
    assert asked.asked == []


def test_an_agent_needs_a_name() -> None:
    with pytest.raises(UserError, match="unique `name`"):
        Agent("test", capabilities=[Durability[None]()])
