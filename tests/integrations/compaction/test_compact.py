"""Compaction as a durable step: real engine, real file, real HTTP, virtual clock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from integrations.compaction import (
    Compacted,
    Compaction,
    Message,
    Outcome,
    Overlay,
    Reason,
    Summarise,
    Summary,
    SummaryRequest,
    Unchanged,
    compact,
    from_wire,
    summarise_with,
)
from integrations.llm import LLM, Patience, Usage
from integrations.llm.testing import Asked, ErrorReply, Reply, ScriptedModel
from tests.integrations.compaction.histories import count, talk
from workflows import (
    Engine,
    NonRetryableError,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowInstance,
    WorkflowStep,
)
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

SETTINGS = Compaction(window=3_000, reserve=1_000, tail=300)


@dataclass
class Env:
    """The model, and what the runs have seen."""

    llm: LLM
    summarise: Summarise
    outcomes: list[Outcome] = field(default_factory=list)
    settings: Compaction = SETTINGS


class Chat(WorkflowEntrypoint[Env, list[int]]):
    """Compacts a conversation as it grows to these numbers of turns, and waits before it ends."""

    async def run(self, event: WorkflowEvent[list[int]], step: WorkflowStep) -> Overlay | None:
        overlay: Overlay | None = None
        for turns in event.payload:
            outcome = await self._compact(step, from_wire(talk(turns)), overlay)
            self.env.outcomes.append(outcome)
            overlay = outcome.overlay
        await step.wait_for_event("go on", "go")
        return overlay

    async def _compact(self, step: WorkflowStep, history: list[Message], overlay: Overlay | None) -> Outcome:
        return await compact(
            step,
            history,
            summarise=self.env.summarise,
            settings=self.env.settings,
            overlay=overlay,
            counter=count,
            retries=self.env.llm.retries,
        )


@asynccontextmanager
async def running(
    path: Path, model: ScriptedModel, settings: Compaction = SETTINGS
) -> AsyncIterator[tuple[Engine, Env]]:
    """An engine and a model client of their own, as after a restart."""
    patience = Patience(limit=2, first=10, jitter=0)
    async with LLM("m", base_url=model.url, patience=patience, timeout=5) as llm:
        env = Env(llm, summarise_with(llm), settings=settings)
        async with Engine(path, [Chat], env=env, clock=VirtualClock()) as engine:
            yield engine, env


async def waits(instance: WorkflowInstance) -> None:
    """Returns once the instance waits for its event."""
    async for event in instance.subscribe(cursor=0):
        if event.type == "wait_started":
            return


async def outcomes(path: Path, model: ScriptedModel, *turns: int) -> tuple[list[Outcome], list[Outcome]]:
    """What a run saw, and what its replay in a new engine saw."""
    async with running(path, model) as (engine, first):
        await waits(await engine.workflow(Chat).create(id="1", params=list(turns)))
    async with running(path, model) as (engine, second):
        instance = engine.workflow(Chat).get("1")
        await instance.send_event("go")
        await instance.result()
    return first.outcomes, second.outcomes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


async def test_a_summary_is_paid_once_and_replayed(path: Path) -> None:
    async with ScriptedModel(
        [Reply("What was said.", usage=Usage(input=900, output=7), model="m-1")]
    ) as model:
        first, replayed = await outcomes(path, model, 10)
    assert len(model.asked) == 1
    assert first == replayed
    assert isinstance(first[0], Compacted)
    assert first[0].overlay.summary == "What was said."
    assert first[0].overlay.usage == Usage(input=900, output=7)


async def test_another_plan_never_gets_the_answer(path: Path) -> None:
    """As when the settings change with a deploy, while a run is on its way."""
    async with ScriptedModel(["Of the first plan.", "Of the second plan."]) as model:
        async with running(path, model) as (engine, first):
            await waits(await engine.workflow(Chat).create(id="1", params=[10]))
        changed = Compaction(window=3_000, reserve=1_000, tail=900)
        async with running(path, model, changed) as (engine, second):
            instance = engine.workflow(Chat).get("1")
            await instance.send_event("go")
            await instance.result()
    summaries = [env.outcomes[0].overlay.summary for env in (first, second)]
    assert summaries == ["Of the first plan.", "Of the second plan."]
    assert model.asked[0].said != model.asked[1].said


async def test_c11_what_is_said_while_a_summary_is_made_stands_behind_it(path: Path) -> None:
    hold = asyncio.Event()
    history = from_wire(talk(10))
    late = Message(id="late", role="user", content="And one more thing.")

    class Growing(WorkflowEntrypoint[Env, None]):
        async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
            overlay: Overlay | None = None
            for _ in range(2):
                outcome = await compact(
                    step,
                    history,
                    summarise=self.env.summarise,
                    settings=SETTINGS,
                    overlay=overlay,
                    counter=count,
                )
                overlay = outcome.overlay
                self.env.outcomes.append(outcome)

    async with (
        ScriptedModel([Reply("What was said.", hold=hold)]) as model,
        LLM("m", base_url=model.url) as llm,
    ):
        env = Env(llm, summarise_with(llm))
        async with Engine(path, [Growing], env=env, clock=VirtualClock()) as engine:
            instance = await engine.workflow(Growing).create(id="1", params=None)
            await model.was_asked(1)
            history.append(late)
            hold.set()
            await instance.result()
    during, after = env.outcomes
    assert late not in during.messages
    assert after.messages == (*during.messages, late)
    assert "What was said." in str(after.messages)


async def test_compactions_of_one_run_are_steps_of_their_own(path: Path) -> None:
    async with ScriptedModel([Reply("One."), Reply("Two."), Reply("Three.")]) as model:
        first, replayed = await outcomes(path, model, 10, 20, 30)
    assert first == replayed
    assert [outcome.overlay.summary for outcome in first] == ["One.", "Two.", "Three."]
    assert ["One." in model.asked[1].said, "Two." in model.asked[2].said] == [True, True]


async def test_below_the_threshold_no_model_is_asked(path: Path) -> None:
    async with ScriptedModel() as model:
        first, _ = await outcomes(path, model, 2)
    assert isinstance(first[0], Unchanged)
    assert first[0].reason is Reason.BELOW_THRESHOLD
    assert model.asked == []


async def test_a_crash_during_the_summary_asks_again_for_the_same(path: Path) -> None:
    never = asyncio.Event()
    async with ScriptedModel([Reply("Lost.", hold=never), Reply("Kept.")]) as model:
        async with running(path, model) as (engine, _):
            await engine.workflow(Chat).create(id="1", params=[10])
            await model.was_asked(1)
        async with running(path, model) as (engine, env):
            await waits(engine.workflow(Chat).get("1"))
        assert env.outcomes[0].overlay.summary == "Kept."
        assert model.asked[0].said == model.asked[1].said


@pytest.mark.parametrize(
    ("replies", "failure"),
    [
        ([ErrorReply(401, message="no such key")], "no such key"),
        ([ErrorReply(503)] * 3, "scripted error"),
        ([Reply("I will not.", refusal="I will not.")], "the model declined to summarise: I will not."),
        ([Reply("  ")], "the summary is empty"),
    ],
)
async def test_without_a_summary_the_conversation_goes_on(
    replies: list[Reply | ErrorReply], failure: str, path: Path
) -> None:
    async with ScriptedModel(replies) as model:
        first, replayed = await outcomes(path, model, 10)
    assert len(model.asked) == len(replies)
    assert first == replayed
    assert isinstance(first[0], Compacted)
    assert first[0].overlay.fallback
    assert failure in first[0].overlay.failure


async def test_an_error_that_comes_back_as_itself_is_a_failed_summary_too(path: Path) -> None:
    async def closed(request: SummaryRequest) -> Summary:
        raise NonRetryableError("no summaries today")

    async with ScriptedModel() as model, running(path, model) as (engine, env):
        env.summarise = closed
        await waits(await engine.workflow(Chat).create(id="1", params=[10]))
    assert env.outcomes[0].overlay.failure == "NonRetryableError: no summaries today"


async def test_a_model_with_a_small_window_is_asked_in_steps_of_parts(path: Path) -> None:
    def narrow(asked: Asked) -> Reply | ErrorReply:
        if count(str(asked.body["messages"])) > 4_200:
            return ErrorReply(400, code="context_length_exceeded", message="too long")
        return Reply(f"Part {count(asked.said)}.", usage=Usage(input=100, output=1))

    async with ScriptedModel(narrow) as model:
        first, replayed = await outcomes(path, model, 30)
    assert first == replayed
    assert isinstance(first[0], Compacted)
    assert first[0].overlay.usage == Usage(input=300, output=3), "two parts, and their merger"
    assert len(model.asked) == 4
    assert ["Part " in asked.said for asked in model.asked] == [False, False, False, True]


async def test_the_wait_that_the_server_asks_for_is_kept(path: Path) -> None:
    slow = ErrorReply(429, code="rate_limit_exceeded", headers={"retry-after": "3600"})
    async with ScriptedModel([slow, Reply("Later.")]) as model, running(path, model) as (engine, env):
        started = engine.clock.now()
        await waits(await engine.workflow(Chat).create(id="1", params=[10]))
        assert engine.clock.now() - started >= 3600
    assert env.outcomes[0].overlay.summary == "Later."


async def test_the_overlay_is_a_value_that_can_be_stored(path: Path) -> None:
    async with ScriptedModel([Reply("Short.")]) as model, running(path, model) as (engine, env):
        instance = await engine.workflow(Chat).create(id="1", params=[10])
        await instance.send_event("go")
        stored = await instance.result()
    assert Overlay.model_validate(stored) == env.outcomes[0].overlay
