"""Agents in a workflow: what a replay sees is what the first run saw, and nothing is asked twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from agents import (
    Agent,
    AgentsException,
    GuardrailFunctionOutput,
    Handoff,
    InputGuardrailTripwireTriggered,
    MaxTurnsExceeded,
    ModelSettings,
    OutputGuardrailTripwireTriggered,
    RunContextWrapper,
    Runner,
    ToolOutputImage,
    ToolOutputText,
    UserError,
    function_tool,
    handoff,
    input_guardrail,
    output_guardrail,
)
from agents.extensions import handoff_filters
from pydantic import BaseModel

from integrations.llm import ContextOverflow, QuotaError, RequestRejected
from integrations.llm.testing import ErrorReply, Reply, ScriptedModel
from integrations.llm.testing.replies import Scripted
from integrations.openai_agents import durable, run
from tests.integrations.openai_agents import travelling
from tests.integrations.openai_agents.running import twice
from tests.integrations.openai_agents.travelling import calls, model, told
from workflows import AmbiguousStepName, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

Park = Literal["always"] | None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.db"


class Sky(BaseModel):
    """What an agent answers in."""

    city: str
    sunny: bool


@dataclass
class Place:
    """What a tool returns that is not plain."""

    city: str


async def test_two_agents_and_their_tools(path: Path) -> None:
    used: list[str] = []
    async with ScriptedModel(travelling.script) as asked:
        seen = await twice(path, travelling.agent(asked.url, used.append))
    assert seen.again == seen.first
    assert seen.first[0] == travelling.FINAL
    assert seen.first[2:] == [4, 60]
    assert sorted(used) == ["book Paris", "weather Paris", "weather Rome"]
    assert len(asked.asked) == 4
    results = told(asked.asked)
    assert [result["content"] for result in results[1:]] == [
        "{'city': 'Paris', 'sky': 'sun'}",
        "{'city': 'Rome', 'sky': 'rain'}",
        "Paris-1",
    ]


@pytest.mark.parametrize("park", [None, "always"])
async def test_an_hour_of_retry_after_is_a_durable_sleep(path: Path, park: Park) -> None:
    clock = VirtualClock()
    started = clock.now()
    slow = ErrorReply(429, code="rate_limit_exceeded", headers={"retry-after": "3600"})
    script: list[Scripted] = [slow, calls(("1", "book", '{"city": "Paris"}')), slow, Reply("now")]

    @function_tool
    async def book(city: str) -> str:
        return f"{city}-1"

    async with ScriptedModel(script) as asked:
        agent = Agent[Any]("a", model=model(asked.url), tools=[book])
        seen = await twice(path, agent, clock=clock, park=park)
    assert seen.again == seen.first
    assert seen.first[0] == "now"
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
        seen = await twice(path, Agent[Any]("a", model=model(asked.url)))
    assert seen.again == seen.first
    assert seen.first[0] is error
    assert "the model of a" in seen.first[1]
    assert len(asked.asked) == 1


async def test_settings_tools_handoffs_and_output_type_reach_the_model(path: Path) -> None:
    async with ScriptedModel(['{"city": "Paris", "sunny": true}']) as asked:
        agent = Agent[Any](
            "a",
            instructions="Be brief.",
            model=model(asked.url),
            model_settings=ModelSettings(temperature=0.25, max_tokens=77),
            output_type=Sky,
            handoffs=[Agent("other", model=model(asked.url))],
            tools=[function_tool(lambda city: city, name_override="look", strict_mode=False)],
        )
        seen = await twice(path, agent)
    assert seen.again == seen.first
    assert seen.first[0] == Sky(city="Paris", sunny=True)
    body = asked.asked[0].body
    assert (body["temperature"], body["max_tokens"]) == (0.25, 77)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert [tool["function"]["name"] for tool in body["tools"]] == ["look", "transfer_to_other"]
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["city", "sunny"]


async def test_what_tools_return_is_shown_alike(path: Path) -> None:
    count = 0

    def tool(name: str, returned: object, **options: Any) -> Any:
        def call() -> object:
            nonlocal count
            count += 1
            if isinstance(returned, Exception):
                raise returned
            return returned

        return function_tool(call, name_override=name, **options)

    async def slow() -> str:
        await asyncio.Event().wait()
        return "never"

    tools = [
        tool("text", ToolOutputText(text="a text")),
        tool("several", [ToolOutputText(text="one"), ToolOutputImage(image_url="https://x.test/1.png")]),
        tool("plain", {"a": [1, None], "b": (2.5, True)}),
        tool("other", Place("Paris")),
        tool("wrong", ValueError("no such city")),
        function_tool(slow, timeout=0.01),
    ]
    asking = calls(*((f"call_{tool.name}", tool.name, "{}") for tool in tools))
    bare: list[Any] = []
    async with ScriptedModel([asking, "done"] * 2) as asked:
        agent = Agent[Any]("a", model=model(asked.url), tools=tools)
        seen = await twice(path, agent)
        await Runner.run(agent, "Hello")
        bare, durably = told(asked.asked[:4]), told(asked.asked[:2])
    assert seen.again == seen.first
    assert count == 5 * 2
    assert durably == bare
    shown = {result["tool_call_id"].removeprefix("call_"): str(result["content"]) for result in durably}
    assert shown["other"] == "Place(city='Paris')"
    assert shown["wrong"].startswith("An error occurred")
    assert "timed out" in shown["slow"]


async def test_arguments_that_do_not_fit_are_told_to_the_model(path: Path) -> None:
    @function_tool
    def book(city: str, people: int) -> str:
        raise AssertionError

    script = [calls(("1", "book", '{"city": "Paris", "people": "many"}')), Reply("sorry")]
    async with ScriptedModel(script) as asked:
        seen = await twice(path, Agent[Any]("a", model=model(asked.url), tools=[book]))
    assert seen.again == seen.first
    assert told(asked.asked)[0]["content"].startswith("An error occurred")


async def test_a_tool_that_raises_ends_the_run_when_the_sdk_is_told_so(path: Path) -> None:
    tried = 0

    @function_tool(failure_error_function=None)
    def book() -> str:
        nonlocal tried
        tried += 1
        raise ValueError("no such city")

    async with ScriptedModel([calls(("1", "book", "{}"))]) as asked:
        agent = Agent[Any]("a", model=model(asked.url), tools=[book])
        seen = await twice(path, agent)
        assert tried == 1
        retried = {"tools": {"retries": {"limit": 2, "delay": 1}}}
        asked.asked.clear()
        await twice(path.with_name("2.db"), agent, options=retried)
    assert seen.again == seen.first
    assert seen.first[0] is UserError
    assert "no such city" in seen.first[1]
    assert tried == 1 + 3


async def test_max_turns(path: Path) -> None:
    @function_tool
    def again() -> str:
        return "again"

    async with ScriptedModel(lambda asked: calls((f"{len(asked.body['messages'])}", "again", "{}"))) as asked:
        agent = Agent[Any]("a", model=model(asked.url), tools=[again])
        seen = await twice(path, agent, options={"max_turns": 3})
    assert seen.again == seen.first
    assert seen.first[0] is MaxTurnsExceeded
    assert len(asked.asked) == 3


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("trips", [True, False])
async def test_guardrails_are_asked_once(path: Path, *, parallel: bool, trips: bool) -> None:
    asked_of: list[str] = []

    @input_guardrail(run_in_parallel=parallel)
    async def polite(
        context: RunContextWrapper[Any], agent: Agent[Any], said: object
    ) -> GuardrailFunctionOutput:
        asked_of.append(f"in {agent.name}")
        return GuardrailFunctionOutput({"said": said, "why": Place("Paris")}, tripwire_triggered=trips)

    @output_guardrail
    def honest(context: RunContextWrapper[Any], agent: Agent[Any], output: object) -> GuardrailFunctionOutput:
        asked_of.append(f"out {agent.name}")
        return GuardrailFunctionOutput(None, tripwire_triggered=False)

    async with ScriptedModel(["good"]) as asked:
        agent = Agent[Any]("a", model=model(asked.url), input_guardrails=[polite], output_guardrails=[honest])
        seen = await twice(path, agent)
    assert seen.again == seen.first
    assert asked_of == (["in a"] if trips else ["in a", "out a"])
    if trips:
        assert seen.first[0] is InputGuardrailTripwireTriggered
    else:
        assert seen.first[0] == "good"
        assert sorted(seen.steps) == ["a after 1-1", "a before 1-1", "model 1-1", "talk-1"]


async def test_an_output_guardrail_stops_the_answer(path: Path) -> None:
    @output_guardrail
    def honest(context: RunContextWrapper[Any], agent: Agent[Any], output: object) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output, tripwire_triggered=True)

    async with ScriptedModel(["a lie"]) as asked:
        agent = Agent[Any]("a", model=model(asked.url), output_guardrails=[honest])
        seen = await twice(path, agent)
    assert seen.again == seen.first
    assert seen.first[0] is OutputGuardrailTripwireTriggered


async def test_agents_that_hand_off_to_each_other(path: Path) -> None:
    heard: list[str] = []

    def on_handoff(context: RunContextWrapper[Any]) -> None:
        heard.append("handed off")

    script = [calls(("1", "go", "{}")), calls(("2", "transfer_to_first", "{}")), Reply("back")]
    async with ScriptedModel(script) as asked:
        first, second = (
            Agent[Any]("first", model=model(asked.url)),
            Agent[Any]("second", model=model(asked.url)),
        )
        go: Handoff[Any, Any] = handoff(
            second,
            on_handoff=on_handoff,
            tool_name_override="go",
            input_filter=handoff_filters.remove_all_tools,
        )
        first.handoffs, second.handoffs = [go], [first]
        seen = await twice(path, first)
    assert seen.again == seen.first
    assert seen.first[0] == "back"
    assert seen.steps == ["talk-1", "model 1-1", "model 2-1", "model 3-1"]
    assert [message["role"] for message in asked.asked[1].body["messages"]] == ["user"]
    assert heard == ["handed off"] * 2  # code of the agent's own runs on each run


async def test_each_agent_of_a_circle_is_copied_once() -> None:
    first, second, third = (Agent[Any](name) for name in ("first", "second", "third"))
    first.handoffs, second.handoffs, third.handoffs = [second, handoff(third)], [first], [second]
    copied = durable(first)
    by_agent, by_function = copied.handoffs
    assert isinstance(by_agent, Agent)
    assert isinstance(by_function, Handoff)
    assert by_agent is not second
    assert by_agent.handoffs[0] is copied
    reached = await by_function.on_invoke_handoff(RunContextWrapper(None), "")
    assert reached is not third
    assert reached.handoffs[0] is by_agent


async def test_an_agent_that_is_a_tool_is_found_again_in_its_middle(path: Path) -> None:
    used: list[str] = []
    hold = Reply("lost", hold=asyncio.Event())

    @function_tool
    def look(city: str) -> str:
        used.append(city)
        return "sun"

    two = calls(("1", "guide", '{"input": "Paris?"}'), ("2", "guide", '{"input": "Paris?"}'))
    looks = [calls((id, "look", '{"city": "Paris"}')) for id in ("3", "4")]
    script = [two, *looks, hold, hold, Reply("It is sunny."), Reply("It is sunny."), Reply("Go!")]

    async with ScriptedModel(script) as asked:
        inner = durable(Agent[Any]("guide", model=model(asked.url), tools=[look]))
        agent = Agent[Any]("a", model=model(asked.url), tools=[inner.as_tool("guide", "Knows all.")])
        cut = asyncio.create_task(twice(path, agent))
        await asked.was_asked(5)
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
        assert len(asked.asked) == 5
        seen = await twice(path, agent, exist_ok=True)
    assert seen.first[0] == seen.again[0] == "Go!"
    assert used == ["Paris"] * 2
    assert len(asked.asked) == 8
    around = ["talk-1", "model 1-1", "guide 1-1", "guide 2-1", "model 2-1"]
    below = [
        f"guide {number}/{name}-1"
        for number in (1, 2)
        for name in ("model 1", f"look {number + 2}", "model 2")
    ]
    assert sorted(seen.steps) == sorted([*below, *around])


@pytest.mark.parametrize("park", [None, "always"])
async def test_a_tool_waits_for_an_approval_as_an_event(path: Path, park: Park) -> None:
    booked: list[str] = []

    @function_tool(needs_approval=True)
    def book(city: str) -> str:
        booked.append(city)
        return f"{city}-1"

    async def talk(step: WorkflowStep, agent: Agent[Any]) -> object:
        result = await run(step, "talk", agent, "Hello")
        state = result.to_state()
        for one in result.interruptions:
            await step.sleep(f"approval of {one.name}", "2 days")
            state.approve(one)
        return (await run(step, "talk on", agent, state)).final_output

    async with ScriptedModel([calls(("1", "book", '{"city": "Paris"}')), "booked"]) as asked:
        agent = Agent[Any]("a", model=model(asked.url), tools=[book])
        seen = await twice(path, agent, talk=talk, park=park)
    assert seen.first == seen.again == "booked"
    assert booked == ["Paris"]
    assert len(asked.asked) == 2


async def test_two_runs_beside_each_other(path: Path) -> None:
    async def talk(step: WorkflowStep, agent: Agent[Any]) -> object:
        both = (run(step, name, agent, name) for name in ("left", "right"))
        return [result.final_output for result in await asyncio.gather(*both)]

    def script(asked: Any) -> Reply:
        said = asked.body["messages"][0]["content"]
        return Reply(f"{said}!") if travelling.turn(asked) else calls((f"of {said}", "look", "{}"))

    @function_tool
    def look() -> str:
        return "sun"

    async with ScriptedModel(script) as asked:
        agent = Agent[Any]("a", model=model(asked.url), tools=[look])
        seen = await twice(path, agent, talk=talk)
    assert seen.first == seen.again == ["left!", "right!"]
    assert len(asked.asked) == 4


async def test_a_name_may_be_used_again_and_each_use_has_its_steps(path: Path) -> None:
    async def talk(step: WorkflowStep, agent: Agent[Any]) -> object:
        both = await asyncio.gather(*(run(step, "talk", agent, said) for said in ("1", "2")))
        return [result.final_output for result in [*both, await run(step, "talk", agent, "3")]]

    async with ScriptedModel(lambda asked: f"{asked.said}!") as asked:
        seen = await twice(path, Agent[Any]("a", model=model(asked.url)), talk=talk)
    assert seen.first == seen.again == ["1!", "2!", "3!"]
    assert sorted(seen.steps) == [
        "model 1-1", "talk-1", "talk-2", "talk-2/model 1-1", "talk-3", "talk-3/model 1-1"
    ]  # fmt: skip


async def test_a_name_whose_uses_depend_on_timing_is_refused(path: Path) -> None:
    async def late(step: WorkflowStep, agent: Agent[Any], seconds: float) -> object:
        await step.sleep(f"sleep {seconds}", seconds)
        return await run(step, "talk", agent, "Hello")

    async def talk(step: WorkflowStep, agent: Agent[Any]) -> object:
        return await asyncio.gather(*(late(step, agent, seconds) for seconds in (1, 2)))

    async with ScriptedModel(["!"] * 3) as asked:
        seen = await twice(path, Agent[Any]("a", model=model(asked.url)), talk=talk)
    assert seen.first[0] is AmbiguousStepName


async def test_agents_of_one_tool_beside_each_other_are_refused(path: Path) -> None:
    async with ScriptedModel([calls(("1", "both", "{}")), *["!"] * 5]) as asked:
        inner = durable(Agent[Any]("inner", model=model(asked.url)))

        @function_tool(failure_error_function=None)
        async def both() -> str:
            await asyncio.gather(*(Runner.run(inner, "Hello") for _ in range(2)))
            return "never"

        seen = await twice(path, Agent[Any]("a", model=model(asked.url), tools=[both]))
    assert seen.again == seen.first
    assert issubclass(seen.first[0], AgentsException)
    assert "under way twice" in seen.first[1]
