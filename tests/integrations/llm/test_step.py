"""A model call as a durable step: real engine, real file, real HTTP, virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from integrations.llm import (
    ERRORS,
    LLM,
    Completion,
    ContextOverflow,
    ModelError,
    ModelUnreachable,
    Patience,
    QuotaError,
    RateLimited,
    Request,
)
from integrations.llm.conversation import MOST_REQUESTS
from integrations.llm.request import messages_of
from integrations.llm.testing import ErrorReply, Reply, ScriptedModel
from tests.integrations.llm.asking import FINDING, Finding
from workflows import (
    Engine,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowFailed,
    WorkflowInstance,
    WorkflowStep,
)
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


@dataclass
class Env:
    """What the workflows below work with, and what they have seen."""

    llm: LLM
    prompt: str = "Where is the bug?"
    seen: list[Completion[Finding] | ModelError] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Ask(WorkflowEntrypoint[Env, None]):
    """Asks once, and waits before it ends."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        try:
            completion = await self.env.llm.complete(step, "ask", self.env.prompt, response_format=Finding)
            self.env.seen.append(completion)
        except ModelError as error:
            self.env.seen.append(error)
        self.env.answered.set()
        await step.wait_for_event("go on", "go")
        return "done"


class Report(WorkflowEntrypoint[Env, None]):
    """Asks once; what goes wrong ends it."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> Completion[None]:
        return await self.env.llm.complete(step, "ask", self.env.prompt)


class Shorten(WorkflowEntrypoint[Env, None]):
    """Asks again with less when the model's window is too small."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        try:
            return (await self.env.llm.complete(step, "ask", "long " * 50)).text
        except ContextOverflow:
            return (await self.env.llm.complete(step, "ask shorter", "short")).text


class Own(WorkflowEntrypoint[Env, None]):
    """A step of its own around an attempt."""

    errors = ERRORS

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        request = Request(model="m", messages=messages_of("Where?"))
        try:
            await step.do(
                "own", self.env.llm.attempt, request, retries=self.env.llm.retries, result=Completion
            )
        except RateLimited as error:
            return f"{error.retry_after}"
        return "answered"


@asynccontextmanager
async def running(
    path: Path, url: str, *, clock: VirtualClock | None = None, prompt: str = "Where is the bug?"
) -> AsyncIterator[tuple[Engine, Env]]:
    """An engine and a model client of their own, as after a restart."""
    patience = Patience(limit=2, first=10, jitter=0)
    async with LLM("m", base_url=url, patience=patience, timeout=5) as llm:
        env = Env(llm, prompt)
        async with Engine(
            path, [Ask, Report, Shorten, Own], env=env, clock=clock or VirtualClock()
        ) as engine:
            yield engine, env


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


async def test_an_hour_of_retry_after_is_a_durable_sleep(path: Path) -> None:
    clock = VirtualClock()
    started = clock.now()
    slow = ErrorReply(429, code="rate_limit_exceeded", headers={"retry-after": "3600"})
    async with ScriptedModel([slow, Reply("now")]) as model, running(path, model.url, clock=clock) as (e, _):
        completion = await (await e.workflow(Report).create(id="1")).result()
    assert completion.text == "now"
    assert completion.attempts == 2
    assert 3600 <= clock.now() - started < 3601


async def test_the_process_may_end_while_it_waits_for_hours(path: Path) -> None:
    """The instant of the next attempt is in the file: a start asks neither at once nor too late."""
    six_hours = ErrorReply(429, code="rate_limit_exceeded", headers={"retry-after": str(6 * 3600)})
    first = VirtualClock()
    started = first.now()
    async with ScriptedModel([six_hours, "now"]) as model:
        async with running(path, model.url, clock=first) as (engine, _):
            instance = await engine.workflow(Report).create(id="1")
            with first.busy():  # time stands still
                await status_of(instance, "waiting")
                assert first.now() == started
        second = VirtualClock(datetime.fromtimestamp(started + 2 * 3600, UTC))
        async with running(path, model.url, clock=second) as (engine, _):
            with second.busy():
                await status_of(engine.workflow(Report).get("1"), "waiting")
                assert len(model.asked) == 1
            completion = await engine.workflow(Report).get("1").result()
    assert (completion.text, completion.attempts) == ("now", 2)
    assert second.now() - started == pytest.approx(6 * 3600, abs=1)


async def test_a_wait_that_passed_while_nobody_ran_is_over(path: Path) -> None:
    six_hours = ErrorReply(429, code="rate_limit_exceeded", headers={"retry-after": str(6 * 3600)})
    first = VirtualClock()
    async with ScriptedModel([six_hours, "now"]) as model:
        async with running(path, model.url, clock=first) as (engine, _):
            instance = await engine.workflow(Report).create(id="1")
            with first.busy():
                await status_of(instance, "waiting")
        late = VirtualClock(datetime.fromtimestamp(first.now() + 7 * 3600, UTC))
        began = late.now()
        async with running(path, model.url, clock=late) as (engine, _):
            assert (await engine.workflow(Report).get("1").result()).text == "now"
        assert late.now() - began < 1


async def status_of(instance: WorkflowInstance, wanted: str) -> None:
    """Returns once the instance shows this status."""
    async for _ in instance.subscribe():
        if (await instance.status()).status == wanted:
            return


