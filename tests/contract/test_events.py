"""Events from outside: buffered, in order, each for exactly one wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from tests.contract.world import Event, Step, World, ended
from workflows import InstanceFinished, WorkflowError, WorkflowTimeoutError

pytestmark = pytest.mark.anyio


async def one(event: Event, step: Step) -> Any:
    received = await step.wait_for_event("w", "go")
    return [received.type, received.payload, received.timestamp]


async def test_an_event_arrives_with_type_payload_and_time(world: World) -> None:
    async with world.started(one) as instance:
        await world.later(5)
        assert (await instance.status()).status == "waiting"
        await instance.send_event("go", {"n": 1})
        kind, payload, timestamp = await instance.result()
        assert (kind, payload) == ("go", {"n": 1})
        assert timestamp.timestamp() == pytest.approx(world.clock.now())


@pytest.mark.parametrize("payload", [None, 0, "", [], {}, False, b""])
async def test_falsy_payloads_arrive(world: World, payload: Any) -> None:
    async with world.started(one) as instance:
        await instance.send_event("go", payload)
        assert (await instance.result())[1] == payload


async def test_a_payload_may_be_left_out(world: World) -> None:
    async with world.started(one) as instance:
        await instance.send_event("go")
        assert (await instance.result())[1] is None


class Approval(BaseModel):
    ok: bool


async def test_a_payload_is_validated_as_the_type_that_is_asked_for(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return (await step.wait_for_event("w", "approval", payload=Approval)).payload.ok

    async with world.started(run) as instance:
        await instance.send_event("approval", Approval(ok=True))
        assert await instance.result() is True


async def test_events_sent_too_early_are_kept_and_come_in_order(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        await step.sleep("busy", 10)
        return [(await step.wait_for_event("w", "go")).payload for _ in range(12)]

    async with world.started(run) as instance:
        for number in range(12):
            await instance.send_event("go", number)
        assert await instance.result() == list(range(12))


@pytest.mark.parametrize("reload", ["replay", "pause"])
async def test_events_keep_their_order_beyond_ten_when_the_run_begins_again(
    world: World, reload: str
) -> None:
    """The recorded engine gives them back in the order of their numbers as text: 0, 1, 10, 11, 2."""

    async def run(event: Event, step: Step) -> Any:
        first = [(await step.wait_for_event("w", "go")).payload for _ in range(3)]
        await step.sleep("busy", 10)
        return first + [(await step.wait_for_event("w", "go")).payload for _ in range(12)]

    async with world.started(run) as instance:
        for number in range(15):
            await instance.send_event("go", number)
        await world.later(1)
        if reload == "pause":
            await instance.pause()
            await instance.resume()
        await world.engine.replay()
        assert await instance.result() == list(range(15))


async def test_the_oldest_wait_gets_the_first_event(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        waits = (step.wait_for_event(name, "go") for name in ("w1", "w2"))
        return [received.payload for received in await asyncio.gather(*waits)]

    async with world.started(run) as instance:
        await world.later(1)
        await instance.send_event("go", "first")
        await world.later(1)
        await instance.send_event("go", "second")
        assert await instance.result() == ["first", "second"]


async def test_an_event_of_another_type_stays_for_its_own_wait(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return [(await step.wait_for_event("w", kind)).payload for kind in ("a", "b")]

    async with world.started(run) as instance:
        await instance.send_event("b", 2)
        await world.later(1)
        await instance.send_event("a", 1)
        assert await instance.result() == [1, 2]


async def test_a_wait_ends_after_its_time_limit(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(WorkflowTimeoutError) as caught:
            await step.wait_for_event("w", "go", timeout="1 second")
        return str(caught.value)

    async with world.started(run) as instance:
        assert await instance.result() == "Execution timed out after 1000ms"


async def test_by_default_a_wait_lasts_24_hours(world: World) -> None:
    status = await world.run(one)
    assert status.error is not None
    assert (status.error.name, status.error.message) == (
        "WorkflowTimeoutError",
        "Execution timed out after 86400000ms",
    )


async def test_a_wait_that_timed_out_swallows_nothing(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(WorkflowTimeoutError):
            await step.wait_for_event("w1", "go", timeout=1)
        return (await step.wait_for_event("w2", "go")).payload

    async with world.started(run) as instance:
        await world.later(5)
        await instance.send_event("go", "for w2")
        assert await instance.result() == "for w2"


async def test_a_timed_out_wait_is_remembered(durable: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(WorkflowTimeoutError):
            await step.wait_for_event("w", "go", timeout=1)
        await step.sleep("z", 10)
        return "timed out"

    async with durable.started(run) as instance:
        await durable.later(5)
        await instance.send_event("go", "too late")
    async with durable.reopened(run) as instance:
        assert await instance.result() == "timed out"


async def test_an_event_is_consumed_once_over_pause_and_resume(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        first = (await step.wait_for_event("w1", "go")).payload
        await step.sleep("z", 10)
        with pytest.raises(WorkflowTimeoutError):
            await step.wait_for_event("w2", "go", timeout=5)
        return first

    async with world.started(run) as instance:
        await instance.send_event("go", "once")
        await world.later(5)
        await instance.pause()
        await instance.resume()
        assert await instance.result() == "once"


async def test_waits_of_one_name_are_numbered(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return [(await step.wait_for_event("w", "go")).payload for _ in range(2)]

    async with world.started(run) as instance:
        for number in (1, 2):
            await instance.send_event("go", number)
        names = [event.step_name async for event in instance.subscribe() if event.type == "wait_completed"]
    assert names == ["w-1", "w-2"]


async def test_an_event_to_a_paused_instance_waits_for_resume(world: World) -> None:
    async with world.started(one) as instance:
        await world.later(1)
        await instance.pause()
        await instance.send_event("go", "kept")
        await world.later(1)
        assert (await instance.status()).status == "paused"
        await instance.resume()
        assert (await instance.result())[1] == "kept"


async def test_an_event_to_a_finished_instance_is_refused(world: World) -> None:
    async def run(event: Event, step: Step) -> None: ...

    async with world.started(run) as instance:
        await ended(instance)
        with pytest.raises(InstanceFinished, match='"i" is complete'):
            await instance.send_event("go")


@pytest.mark.parametrize("kind", ["", "-a", "a.b", "a b", "a" * 101])
async def test_a_bad_event_type_is_refused_by_both_sides(world: World, kind: str) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.wait_for_event("w", kind)

    async with world.started(run) as instance:
        with pytest.raises(WorkflowError, match="invalid_event_type"):
            await instance.send_event(kind)
        error = (await ended(instance)).error
    assert error is not None
    assert "invalid_event_type" in error.message


async def test_sends_that_race_with_waits_lose_nothing(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return [(await step.wait_for_event(f"w{n}", "go")).payload for n in range(100)]

    async with world.started(run) as instance:
        for number in range(100):
            await instance.send_event("go", number)
            await asyncio.sleep(0)
        assert await instance.result() == list(range(100))
