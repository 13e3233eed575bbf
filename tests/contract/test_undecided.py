"""Steps with `on_interrupted="ask"`: they wait for a decision, and take one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.interruption import BEGUN, Effect, Receipt, asking, charging, interrupted, kinds
from tests.contract.world import ONCE, Event, Step, World, ended, history
from workflows import StepInterrupted, WorkflowError

pytestmark = pytest.mark.anyio


async def test_a_step_that_asks_waits_for_as_long_as_it_takes(world: World) -> None:
    effect = Effect(world)
    async with world.started(charging(effect, "ask")) as instance:
        await asking(world, instance)
        await world.later(400 * 86_400)
        await world.engine.replay()
        await world.later(1)
        status = await instance.status()
        assert (status.status, status.undecided) == ("waiting", ("charge-1",))
        await instance.decide("charge", rerun=True)
        assert await instance.result() == "done by 2"
        assert (await instance.status()).undecided == ()
        assert kinds(await history(instance)) == [
            *BEGUN,
            "step_interrupted",
            "step_decided",
            "attempt_started",
            "attempt_completed",
            "step_completed",
        ]
    assert effect.calls == [1, 2]


async def test_somebody_decides_that_it_has_happened(world: World) -> None:
    effect = Effect(world)
    async with world.started(charging(effect, "ask")) as instance:
        await asking(world, instance)
        await instance.decide("charge", result={"paid": True})
        assert await instance.result() == {"paid": True}
        assert kinds(await history(instance)) == [
            *BEGUN,
            "step_interrupted",
            "step_decided",
            "attempt_completed",
            "step_completed",
        ]
    assert effect.calls == [1]


async def test_none_is_a_result(world: World) -> None:
    async with world.started(charging(Effect(world), "ask")) as instance:
        await asking(world, instance)
        await instance.decide("charge", result=None)
        assert await instance.result() is None


async def test_a_decided_result_is_of_the_type_of_the_step(world: World) -> None:
    async def pay() -> Receipt:
        await world.clock.sleep(100)
        raise AssertionError

    async def run(event: Event, step: Step) -> Any:
        receipt = await step.do("charge", pay, on_interrupted="ask")
        await step.sleep("z", 100)
        return [type(receipt).__name__, receipt.amount]

    async with world.started(run) as instance:
        await asking(world, instance)
        await instance.decide("charge", result="nonsense")
        await world.later(1)
        assert (await instance.status()).undecided == ("charge-1",)  # it cannot be one, so it goes on asking
        await instance.decide("charge", result=Receipt(5))
        await interrupted(world, instance)
        assert await instance.result() == ["Receipt", 5]
        errors = [event.error async for event in instance.subscribe(filter=["attempt_errored"])]
    assert [error.name for error in errors if error is not None] == ["InvalidPayload"]


async def test_somebody_decides_that_it_has_failed(world: World) -> None:
    effect, caught = Effect(world), []

    async def run(event: Event, step: Step) -> Any:
        try:
            return await step.do("charge", effect, on_interrupted="ask")
        except StepInterrupted as error:
            caught.append(error.reason)
            await step.sleep("z", 10)
            raise

    async with world.started(run) as instance:
        await asking(world, instance)
        await instance.decide("charge", error="the bank says no")
        await world.later(1)
        with pytest.raises(WorkflowError, match="does not wait for a decision"):
            await instance.decide("charge", rerun=True)
        status = await ended(instance)
    assert status.error is not None
    assert status.error.name == "StepInterrupted"
    assert status.error.message.endswith("the bank says no")
    assert (effect.calls, set(caught)) == ([1], {"the bank says no"})


async def test_a_step_that_was_decided_to_rerun_may_be_interrupted_and_ask_again(world: World) -> None:
    effect = Effect(world, cut=2)
    async with world.started(charging(effect, "ask", retries=ONCE)) as instance:
        await asking(world, instance)
        await instance.decide("charge", rerun=True)
        await asking(world, instance)
        await instance.decide("charge", rerun=True)
        assert await instance.result() == "done by 3"
    assert effect.calls == [1, 2, 3]


async def test_a_decision_that_was_acknowledged_is_not_lost(world: World) -> None:
    effect = Effect(world)
    async with world.started(charging(effect, "ask")) as instance:
        await asking(world, instance)
        await instance.pause()
        await instance.decide("charge", result="given while paused")
        await world.later(1_000)
        await world.engine.replay()
        assert (await instance.status()).undecided == ()
        await instance.resume()
        assert await instance.result() == "given while paused"
    assert effect.calls == [1]


async def test_a_second_decision_is_refused(world: World) -> None:
    async with world.started(charging(Effect(world), "ask")) as instance:
        await asking(world, instance)
        await instance.pause()
        await instance.decide("charge", rerun=True)
        with pytest.raises(WorkflowError, match='step "charge-1" has been decided about already'):
            await instance.decide("charge", result=1)
        await instance.resume()
        assert await instance.result() == "done by 2"


async def test_a_step_that_does_not_ask_cannot_be_decided_about(world: World) -> None:
    async with world.started(charging(Effect(world), "ask")) as instance:
        await world.later(1)
        for name, count in [("charge", 1), ("charge", 2), ("other", 1)]:
            with pytest.raises(WorkflowError, match=f'step "{name}-{count}" does not wait for a decision'):
                await instance.decide(name, count=count, rerun=True)
        await asking(world, instance)
        await instance.decide("charge", rerun=True)
        assert await instance.result() == "done by 2"
        with pytest.raises(WorkflowError):
            await instance.decide("charge", rerun=True)


@pytest.mark.parametrize("decision", [{}, {"rerun": True, "result": 1}, {"result": 1, "error": "no"}])
async def test_a_decision_is_one(world: World, decision: Any) -> None:
    async with world.started(charging(Effect(world), "ask")) as instance:
        await asking(world, instance)
        with pytest.raises(WorkflowError, match="one of rerun=True, result=… and error="):
            await instance.decide("charge", **decision)


async def test_a_decision_does_not_outlive_the_step_that_asked(world: World) -> None:
    effect = Effect(world, cut=2)
    async with world.started(charging(effect, "ask")) as instance:
        await asking(world, instance)
        await instance.pause()
        await instance.decide("charge", result="about the attempt before the restart")
        await instance.restart(from_step="charge")
        await asking(world, instance)
        await instance.decide("charge", result="about the second life")
        assert await instance.result() == "about the second life"
    assert effect.calls == [1, 1]


async def test_steps_that_ask_are_decided_about_apart(world: World) -> None:
    effect = Effect(world, cut=3)

    async def run(event: Event, step: Step) -> Any:
        steps = (step.do(name, effect, on_interrupted="ask") for name in ("a", "b", "a"))
        return await asyncio.gather(*steps)

    async with world.started(run) as instance:
        await interrupted(world, instance)
        assert (await instance.status()).undecided == ("a-1", "b-1", "a-2")
        await instance.decide("a", count=2, result=3)
        await world.later(1)
        assert (await instance.status()).undecided == ("a-1", "b-1")
        await instance.decide("b", result=2)
        await instance.decide("a", result=1)
        assert await instance.result() == [1, 2, 3]


async def test_a_decision_is_there_after_the_engine_was_closed(durable: World) -> None:
    effect = Effect(durable)
    run = charging(effect, "ask")
    async with durable.started(run) as instance:
        await durable.later(1)
    async with durable.reopened(run) as instance:
        await durable.later(1)
        await instance.pause()
        await instance.decide("charge", result="decided")
    async with durable.reopened(run) as instance:
        await instance.resume()
        assert await instance.result() == "decided"
    assert effect.calls == [1]
