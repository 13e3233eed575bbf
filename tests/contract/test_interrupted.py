"""Steps with `on_interrupted`: an attempt was cut off between its effect and its record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.interruption import BEGUN, Effect, Receipt, charging, interrupted, kinds
from tests.contract.world import ONCE, Event, Step, World, ended, history
from workflows import Happened, Interrupted, NotHappened, StepInterrupted, WorkflowError

pytestmark = pytest.mark.anyio


async def test_by_default_the_next_attempt_starts(world: World) -> None:
    effect = Effect(world)
    async with world.started(charging(effect, "rerun", retries=ONCE)) as instance:
        with world.clock.busy():
            await asyncio.sleep(0.3)  # a start is written down after a quarter of a second of real time
        await interrupted(world, instance)
        assert await instance.result() == "done by 2"
        assert kinds(await history(instance)) == [
            *BEGUN,
            "attempt_started",
            "attempt_completed",
            "step_completed",
        ]
    assert effect.calls == [1, 2]


@pytest.mark.parametrize("policy", ["fail", "ask", lambda _: None])
async def test_a_step_that_is_not_interrupted_costs_no_more_than_its_start(world: World, policy: Any) -> None:
    effect = Effect(world, cut=0)
    async with world.started(charging(effect, policy)) as instance:
        assert await instance.result() == "done by 1"
        assert kinds(await history(instance)) == [*BEGUN, "attempt_completed", "step_completed"]


@pytest.mark.parametrize("policy", ["fail", "ask", lambda _: None])
async def test_a_finished_step_is_not_interrupted_by_a_replay(world: World, policy: Any) -> None:
    effect = Effect(world, cut=0)

    async def run(event: Event, step: Step) -> Any:
        value = await step.do("charge", effect, on_interrupted=policy)
        await step.sleep("z", 100)
        return value

    assert (await world.run_twice(run)).output == "done by 1"
    assert effect.calls == [1]


@pytest.mark.parametrize("policy", ["fail", "ask", lambda _: Happened("no")])
async def test_a_failed_attempt_is_not_an_interrupted_one(world: World, policy: Any) -> None:
    attempts: list[int] = []

    def fail_once(ctx: Any) -> int:
        attempts.append(ctx.attempt)
        if ctx.attempt == 1:
            raise ValueError("known to have failed")
        return 7

    async def run(event: Event, step: Step) -> Any:
        retries: Any = {"limit": 3, "delay": 100}
        return await step.do("charge", fail_once, on_interrupted=policy, retries=retries)

    async with world.started(run) as instance:
        await interrupted(world, instance)
        assert (await instance.status()).undecided == ()
        with pytest.raises(WorkflowError, match="does not wait for a decision"):
            await instance.decide("charge", rerun=True)
        assert await instance.result() == 7
    assert attempts == [1, 2]


async def test_fail_raises_an_error_that_names_the_step_and_says_what_to_do(world: World) -> None:
    effect = Effect(world)
    async with world.started(charging(effect, "fail", retries={"limit": 9, "delay": 1})) as instance:
        await interrupted(world, instance)
        status = await ended(instance)
        seen = kinds(await history(instance))
    assert status.status == "errored"
    assert status.error is not None
    assert status.error.name == "StepInterrupted"
    assert 'attempt 1 of step "charge-1" was interrupted' in status.error.message
    assert "restart(from_step=…)" in status.error.message
    assert seen == [*BEGUN, "step_interrupted", "attempt_errored", "step_errored"]
    assert (effect.calls, status.usage.attempts) == ([1], 1)


async def test_fail_can_be_caught_and_is_recorded(world: World) -> None:
    effect, caught = Effect(world), []

    async def run(event: Event, step: Step) -> Any:
        try:
            return await step.do("charge", effect, on_interrupted="fail")
        except StepInterrupted as error:
            caught.append((error.step, error.attempt))
        await step.sleep("z", 10)
        return "went on"

    async with world.started(run) as instance:
        await interrupted(world, instance)
        await interrupted(world, instance)
        assert await instance.result() == "went on"
    assert len(caught) >= 2
    assert set(caught) == {("charge-1", 1)}
    assert effect.calls == [1]


async def test_a_step_that_failed_so_runs_again_after_a_restart_from_it(world: World) -> None:
    effect = Effect(world)
    async with world.started(charging(effect, "fail")) as instance:
        await interrupted(world, instance)
        await ended(instance)
        await instance.restart(from_step="charge")
        assert await instance.result() == "done by 1"
    assert effect.calls == [1, 1]


async def test_a_verified_effect_is_not_done_again(world: World) -> None:
    effect, asked = Effect(world), []

    async def look(what: Interrupted) -> Happened:
        asked.append((what.ctx.step.name, what.ctx.step.count, what.ctx.attempt, what.attempts))
        return Happened("found")

    async with world.started(charging(effect, look, retries=ONCE)) as instance:
        await interrupted(world, instance)
        assert await instance.result() == "found"
        assert kinds(await history(instance)) == [
            *BEGUN,
            "step_interrupted",
            "attempt_started",
            "attempt_completed",
            "step_completed",
        ]
    assert (effect.calls, asked) == ([1], [("charge", 1, 1, (1,))])


@pytest.mark.parametrize("verdict", [NotHappened(), None])
async def test_an_effect_that_did_not_happen_is_done(world: World, verdict: Any) -> None:
    effect = Effect(world)
    async with world.started(charging(effect, lambda _: verdict, retries=ONCE)) as instance:
        await interrupted(world, instance)
        assert await instance.result() == "done by 2"
    assert effect.calls == [1, 2]


async def test_a_plain_function_verifies_in_a_thread(world: World) -> None:
    def look(what: Interrupted) -> Happened:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return Happened(what.ctx.attempt)

    async with world.started(charging(Effect(world), look)) as instance:
        await interrupted(world, instance)
        assert await instance.result() == 1


async def test_a_verified_result_passes_through_the_codec_of_the_step(world: World) -> None:
    async def pay() -> Receipt:
        await world.clock.sleep(100)
        raise AssertionError

    async def run(event: Event, step: Step) -> Any:
        receipt = await step.do("charge", pay, on_interrupted=lambda _: Happened(Receipt(5)))
        await step.sleep("z", 100)
        return receipt.amount

    async with world.started(run) as instance:
        await interrupted(world, instance)
        await interrupted(world, instance)
        assert await instance.result() == 5


async def test_a_verify_that_raises_is_a_failed_attempt_and_is_asked_again(world: World) -> None:
    effect, asked = Effect(world), []

    def look(what: Interrupted) -> Happened:
        asked.append(what.ctx.attempt)
        if len(asked) < 3:
            raise ConnectionError("unreachable")
        return Happened("found")

    retries: Any = {"limit": 5, "delay": 20, "backoff": "constant"}
    async with world.started(charging(effect, look, retries=retries)) as instance:
        await interrupted(world, instance)
        await world.engine.replay()  # while the second look is due
        assert await instance.result() == "found"
        assert (await instance.status()).usage.attempts == 4
    assert (effect.calls, asked) == ([1], [1, 1, 1])
    assert world.clock.now() >= world.started_at + 40


async def test_a_verify_that_goes_on_raising_fails_the_step(world: World) -> None:
    effect = Effect(world)

    def look(what: Interrupted) -> None:
        raise ConnectionError("unreachable")

    async with world.started(charging(effect, look, retries={"limit": 2, "delay": 1})) as instance:
        await interrupted(world, instance)
        status = await ended(instance)
    assert status.error is not None
    assert (status.error.name, status.usage.attempts, effect.calls) == ("ConnectionError", 3, [1])


async def test_a_verify_has_the_time_limit_of_an_attempt(world: World) -> None:
    async def look(what: Interrupted) -> None:
        await world.clock.sleep(100)

    async with world.started(charging(Effect(world), look, timeout=5, retries=ONCE)) as instance:
        await interrupted(world, instance)
        status = await ended(instance)
    assert status.error is not None
    assert status.error.name == "WorkflowTimeoutError"


async def test_a_verify_that_returns_something_else_fails_the_step_at_once(world: World) -> None:
    effect = Effect(world)
    async with world.started(charging(effect, lambda _: True)) as instance:
        await interrupted(world, instance)
        status = await ended(instance)
    assert status.error is not None
    assert "returned True: return Happened(value)" in status.error.message
    assert (status.usage.attempts, effect.calls) == (2, [1])


async def test_an_attempt_that_was_interrupted_twice_is_verified_twice(world: World) -> None:
    effect, asked = Effect(world, cut=2), []

    def look(what: Interrupted) -> Any:
        asked.append((what.ctx.attempt, what.attempts))
        return None if len(asked) < 2 else Happened("found")

    async with world.started(charging(effect, look, retries=ONCE)) as instance:
        await interrupted(world, instance)
        await interrupted(world, instance)
        assert await instance.result() == "found"
    assert (effect.calls, asked) == ([1, 2], [(1, (1,)), (2, (1, 2))])


async def test_an_interrupted_verify_leaves_the_attempt_in_doubt(world: World) -> None:
    effect, asked = Effect(world), []

    async def look(what: Interrupted) -> Happened:
        asked.append(what.attempts)
        if len(asked) == 1:
            await world.clock.sleep(100)
        return Happened("found")

    async with world.started(charging(effect, look)) as instance:
        await interrupted(world, instance)
        await interrupted(world, instance)
        assert await instance.result() == "found"
    assert (effect.calls, asked) == ([1], [(1,), (1,)])


async def test_a_cut_step_that_would_run_again_is_in_doubt_too(world: World) -> None:
    effect = Effect(world)
    patient = iter([False])

    async def run(event: Event, step: Step) -> Any:
        working = asyncio.ensure_future(step.do("charge", effect, on_interrupted="fail"))
        if next(patient, True):
            return await working
        await world.clock.sleep(3)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return await step.sleep("z", 100)

    status = await world.run_twice(run)
    assert status.error is not None
    assert (status.error.name, effect.calls) == ("StepInterrupted", [1])


async def test_a_retry_that_is_cut_is_in_doubt_although_its_first_attempt_has_failed(world: World) -> None:
    calls: list[int] = []
    patient = iter([False])

    async def fail_once(ctx: Any) -> None:
        calls.append(ctx.attempt)
        if ctx.attempt == 1:
            raise ValueError("known to have failed")
        await world.clock.sleep(100)

    async def run(event: Event, step: Step) -> Any:
        retries: Any = {"limit": 3, "delay": 1}
        working = asyncio.ensure_future(step.do("s", fail_once, on_interrupted="fail", retries=retries))
        if next(patient, True):
            return await working
        await world.clock.sleep(3)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return await step.sleep("z", 100)

    status = await world.run_twice(run)
    assert status.error is not None
    assert (status.error.name, calls) == ("StepInterrupted", [1, 2])


@pytest.mark.parametrize("policy", ["nonsense", 5, None])
async def test_another_policy_is_refused(world: World, policy: Any) -> None:
    effect = Effect(world, cut=0)
    status = await world.run(charging(effect, policy))
    assert status.error is not None
    assert (status.error.name, effect.calls) == ("WorkflowFatalError", [])
    assert "on_interrupted" in status.error.message


@pytest.mark.parametrize("policy", ["fail", "ask"])
async def test_todays_code_decides(durable: World, policy: Any) -> None:
    effect = Effect(durable)
    async with durable.started(charging(effect, "ask")) as instance:
        await durable.later(1)
    async with durable.reopened(charging(effect, policy)) as instance:
        await durable.later(1)
        status = await instance.status()
        assert (status.status, status.undecided) == (
            ("errored", ()) if policy == "fail" else ("waiting", ("charge-1",))
        )
    async with durable.reopened(charging(effect, "rerun")) as instance:
        if policy == "ask":
            assert await instance.result() == "done by 2"
