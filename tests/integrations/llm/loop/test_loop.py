"""The loop: what is asked, what is called, what the model is told, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from integrations.llm import Budget, Usage
from integrations.llm.loop import AgentLoop, Limits, LoopLimitReached, Tool
from integrations.llm.request import Message
from integrations.llm.testing import ErrorReply, Reply, Script, ScriptedModel
from tests.integrations.llm.loop.looping import Support, call, calling, loop_of, running, told
from workflows import StepContext, StepError, SystemClock, WorkflowFailed, WorkflowStep

pytestmark = pytest.mark.anyio


class Shelf:
    """Tools that note how they were called."""

    def __init__(self) -> None:
        self.called: list[object] = []
        self.open = asyncio.Event()
        self.arrived = 0

    async def look(self, item: str, amount: int = 1) -> str:
        """Whether an item is on the shelf."""
        self.called.append((item, amount))
        return f"{amount} x {item}"

    def count(self) -> list[int]:
        """How many there are."""
        self.called.append("count")
        return [1, 2]

    async def break_it(self) -> None:
        """Breaks."""
        self.called.append("break_it")
        raise RuntimeError("it is broken")

    async def meet(self) -> str:
        """Ends when two have come."""
        self.arrived += 1
        if self.arrived == 2:
            self.open.set()
        await self.open.wait()
        return "met"


async def test_tools_are_called_until_there_is_an_answer(tmp_path: Path) -> None:
    shelf = Shelf()
    script: Script = [
        calling(call("look", '{"item": "tea"}'), text="Let me look."),
        calling(call("count")),
        "Two left.",
    ]
    result, asked = await loop_of(
        tmp_path / "a.db", script, [shelf.look, shelf.count], instructions="Be short."
    )
    assert shelf.called == [("tea", 1), "count"]
    assert (result.text, result.turns, result.finish_reason) == ("Two left.", 3, "stop")
    assert result.usage == Usage(input=30, output=15)
    assert [(one.tool, one.status, one.text) for one in result.calls] == [
        ("look", "done", "1 x tea"),
        ("count", "done", "[1,2]"),
    ]
    assert [one["role"] for one in asked[2].body["messages"]] == [
        *("system", "user", "assistant", "tool", "assistant", "tool"),
    ]
    assert asked[1].body["messages"][2]["content"] == "Let me look."
    assert result.messages[-1] == {"role": "assistant", "content": "Two left."}
    offer = asked[0].body["tools"][0]["function"]
    assert (offer["name"], offer["description"]) == ("look", "Whether an item is on the shelf.")
    assert offer["parameters"]["required"] == ["item"]
    assert offer["parameters"]["additionalProperties"] is False


async def test_what_is_recorded_of_a_call(tmp_path: Path) -> None:
    """SEC-41: the hash of the request, the arguments, the result; in the journal, and of every call."""
    path = tmp_path / "a.db"
    async with (
        ScriptedModel([calling(call("look", '{"item": "tea"}')), "ok"]) as model,
        running(path, model.url, [Shelf().look]) as (engine, _),
    ):
        result = await (await engine.workflow(Support).create(id="1", params="Help!")).result()
        events = [event async for event in engine.workflow(Support).get("1").subscribe()]
    done = {event.step_name: event.output for event in events if event.type == "step_completed"}
    assert set(done) == {"help/model-1", "help/call 1.1-1", "help/model-2"}
    kept = done["help/call 1.1-1"]
    assert (kept["arguments"], kept["text"], kept["status"]) == ('{"item": "tea"}', "1 x tea", "done")
    assert kept["request_hash"] == done["help/model-1"]["request_hash"] == result.calls[0].request_hash


async def test_calls_of_one_answer_run_side_by_side(tmp_path: Path) -> None:
    shelf = Shelf()
    script: Script = [calling(call("meet", id="a"), call("meet", id="b")), "ok"]
    result, _ = await loop_of(tmp_path / "a.db", script, [shelf.meet])
    assert [one.text for one in result.calls] == ["met", "met"]


async def test_a_tool_that_wants_to_be_alone_is_called_in_order(tmp_path: Path) -> None:
    running_now: list[str] = []
    seen: list[tuple[str, ...]] = []

    async def work(name: str) -> None:
        running_now.append(name)
        await asyncio.sleep(0.02)
        seen.append(tuple(sorted(running_now)))
        running_now.remove(name)

    async def alone(name: str) -> None:
        await work(name)

    calls = [call("work" if name.islower() else "alone", f'{{"name": "{name}"}}', name) for name in "abCDef"]
    await loop_of(tmp_path / "a.db", [calling(*calls), "ok"], [work, Tool(alone, parallel=False)])
    assert [one for one in seen if len(one) == 1 and one[0].isupper()] == [("C",), ("D",)]
    assert {frozenset(one) for one in seen if not one[0].isupper()} >= {frozenset("ab"), frozenset("ef")}
    assert all(not any(name.isupper() for name in one) for one in seen if len(one) > 1)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ('{"item": "te', "Invalid JSON"),
        ("[]", "Input should be an object"),
        ('{"amount": 1}', "item: Field required"),
        ('{"item": "tea", "amount": "many"}', "amount: Input should be a valid integer"),
        ('{"item": "tea", "colour": "red"}', "colour: Extra inputs are not permitted"),
    ],
)
async def test_arguments_that_do_not_fit_go_back_to_the_model(
    tmp_path: Path, arguments: str, fault: str
) -> None:
    shelf = Shelf()
    script: Script = [calling(call("look", arguments)), calling(call("look", '{"item": "tea"}', "2")), "ok"]
    result, asked = await loop_of(tmp_path / "a.db", script, [shelf.look])
    assert shelf.called == [("tea", 1)]
    assert result.calls[0].status == "invalid"
    assert fault in told(asked[1])[0]
    echoed = asked[1].body["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert echoed == ("{}" if "colour" not in arguments and "amount" not in arguments else arguments)


async def test_a_tool_that_there_is_not(tmp_path: Path) -> None:
    script: Script = [calling(call("functions.look\x00")), "ok"]
    result, asked = await loop_of(tmp_path / "a.db", script, [Shelf().look])
    assert result.calls[0].status == "unknown"
    assert told(asked[1]) == ["there is no tool 'functions.look\\x00'; the tools are: look"]
    assert asked[1].body["messages"][1]["tool_calls"][0]["function"]["name"] == "functions_look_"


async def test_a_call_that_the_token_limit_cut_off_is_not_made(tmp_path: Path) -> None:
    """Its arguments look complete: what was left out may be optional."""
    shelf = Shelf()
    cut = calling(call("count"), call("look", '{"item": "tea"}'), finish_reason="length")
    result, _ = await loop_of(tmp_path / "a.db", [cut, "ok"], [shelf.look, shelf.count])
    assert [one.status for one in result.calls] == ["done", "invalid"]
    assert shelf.called == ["count"]


async def test_calls_with_one_id_get_one_each(tmp_path: Path) -> None:
    shelf = Shelf()
    twice = calling(call("count", id="x"), call("count", id="x"), call("count", id=" "))
    result, asked = await loop_of(tmp_path / "a.db", [twice, twice, "ok"], [shelf.count])
    assert len(shelf.called) == 6
    assert len({one.call_id for one in result.calls}) == 6
    assert len(told(asked[2])) == 3


async def test_what_a_tool_raises_goes_back_to_the_model(tmp_path: Path) -> None:
    shelf = Shelf()
    result, asked = await loop_of(tmp_path / "a.db", [calling(call("break_it")), "ok"], [shelf.break_it])
    assert shelf.called == ["break_it"]
    assert result.calls[0].status == "failed"
    assert told(asked[1]) == ["RuntimeError: it is broken"]


async def test_or_it_ends_the_loop_when_those_beside_it_have_ended(tmp_path: Path) -> None:
    shelf = Shelf()
    script: Script = [calling(call("break_it"), call("look", '{"item": "tea"}'))]
    tools: list[Tool | Callable[..., object]] = [Tool(shelf.break_it, failure="fail"), shelf.look]
    async with (
        ScriptedModel(script) as model,
        running(tmp_path / "a.db", model.url, tools) as (engine, world),
    ):
        instance = await engine.workflow(Support).create(params="Help!")
        with pytest.raises(WorkflowFailed, match="it is broken"):
            await instance.result()
    assert sorted(map(str, shelf.called)) == ["('tea', 1)", "break_it"]
    assert isinstance(world.errors[0], RuntimeError | StepError)


async def test_a_tool_may_be_tried_again(tmp_path: Path) -> None:
    tries: list[str] = []

    async def flaky(ctx: StepContext) -> str:
        tries.append(ctx.key)
        if ctx.attempt < 3:
            raise ConnectionError("not now")
        return "there"

    tool = Tool(flaky, retries={"limit": 3, "delay": 1})
    result, _ = await loop_of(tmp_path / "a.db", [calling(call("flaky")), "ok"], [tool])
    assert result.calls[0].text == "there"
    assert len(tries) == 3
    assert len(set(tries)) == 1


async def test_a_tool_that_takes_too_long(tmp_path: Path) -> None:
    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    script: Script = [calling(call("hang")), "ok"]
    tool = Tool(hang, timeout=0.05)
    result, asked = await loop_of(tmp_path / "a.db", script, [tool], clock=SystemClock())
    assert result.calls[0].status == "failed"
    assert "timed out" in told(asked[1])[0]


async def test_what_is_not_permitted_is_not_called(tmp_path: Path) -> None:
    shelf = Shelf()

    def may(item: str, amount: int) -> bool | str:
        return True if amount < 10 else (False if item == "tea" else f"no more than 9 {item}")

    calls = [
        call("look", f'{{"item": "{item}", "amount": {amount}}}', f"{item}{amount}")
        for item, amount in (("tea", 9), ("tea", 10), ("ham", 10))
    ]
    result, asked = await loop_of(tmp_path / "a.db", [calling(*calls), "ok"], [Tool(shelf.look, permit=may)])
    assert [one.status for one in result.calls] == ["done", "forbidden", "forbidden"]
    assert told(asked[1])[1:] == ["this is not permitted", "this is not permitted: no more than 9 ham"]
    assert shelf.called == [("tea", 9)]


async def test_a_permission_that_fails_is_none(tmp_path: Path) -> None:
    shelf = Shelf()

    def may() -> bool:
        raise KeyError("nobody")

    result, _ = await loop_of(
        tmp_path / "a.db", [calling(call("count")), "ok"], [Tool(shelf.count, permit=may)]
    )
    assert (result.calls[0].status, shelf.called) == ("failed", [])


async def test_a_long_result_is_cut_off_and_says_so(tmp_path: Path) -> None:
    async def read() -> str:
        return "x" * 1_000 + "\ud800"

    result, _ = await loop_of(tmp_path / "a.db", [calling(call("read")), "ok"], [Tool(read, longest=100)])
    assert result.calls[0].text == "x" * 100 + "\n[cut off: 100 of 1,001 characters]"


async def test_what_could_not_be_stored_is_stored_without_it(tmp_path: Path) -> None:
    async def read() -> str:
        return "a\ud800b"

    result, _ = await loop_of(tmp_path / "a.db", [calling(call("read")), "ok"], [read])
    assert result.calls[0].text == "a?b"


@pytest.mark.parametrize(
    ("limits", "says", "requests", "calls"),
    [
        (Limits(turns=3), r"has answered 3 times, and still calls tools \(turns=\)", 3, 3),
        (Limits(calls=4), r"wants 5 calls of tools, and 4 are allowed", 5, 4),
    ],
)
async def test_a_model_that_calls_tools_for_ever(
    tmp_path: Path, limits: Limits, says: str, requests: int, calls: int
) -> None:
    shelf = Shelf()
    async with (
        ScriptedModel(lambda _: calling(call("count"))) as model,
        running(tmp_path / "a.db", model.url, [shelf.count], limits=limits) as (engine, world),
    ):
        instance = await engine.workflow(Support).create(params="Help!")
        with pytest.raises(WorkflowFailed, match=says):
            await instance.result()
    assert (len(model.asked), len(shelf.called)) == (requests, calls)
    assert isinstance(world.errors[0], LoopLimitReached)


async def test_a_model_that_makes_the_same_mistake_again_and_again(tmp_path: Path) -> None:
    shelf = Shelf()

    def answer(_: object) -> Reply:
        number = len(model.asked)
        return calling(call("look", '{"item": 1}') if number != 3 else call("count"))

    async with (
        ScriptedModel(answer) as model,
        running(tmp_path / "a.db", model.url, [shelf.look, shelf.count]) as (engine, _),
    ):
        instance = await engine.workflow(Support).create(params="Help!")
        with pytest.raises(WorkflowFailed, match="no valid call of a tool in 3 turns in a row"):
            await instance.result()
    assert len(model.asked) == 6  # the third one was right
    assert shelf.called == ["count"]


async def test_one_valid_call_of_a_turn_is_enough(tmp_path: Path) -> None:
    shelf = Shelf()
    half = calling(call("look", '{"item": 1}'), call("count"))
    result, _ = await loop_of(tmp_path / "a.db", [*[half] * 4, "ok"], [shelf.look, shelf.count])
    assert [one.status for one in result.calls] == ["invalid", "done"] * 4


async def test_a_budget_ends_it(tmp_path: Path) -> None:
    shelf = Shelf()
    async with (
        ScriptedModel(lambda _: calling(call("count"))) as model,
        running(tmp_path / "a.db", model.url, [shelf.count], budget=Budget(tokens=40)) as (engine, _),
    ):
        instance = await engine.workflow(Support).create(params="Help!")
        with pytest.raises(WorkflowFailed, match="45 of 40 tokens are spent"):
            await instance.result()
    assert len(model.asked) == 3


async def test_a_model_that_is_busy_is_asked_again_and_no_tool_is_called_twice(tmp_path: Path) -> None:
    shelf = Shelf()
    script: Script = [calling(call("count")), ErrorReply(429, headers={"retry-after": "7200"}), "ok"]
    result, _ = await loop_of(tmp_path / "a.db", script, [shelf.count])
    assert (result.text, shelf.called) == ("ok", ["count"])


async def test_a_refusal_is_an_answer(tmp_path: Path) -> None:
    result, _ = await loop_of(tmp_path / "a.db", [Reply("", refusal="I may not.")], [])
    assert (result.refused, result.text, result.turns) == (True, "I may not.", 1)


async def test_messages_are_made_shorter_before_each_request(tmp_path: Path) -> None:
    seen: list[int] = []

    async def shorten(step: WorkflowStep, messages: Sequence[Message]) -> Sequence[Message]:
        seen.append(len(messages))
        note = await step.do("note", lambda: f"once {len(messages)}")
        return (
            [messages[0], {"role": "user", "content": note}, *messages[-2:]]
            if len(messages) > 4
            else messages
        )

    calls = [calling(call("count", id=str(number))) for number in range(4)]
    result, asked = await loop_of(tmp_path / "a.db", [*calls, "ok"], [Shelf().count], shorten=shorten)
    assert seen == [1, 3, 5, 6, 6]
    assert [len(one.body["messages"]) for one in asked] == [1, 3, 4, 4, 4]
    assert result.text == "ok"


async def test_a_history_that_lost_a_result_is_not_sent(tmp_path: Path) -> None:
    async def shorten(step: WorkflowStep, messages: Sequence[Message]) -> Sequence[Message]:
        return messages[:-1] if len(messages) > 1 else messages

    async with (
        ScriptedModel([calling(call("count")), "never"]) as model,
        running(tmp_path / "a.db", model.url, [Shelf().count], shorten=shorten) as (engine, _),
    ):
        instance = await engine.workflow(Support).create(params="Help!")
        with pytest.raises(WorkflowFailed, match="call 'id-count' has no result behind it"):
            await instance.result()
    assert len(model.asked) == 1


def test_tools_that_no_model_could_call() -> None:
    def untyped(item) -> None:  # type: ignore[no-untyped-def]
        """Says nothing of its parameter."""

    def many(*items: str) -> None:
        """Takes any number."""

    def odd(stream: asyncio.StreamReader) -> None:
        """Takes what is no JSON."""

    for function in (untyped, many, odd):
        with pytest.raises(ValueError, match=f'the tool "{function.__name__}" cannot be called by a model'):
            Tool(function)
    with pytest.raises(ValueError, match="a tool cannot be called '<lambda>': give name="):
        Tool(lambda: 1)
    with pytest.raises(ValueError, match='two tools are called "count"'):
        AgentLoop(None, [Shelf().count, Shelf().count])  # type: ignore[arg-type]  # it is refused before
    with pytest.raises(ValueError, match="turns=0: give a whole number"):
        Limits(turns=0)
