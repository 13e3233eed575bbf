"""What is spent is recorded, and what budgets allow is not passed: over retries, children and restarts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrations.llm import LLM, Budget, BudgetExceeded, NamedPayer, PriceUnknown, Request
from integrations.llm.request import messages_of
from integrations.llm.testing import ErrorReply, Reply, ScriptedModel
from integrations.llm.usage import Usage
from tests.integrations.llm.budget.spending import RATES, Asks, Insists, Parent, Wide, running
from workflows import Engine, Store, WorkflowEntrypoint, WorkflowFailed, WorkflowInstance
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

ALWAYS = lambda asked: Reply("yes")  # noqa: E731
COST = Decimal("0.00002")
QUESTION = Request(model="m", messages=messages_of("?"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


async def finished(engine: Engine, flow: type[WorkflowEntrypoint[Any, int]], count: int) -> WorkflowInstance:
    instance = await engine.workflow(flow).create(id="1", params=count)
    await instance.result()
    return instance


async def spent(instance: WorkflowInstance) -> tuple[int, Decimal]:
    usage = (await instance.status()).usage
    return usage.tokens, usage.money


async def test_the_status_shows_tokens_and_money(path: Path) -> None:
    async with ScriptedModel(ALWAYS) as model, running(path, model.url) as (engine, _):
        assert await spent(await finished(engine, Asks, 3)) == (45, 3 * COST)


async def test_answers_of_which_nothing_was_made_are_paid_too(path: Path) -> None:
    async with ScriptedModel(ALWAYS) as model, running(path, model.url) as (engine, _):
        instance = await finished(engine, Insists, 1)
        assert len(model.asked) == 2  # the question, and the correction
        assert await spent(instance) == (30, 2 * COST)


async def test_the_price_of_a_completion_is_that_of_all_its_requests() -> None:
    async with (
        ScriptedModel(["no", '{"number": 1}']) as model,
        LLM("m", base_url=model.url, prices=RATES) as llm,
    ):
        from tests.integrations.llm.budget.spending import Number

        wanted = Request(model="m", messages=messages_of("?"), response_format=Number)
        completion = await llm.attempt(wanted)
    assert completion.requests == 2
    assert completion.price is not None
    assert (completion.price.money, completion.price.table) == (2 * COST, "given")


async def test_sec_11_a_run_stops_when_its_budget_is_used_up(path: Path) -> None:
    async with (
        ScriptedModel(ALWAYS) as model,
        running(path, model.url, budget=Budget(tokens=40)) as (engine, env),
    ):
        instance = await finished(engine, Asks, 10)
        assert await instance.result() == 3
        assert len(model.asked) == 3
    assert env.refused == ["the budget of this run is used up: 45 of 40 tokens are spent"]


async def test_a_budget_of_money(path: Path) -> None:
    async with (
        ScriptedModel(ALWAYS) as model,
        running(path, model.url, budget=Budget(money="0.00004")) as (engine, env),
    ):
        assert await (await finished(engine, Asks, 10)).result() == 2
    assert env.refused == ["the budget of this run is used up: $0.00004 of $0.00004 are spent"]


async def test_what_is_used_up_is_no_reason_to_try_again(path: Path) -> None:
    async with (
        ScriptedModel(ALWAYS) as model,
        running(path, model.url, budget=Budget(tokens=1)) as (engine, _),
    ):
        with pytest.raises(WorkflowFailed) as caught:
            await finished(engine, Parent, 1)
        assert caught.value.name == BudgetExceeded.__name__
        assert len(model.asked) == 1


async def test_a_restart_of_the_instance_and_of_the_process_resets_nothing(path: Path) -> None:
    budget = Budget(tokens=50)
    async with ScriptedModel(ALWAYS) as model:
        async with running(path, model.url, budget=budget) as (engine, _):
            assert await (await finished(engine, Asks, 2)).result() == 2
        async with running(path, model.url, budget=budget) as (engine, env):
            instance = engine.workflow(Asks).get("1")
            await instance.restart()
            assert await instance.result() == 2  # 60 tokens are spent by then
            await instance.restart()
            assert await instance.result() == 0
            assert await spent(instance) == (60, 4 * COST)
        assert len(model.asked) == 4
    assert env.refused == ["the budget of this run is used up: 60 of 50 tokens are spent"]


async def test_children_spend_from_the_budget_of_their_parent(path: Path) -> None:
    async with (
        ScriptedModel(ALWAYS) as model,
        running(path, model.url, budget=Budget(tokens=100)) as (engine, env),
    ):
        assert await (await finished(engine, Parent, 3)).result() == [2, 2, 2]
        assert len(model.asked) == 7  # 105 tokens
        await (await engine.workflow(Asks).create(params=1)).result()  # another family
    assert env.refused == []
    async with (
        ScriptedModel(ALWAYS) as model,
        running(path, model.url, budget=Budget(tokens=120)) as (engine, _),
    ):
        instance = engine.workflow(Parent).get("1")
        await instance.restart()
        with pytest.raises(WorkflowFailed, match="120 of 120 tokens"):
            await instance.result()
        assert len(model.asked) == 1


async def test_attempts_that_fail_after_they_were_paid_count(path: Path) -> None:
    script: list[Any] = [Reply("not a number"), ErrorReply(500), Reply("no"), Reply("no")]
    async with (
        ScriptedModel(script) as model,
        running(path, model.url, budget=Budget(tokens=30)) as (engine, _),
    ):
        with pytest.raises(WorkflowFailed) as caught:
            await finished(engine, Insists, 5)
        assert caught.value.name == BudgetExceeded.__name__
        assert (
            len(model.asked) == 3
        )  # the question; its correction, which failed; the question again: 30 tokens


async def test_steps_side_by_side_pass_a_budget_by_what_is_under_way_and_no_more(path: Path) -> None:
    release = asyncio.Event()
    async with (
        ScriptedModel(lambda asked: Reply("yes", hold=release)) as model,
        running(path, model.url, budget=Budget(tokens=40)) as (engine, _),
    ):
        instance = await engine.workflow(Wide).create(id="1", params=5)
        await model.was_asked(5)
        release.set()
        with pytest.raises(WorkflowFailed, match="75 of 40 tokens"):
            await instance.result()
        assert len(model.asked) == 5
        assert (await spent(instance))[0] == 75


async def test_all_that_name_a_budget_share_it(path: Path) -> None:
    shared = (Budget(tokens=60, name="agent Flight/7"),)
    async with ScriptedModel(ALWAYS) as model:
        async with running(path, model.url, extra=shared) as (engine, _):
            batch = await engine.workflow(Asks).create_batch([{"params": 1}, {"params": 1}])
            assert [await one.result() for one in batch.created] == [1, 1]
        async with running(path, model.url, extra=shared) as (engine, env):
            assert await (await engine.workflow(Asks).create(params=9)).result() == 2
        assert len(model.asked) == 4
    assert env.refused == ['the budget "agent Flight/7" is used up: 60 of 60 tokens are spent']


async def test_a_budget_that_several_calls_name_twice_is_charged_once(path: Path) -> None:
    twice = (Budget(tokens=40, name="a"), Budget(money=1, name="a"))
    async with ScriptedModel(ALWAYS) as model, running(path, model.url, extra=twice) as (engine, _):
        assert await (await finished(engine, Asks, 9)).result() == 3


async def test_a_budget_of_a_day_begins_anew(path: Path) -> None:
    daily = (Budget(tokens=20, name="a", per="day"), Budget(tokens=1_000, name="a"))
    clock = VirtualClock(datetime(2026, 11, 26, 12, tzinfo=UTC))
    async with ScriptedModel(ALWAYS) as model, running(path, model.url, clock=clock, extra=daily) as (e, _):
        assert await (await e.workflow(Asks).create(params=9)).result() == 2
        assert await (await e.workflow(Asks).create(params=9)).result() == 0
        await clock.sleep(12 * 3_600)
        assert await (await e.workflow(Asks).create(params=9)).result() == 2
        rows = await e.store.read("SELECT period, tokens FROM llm_spent ORDER BY period")
        assert rows == [("", 60), ("2026-11-27", 30)]


async def test_money_cannot_be_limited_where_nobody_knows_the_price(path: Path) -> None:
    async with (
        ScriptedModel(ALWAYS) as model,
        LLM("unheard-of", base_url=model.url, prices={}, budget=Budget(money=1)) as llm,
        await Store.open(path, clock=VirtualClock()) as store,
    ):
        with pytest.raises(PriceUnknown, match="there is no price for m at http"):
            await llm.attempt(QUESTION, payer=NamedPayer(store, "agent Chat/7"))
        assert model.asked == []


async def test_an_agent_pays_for_what_belongs_to_no_step(path: Path) -> None:
    async with (
        ScriptedModel(ALWAYS) as model,
        LLM("m", base_url=model.url, prices=RATES, budget=Budget(tokens=30)) as llm,
    ):
        for _ in range(2):
            async with await Store.open(path, clock=VirtualClock()) as store:
                payer = NamedPayer(store, "agent Chat/7")
                await llm.attempt(QUESTION, payer=payer)
        async with await Store.open(path, clock=VirtualClock()) as store:
            assert (await NamedPayer(store, "agent Chat/7").spent()).tokens == 30
            with pytest.raises(BudgetExceeded):
                await llm.attempt(QUESTION, payer=NamedPayer(store, "agent Chat/7"))
            await llm.attempt(QUESTION, payer=NamedPayer(store, "another"))
        with pytest.raises(ValueError, match="say who pays"):
            await llm.attempt(QUESTION)


async def test_tokens_that_a_server_does_not_report_are_estimated_for_a_budget(path: Path) -> None:
    silent = lambda asked: Reply("one two three", usage=None)  # noqa: E731
    async with (
        ScriptedModel(silent) as model,
        running(path, model.url, budget=Budget(tokens=1)) as (engine, _),
    ):
        instance = await finished(engine, Asks, 5)
        assert await instance.result() == 1
        assert 5 < (await spent(instance))[0] < 50


async def test_an_answer_without_a_price_costs_tokens_only(path: Path) -> None:
    async with ScriptedModel(ALWAYS) as model, LLM("x", base_url=model.url, prices=RATES) as llm:
        completion = await llm.attempt(Request(model="x", messages=messages_of("?")))
    assert completion.price is None
    assert completion.usage == Usage(input=10, output=5)