async def test_who_cannot_pay_is_not_asked_by_every_instance(path: Path) -> None:
    """The breaker belongs to the key: the instances that come later fail at once, with the same reason."""
    broke = ErrorReply(429, code="credit_balance_exhausted", message="no credit")
    async with ScriptedModel([broke] * 9) as model, running(path, model.url) as (engine, _):
        binding = engine.workflow(Report)
        reasons = []
        for number in range(5):
            with pytest.raises(WorkflowFailed) as caught:
                await (await binding.create(id=f"{number}")).result()
            assert caught.value.name == QuotaError.__name__
            reasons.append(caught.value.reason)
    assert len(model.asked) == 1
    assert all("no credit" in reason for reason in reasons)
    assert all("not asked again for 60 seconds" in reason for reason in reasons[1:])


async def test_a_request_takes_less_than_its_step(path: Path) -> None:
    """A slow server is noticed by the request, which says so, and not by the time limit of the step."""
    async with (
        ScriptedModel([Reply("late", hold=asyncio.Event())] * 3) as model,
        LLM("m", base_url=model.url, patience=Patience(limit=1, first=1), timeout=0.2) as llm,
        Engine(path, [Report], env=Env(llm), clock=VirtualClock()) as engine,
    ):
        assert llm.step_timeout > MOST_REQUESTS * 0.2
        with pytest.raises(WorkflowFailed) as caught:
            await (await engine.workflow(Report).create(id="1")).result()
    assert caught.value.name == "RetryLater"
    assert "no answer within the time limit" in caught.value.reason
    assert len(model.asked) == 2


async def test_a_finished_answer_is_not_paid_again(path: Path) -> None:
    async with ScriptedModel([FINDING]) as model:
        async with running(path, model.url) as (engine, env):
            await engine.workflow(Ask).create(id="1")
            await env.answered.wait()
        async with running(path, model.url) as (engine, again):
            handle = engine.workflow(Ask).get("1")
            await handle.send_event("go")
            assert await handle.result() == "done"
    assert len(model.asked) == 1
    assert again.seen == env.seen
    assert isinstance(again.seen[0], Completion)
    assert again.seen[0].parsed == Finding(path="a.py", line=3)


async def test_a_request_that_was_cut_off_by_the_end_of_the_process_is_asked_again(path: Path) -> None:
    held = Reply("lost", hold=asyncio.Event())
    async with ScriptedModel([held, FINDING]) as model:
        async with running(path, model.url) as (engine, env):
            await engine.workflow(Ask).create(id="1")
            await model.was_asked(1)
        assert env.seen == []
        async with running(path, model.url) as (engine, env):
            await env.answered.wait()
    assert isinstance(env.seen[0], Completion)
    assert len(model.asked) == 2


async def test_a_billing_error_is_itself_on_every_run(path: Path) -> None:
    broke = ErrorReply(429, code="credit_balance_exhausted", message="no credit")
    async with ScriptedModel([broke]) as model:
        async with running(path, model.url) as (engine, env):
            await engine.workflow(Ask).create(id="1")
            await env.answered.wait()
        async with running(path, model.url) as (engine, again):
            await again.answered.wait()
    for seen in (env.seen, again.seen):
        assert [type(error) for error in seen] == [QuotaError]
        assert "no credit" in str(seen[0])
    assert len(model.asked) == 1


async def test_nobody_answers_in_the_end(path: Path) -> None:
    async with ScriptedModel() as model:
        gone = model.url
    clock = VirtualClock()
    async with running(path, gone, clock=clock) as (engine, _):
        started = clock.now()
        with pytest.raises(WorkflowFailed) as caught:
            await (await engine.workflow(Report).create(id="1")).result()
    assert caught.value.name == ModelUnreachable.__name__
    assert f"m at {gone} cannot be reached" in caught.value.reason
    assert clock.now() - started == 10 + 20


async def test_the_caller_may_shorten_what_does_not_fit(path: Path) -> None:
    overflow = ErrorReply(400, code="context_length_exceeded")
    async with ScriptedModel([overflow, "fits"]) as model, running(path, model.url) as (engine, _):
        assert await (await engine.workflow(Shorten).create(id="1")).result() == "fits"
    assert model.asked[1].said == "short"


async def test_a_changed_prompt_is_reported(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reported = []
    async with ScriptedModel([FINDING]) as model:
        for prompt in ("Where is the bug?", "Where is the bug?", "Who wrote the bug?"):
            async with running(path, model.url, prompt=prompt) as (engine, env):
                await engine.workflow(Ask).create(id="1", exist_ok=True)
                await env.answered.wait()
            records = [record for record in caplog.records if record.name.startswith("integrations.llm")]
            reported.append([record.getMessage() for record in records])
    warning = 'step "ask" was answered for an earlier prompt; the recorded answer is used'
    assert reported == [[], [], [warning]]
    assert len(model.asked) == 1


async def test_a_step_of_ones_own_gets_the_errors_as_themselves(path: Path) -> None:
    slow = ErrorReply(429, headers={"retry-after": "77"})
    async with (
        ScriptedModel([slow] * 3) as model,
        running(path, model.url, clock=VirtualClock()) as (engine, _),
    ):
        assert await (await engine.workflow(Own).create(id="1")).result() == "77.0"
    assert len(model.asked) == 3
