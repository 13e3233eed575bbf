"""Answers that the server works out by itself, over a real file and real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from integrations.llm import (
    ERRORS,
    LLM,
    Budget,
    BudgetExceeded,
    Completion,
    ContextOverflow,
    ModelError,
    Patience,
    ResponseFailed,
    RetryLater,
)
from integrations.llm.testing import Asked, ErrorReply, FailedReply, Reply, ScriptedModel
from integrations.llm.testing.replies import Scripted
from tests.integrations.llm.asking import FINDING, Finding
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

PATIENCE = Patience(limit=2, first=10, jitter=0)


@dataclass
class Env:
    """What the workflow works with, and what it has seen."""

    llm: LLM
    within: float | None = None
    seen: list[Completion[Finding] | Exception] = field(default_factory=list)


class Ask(WorkflowEntrypoint[Env, int]):
    """Asks for a finding, so many times."""

    errors = ERRORS

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        text = ""
        for _ in range(event.payload):
            try:
                async with asyncio.timeout(self.env.within):
                    answer = await self.env.llm.complete(step, "ask", "Where?", response_format=Finding)
            except (ModelError, RetryLater, TimeoutError) as error:
                self.env.seen.append(error)
                return type(error).__name__
            self.env.seen.append(answer)
            text = answer.text
        return text


@asynccontextmanager
async def running(
    path: Path,
    url: str,
    clock: VirtualClock | None = None,
    *,
    within: float | None = None,
    budgets: Sequence[Budget] = (),
) -> AsyncIterator[tuple[Engine, Env]]:
    """An engine and a client of their own, as after a restart."""
    clock = clock or VirtualClock()
    async with LLM(
        "m",
        base_url=url,
        wire="responses",
        background=True,
        patience=PATIENCE,
        budget=budgets,
        timeout=5,
        now=clock.now,
    ) as llm:
        env = Env(llm, within)
        async with Engine(path, [Ask], env=env, clock=clock) as engine:
            yield engine, env


async def told(
    path: Path, script: list[Scripted | str] | Callable[[Asked], Scripted | str]
) -> tuple[ScriptedModel, Env, str]:
    """What one instance comes to, and the server that it asked."""
    async with ScriptedModel(script) as model, running(path, model.url) as (engine, env):
        output = await (await engine.workflow(Ask).create(id="1", params=1)).result()
    return model, env, str(output)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


async def test_it_is_begun_once_and_looked_at_until_it_ends(path: Path) -> None:
    clock = VirtualClock()
    started = clock.now()
    async with (
        ScriptedModel([Reply(FINDING, looks=3)]) as model,
        running(path, model.url, clock) as (engine, env),
    ):
        await (await engine.workflow(Ask).create(id="1", params=1)).result()
    (answer,) = env.seen
    assert isinstance(answer, Completion)
    assert answer.parsed == Finding(path="a.py", line=3)
    assert (answer.attempts, answer.requests, answer.usage.total) == (1, 1, 15)
    assert [(asked.body["background"], asked.body["store"]) for asked in model.asked] == [(True, True)]
    waited = 2 + 3 + 4.5 + 6.75
    assert clock.now() - started == pytest.approx(waited)
    assert answer.latency == pytest.approx(waited)
    assert model.looked == ["resp_1"] * 4


async def test_after_a_restart_the_same_response_is_looked_at(path: Path) -> None:
    hold = asyncio.Event()
    async with ScriptedModel([Reply(FINDING, hold=hold)]) as model:
        async with running(path, model.url) as (engine, env):
            await engine.workflow(Ask).create(id="1", params=1)
            await model.was_looked_at(1)
        assert env.seen == []
        hold.set()
        async with running(path, model.url) as (engine, _):
            assert await engine.workflow(Ask).get("1").result() == FINDING
    assert len(model.asked) == 1
    assert model.cancelled == []


async def test_who_gives_up_cancels_it(path: Path) -> None:
    async with (
        ScriptedModel([Reply(FINDING, hold=asyncio.Event())]) as model,
        running(path, model.url, within=0.5) as (engine, _),
    ):
        assert await (await engine.workflow(Ask).create(id="1", params=1)).result() == "TimeoutError"
    assert model.cancelled == ["resp_1"]


async def test_a_response_that_failed_is_followed_by_another(path: Path) -> None:
    model, env, _ = await told(path, [FailedReply("server_error"), FINDING])
    (answer,) = env.seen
    assert isinstance(answer, Completion)
    assert answer.attempts == 2
    assert model.looked == ["resp_1", "resp_2"]


async def test_not_for_ever(path: Path) -> None:
    model, env, output = await told(path, [FailedReply("server_error", message="overloaded")] * 9)
    assert output == ResponseFailed.__name__
    assert "overloaded" in str(env.seen[0])
    assert len(model.asked) == 1 + PATIENCE.limit


async def test_a_response_that_failed_for_good_fails(path: Path) -> None:
    model, _, output = await told(path, [FailedReply("context_length_exceeded")])
    assert output == ContextOverflow.__name__
    assert len(model.asked) == 1


async def test_a_server_that_does_not_begin_is_asked_again(path: Path) -> None:
    model, _, output = await told(path, [ErrorReply(503), FINDING])
    assert output == FINDING
    assert model.looked == ["resp_1"]


async def test_a_prompt_that_is_refused_is_an_answer(path: Path) -> None:
    _, env, _ = await told(path, [ErrorReply(400, code="content_filter", message="no")] * 2)
    (answer,) = env.seen
    assert isinstance(answer, Completion)
    assert (answer.refused, answer.text) == (True, "no")


async def test_a_correction_is_asked_at_once(path: Path) -> None:
    """It is short; and the answer that it corrects is not asked for again."""
    model, env, _ = await told(path, ["no idea", FINDING])
    (answer,) = env.seen
    assert isinstance(answer, Completion)
    assert answer.parsed == Finding(path="a.py", line=3)
    assert (answer.requests, answer.usage.total) == (2, 30)
    assert [asked.body.get("background") for asked in model.asked] == [True, None]


async def test_what_it_took_is_recorded_once(path: Path) -> None:
    async with (
        ScriptedModel([FailedReply("server_error"), Reply(FINDING, looks=2)]) as model,
        running(path, model.url) as (engine, _),
    ):
        instance = await engine.workflow(Ask).create(id="1", params=1)
        await instance.result()
        assert (await instance.status()).usage.tokens == 15


async def test_a_budget_is_looked_at_before_it_begins(path: Path) -> None:
    """And not when the answer is fetched, which is paid by then."""
    budgets = [Budget(tokens=10)]
    async with (
        ScriptedModel([FINDING] * 3) as model,
        running(path, model.url, budgets=budgets) as (engine, env),
    ):
        assert await (await engine.workflow(Ask).create(id="1", params=2)).result() == "BudgetExceeded"
    first, second = env.seen
    assert isinstance(first, Completion)
    assert isinstance(second, BudgetExceeded)
    assert len(model.asked) == 1


async def test_one_that_somebody_else_cancelled(path: Path) -> None:
    async with (
        ScriptedModel([Reply(FINDING, hold=asyncio.Event())]) as model,
        running(path, model.url) as (engine, env),
    ):
        instance = await engine.workflow(Ask).create(id="1", params=1)
        await model.was_asked(1)
        async with LLM("m", base_url=model.url, wire="responses") as other:
            await (await other._asking.wires.background()).cancel("resp_1")
        assert await instance.result() == "RequestRejected"
    assert "the response was cancelled" in str(env.seen[0])
