"""Introspection: a test sees into an instance, and says what its steps do instead of acting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.world import Body, Event, Step, World, history, named, workflow
from workflows import (
    Binding,
    Engine,
    EngineClosed,
    InstanceNotFound,
    NonRetryableError,
    RollbackContext,
    RollbackStatus,
    Status,
    WorkflowTimeoutError,
)
from workflows.testing import InstanceIntrospector, IntrospectionError, introspect, introspect_all
from workflows.testing.introspector import backend_of

pytestmark = pytest.mark.anyio

RETRIED: Any = {"limit": 3, "delay": "1 hour", "backoff": "constant"}
FALSY: tuple[object, ...] = (None, 0, "", False, [], {})


class Calls(list[str]):
    """Which functions of steps were really called."""

    def step(self, name: str, value: object = "real") -> Any:
        async def call() -> object:
            self.append(name)
            return value

        return call


@asynccontextmanager
async def opened(world: World, body: Body) -> AsyncIterator[Binding[Any]]:
    """The binding of a workflow that runs `body`."""
    flow = workflow(body)
    async with world.open(flow) as engine:
        yield engine.workflow(flow)


@asynccontextmanager
async def introspected(world: World, body: Body) -> AsyncIterator[tuple[Binding[Any], InstanceIntrospector]]:
    """The binding, and the instance `i`, which is not created yet."""
    async with opened(world, body) as binding, introspect(binding, "i") as instance:
        yield binding, instance


def one_step(calls: Calls, **options: Any) -> Body:
    async def run(event: Event, step: Step) -> Any:
        return await step.do("a", calls.step("a"), **options)

    return run


async def test_a_mocked_step_does_not_call_its_function_and_shows_all_its_events(world: World) -> None:
    calls = Calls()
    async with introspected(world, one_step(calls)) as (binding, instance):
        instance.mock_step_result("a", {"mocked": 1})
        created = await binding.create(id="i")
        assert await instance.wait_for_step_result("a") == {"mocked": 1}
        await instance.wait_for_status("complete")
        assert await instance.get_output() == {"mocked": 1}
        assert (await history(created))[3:7] == [
            "step_started",
            "attempt_started",
            "attempt_completed",
            "step_completed",
        ]
    assert calls == []


@pytest.mark.parametrize("value", FALSY, ids=repr)
async def test_a_falsy_mock_is_a_mock(world: World, value: object) -> None:
    calls = Calls()
    async with introspected(world, one_step(calls)) as (binding, instance):
        instance.mock_step_result("a", value)
        created = await binding.create(id="i")
        assert await created.result() == value
        assert await instance.wait_for_step_result("a") == value
    assert calls == []


@dataclass
class Receipt:
    id: str


async def charge() -> Receipt:
    return Receipt("real")


async def test_a_mocked_result_is_of_the_type_that_the_function_returns(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        receipt = await step.do("charge", charge)
        return receipt.id

    async with introspected(world, run) as (binding, instance):
        instance.mock_step_result("charge", Receipt("mocked"))
        assert await (await binding.create(id="i")).result() == "mocked"
        assert await instance.wait_for_step_result("charge") == {"id": "mocked"}


async def test_a_step_is_mocked_by_its_name_and_how_manieth_call_it_is(world: World) -> None:
    calls = Calls()

    async def run(event: Event, step: Step) -> list[Any]:
        return [await step.do("a", calls.step(f"a{place}")) for place in range(3)]

    async with introspected(world, run) as (binding, instance):
        instance.mock_step_result(("a", 2), "second")
        created = await binding.create(id="i")
        assert await created.result() == ["real", "second", "real"]
        assert await instance.wait_for_step_result(("a", 2)) == "second"
        assert await instance.wait_for_step_result("a") == "real"
    assert calls == ["a0", "a2"]


async def test_a_name_in_a_scope_is_the_whole_name(world: World) -> None:
    calls = Calls()

    async def run(event: Event, step: Step) -> Any:
        return await step.scope("ann").do("a", calls.step("a"))

    async with introspected(world, run) as (binding, instance):
        instance.mock_step_result("ann/a", "mocked")
        assert await (await binding.create(id="i")).result() == "mocked"


async def test_a_result_is_mocked_once_and_nothing_is_said_after_it(world: World) -> None:
    async with introspected(world, one_step(Calls())) as (_, instance):
        instance.mock_step_result("a", None)
        with pytest.raises(
            IntrospectionError, match=r"^\[WorkflowIntrospector\] Trying to mock step 'a' multi"
        ):
            instance.mock_step_result("a", 1)
        with pytest.raises(
            IntrospectionError, match="Trying to mock error on step 'a' after mocking its res"
        ):
            instance.mock_step_error("a", ValueError())
        with pytest.raises(IntrospectionError, match="Trying to force timeout on step 'a' after mocking its"):
            instance.force_step_timeout("a")


async def test_an_error_fails_as_many_attempts_as_were_said(world: World) -> None:
    calls = Calls()
    async with introspected(world, one_step(calls, retries=RETRIED)) as (binding, instance):
        instance.mock_step_error("a", ValueError("mocked"), times=2)
        created = await binding.create(id="i")
        assert await created.result() == "real"
        failed = [e async for e in created.subscribe() if e.type == "attempt_errored"]
        assert [(e.attempt, e.error.name, e.error.message) for e in failed if e.error] == [
            (1, "ValueError", "mocked"),
            (2, "ValueError", "mocked"),
        ]
    assert calls == ["a"]


async def test_an_error_fails_every_attempt_when_no_times_are_said(world: World) -> None:
    calls = Calls()
    async with introspected(world, one_step(calls, retries=RETRIED)) as (binding, instance):
        instance.mock_step_error("a", ValueError("mocked"))
        created = await binding.create(id="i")
        with pytest.raises(IntrospectionError, match="it was step a-1") as failed:
            await instance.wait_for_step_result("a")
        assert str(failed.value) == "Step failed"
        assert isinstance(failed.value.__cause__, ValueError)
        assert str(failed.value.__cause__) == "mocked"
        await instance.wait_for_status("errored")
        error = await instance.get_error()
        assert (error.name, error.message) == ("ValueError", "mocked")
        assert (await created.status()).usage.attempts == 4
    assert calls == []


async def test_a_mocked_error_that_is_not_retryable_ends_the_step(world: World) -> None:
    async with introspected(world, one_step(Calls(), retries=RETRIED)) as (binding, instance):
        instance.mock_step_error("a", NonRetryableError("no"))
        created = await binding.create(id="i")
        await instance.wait_for_status("errored")
        assert (await created.status()).usage.attempts == 1


async def test_errors_time_outs_and_a_result_come_in_this_order(world: World) -> None:
    calls = Calls()
    async with introspected(world, one_step(calls, retries=RETRIED)) as (binding, instance):
        instance.force_step_timeout("a", times=1)
        instance.mock_step_error("a", ValueError("mocked"), times=2)
        instance.mock_step_result("a", "mocked")
        created = await binding.create(id="i")
        assert await created.result() == "mocked"
        failed = [e async for e in created.subscribe() if e.type == "attempt_errored"]
        assert [e.error.name for e in failed if e.error] == [
            "WorkflowTimeoutError",
            "ValueError",
            "ValueError",
        ]
    assert calls == []


async def test_an_error_comes_before_a_time_out_of_the_same_attempt(world: World) -> None:
    async with introspected(world, one_step(Calls(), retries=RETRIED)) as (binding, instance):
        instance.force_step_timeout("a")
        instance.mock_step_error("a", ValueError("mocked"), times=1)
        created = await binding.create(id="i")
        await instance.wait_for_status("errored")
        failed = [e async for e in created.subscribe() if e.type == "attempt_errored"]
        assert [e.error.name for e in failed if e.error] == ["ValueError", *["WorkflowTimeoutError"] * 3]


async def test_a_forced_time_out_says_0_ms_and_is_retried(world: World) -> None:
    calls = Calls()
    async with introspected(world, one_step(calls, retries=RETRIED)) as (binding, instance):
        instance.force_step_timeout("a")
        await binding.create(id="i")
        await instance.wait_for_status("errored")
        error = await instance.get_error()
        assert (error.name, error.message) == ("WorkflowTimeoutError", "Execution timed out after 0ms")
    assert calls == []
    assert world.clock.now() == world.started_at + 3 * 3600


async def test_disabled_retry_delays_take_no_time_and_show_what_was_planned(world: World) -> None:
    async with introspected(world, one_step(Calls(), retries=RETRIED)) as (binding, instance):
        instance.disable_retry_delays()
        instance.mock_step_error("a", ValueError(), times=3)
        created = await binding.create(id="i")
        assert await created.result() == "real"
        delays = [e.retry_delay async for e in created.subscribe() if e.type == "attempt_errored"]
        assert delays == [3600.0] * 3
    assert world.clock.now() == world.started_at


async def test_only_the_named_retry_delays_are_disabled(world: World) -> None:
    calls = Calls()

    async def run(event: Event, step: Step) -> None:
        await step.do("a", calls.step("a"), retries=RETRIED)
        await step.do("b", calls.step("b"), retries=RETRIED)

    async with introspected(world, run) as (binding, instance):
        instance.disable_retry_delays("a")
        for name in "ab":
            instance.mock_step_error(name, ValueError(), times=1)
        await (await binding.create(id="i")).result()
    assert world.clock.now() == world.started_at + 3600


async def sleepy(event: Event, step: Step) -> None:
    await step.sleep("a", "1 minute")
    await step.sleep("a", "2 minutes")
    await step.sleep_until("b", event.timestamp.timestamp() + 1e6)


async def test_disabled_sleeps_take_no_time_and_show_their_length(world: World) -> None:
    async with introspected(world, sleepy) as (binding, instance):
        instance.disable_sleeps()
        created = await binding.create(id="i")
        await instance.wait_for_status("complete")
        slept = [e.duration async for e in created.subscribe() if e.type == "sleep_started"]
        assert slept == [60.0, 120.0, 1e6]
    assert world.clock.now() == world.started_at


async def test_only_the_named_sleeps_are_disabled(world: World) -> None:
    async with introspected(world, sleepy) as (binding, instance):
        instance.disable_sleeps(("a", 2), "b")
        await (await binding.create(id="i")).result()
    assert world.clock.now() == world.started_at + 60


async def test_sleeps_and_steps_of_one_name_are_told_apart(world: World) -> None:
    calls = Calls()

    async def run(event: Event, step: Step) -> Any:
        await step.sleep("a", "1 minute")
        return await step.do("a", calls.step("a"))

    async with introspected(world, run) as (binding, instance):
        instance.mock_step_result("a", "mocked")
        assert await (await binding.create(id="i")).result() == "mocked"
    assert world.clock.now() == world.started_at + 60


async def receives(event: Event, step: Step) -> Any:
    try:
        return (await step.wait_for_event("w", "go", timeout="1 hour")).payload
    except WorkflowTimeoutError as error:
        return str(error)


async def test_a_mocked_event_is_there_before_its_instance(world: World) -> None:
    async with introspected(world, receives) as (binding, instance):
        await instance.mock_event("go", {"n": 1})
        created = await binding.create(id="i")
        await created.send_event("go", {"n": 2})
        assert await created.result() == {"n": 1}
        assert (await history(created))[3:] == ["wait_started", "wait_completed", "workflow_completed"]


async def test_a_mocked_event_reaches_a_wait_that_has_begun(world: World) -> None:
    async with introspected(world, receives) as (binding, instance):
        created = await binding.create(id="i")
        await instance.wait_for_status("waiting")
        await instance.mock_event("go", [1])
        assert await created.result() == [1]
    assert world.clock.now() == world.started_at


async def test_a_mocked_event_is_received_once_and_only_by_waits_for_its_type(world: World) -> None:
    async def run(event: Event, step: Step) -> list[Any]:
        other = await step.wait_for_event("other", "other", timeout=5)
        first = await step.wait_for_event("first", "go", timeout=5)
        second = await step.wait_for_event("second", "go", timeout=5)
        return [other.payload, first.payload, second.payload]

    async with introspected(world, run) as (binding, instance):
        for type, payload in (("go", 1), ("other", 2), ("go", 3)):
            await instance.mock_event(type, payload)
        assert await (await binding.create(id="i")).result() == [2, 1, 3]


async def test_a_received_mock_is_received_again_by_a_replay(world: World) -> None:
    async def run(event: Event, step: Step) -> list[Any]:
        first = await step.wait_for_event("first", "go", timeout=5)
        await step.sleep("nap", 60)
        return [first.payload]

    async with introspected(world, run) as (binding, instance):
        await instance.mock_event("go", 1)
        created = await binding.create(id="i")
        await instance.wait_for_status("waiting")
        await world.engine.replay()
        assert await created.result() == [1]


async def test_a_forced_event_time_out_says_what_was_configured(world: World) -> None:
    async with introspected(world, receives) as (binding, instance):
        instance.force_event_timeout("w")
        await instance.mock_event("go", 1)
        created = await binding.create(id="i")
        assert await created.result() == "Execution timed out after 3600000ms"
        assert (await history(created))[3:5] == ["wait_started", "wait_timed_out"]
    assert world.clock.now() == world.started_at


async def test_a_status_that_cannot_be_reached_any_more_is_an_error(world: World) -> None:
    async with introspected(world, one_step(Calls())) as (binding, instance):
        await binding.create(id="i")
        with pytest.raises(IntrospectionError) as refused:
            await instance.wait_for_status("errored")
        assert str(refused.value) == (
            "[WorkflowIntrospector] The Workflow instance i has reached status 'complete'. This is a finite "
            "status that prevents it from ever reaching the expected status of 'errored'."
        )
        with pytest.raises(IntrospectionError, match="has reached status 'complete'"):
            await instance.wait_for_status("running")


async def test_output_and_error_are_there_when_the_status_says_so(world: World) -> None:
    async with introspected(world, sleepy) as (binding, instance):
        with pytest.raises(InstanceNotFound):
            await instance.get_output()
        await binding.create(id="i")
        await instance.wait_for_status("waiting")
        with pytest.raises(IntrospectionError) as no_output:
            await instance.get_output()
        assert str(no_output.value) == (
            'Cannot retrieve output: Workflow instance is in status "waiting" but must be "complete" '
            "to have an output available"
        )
        await instance.wait_for_status("complete")
        with pytest.raises(IntrospectionError) as no_error:
            await instance.get_error()
        assert str(no_error.value) == (
            'Cannot retrieve error: Workflow instance is in status "complete" but must be "errored" '
            "to have error information available"
        )


async def test_the_result_of_a_step_that_never_ran_is_not_waited_for_in_vain(world: World) -> None:
    async with introspected(world, one_step(Calls())) as (binding, instance):
        await binding.create(id="i")
        with pytest.raises(IntrospectionError, match="status 'complete' without a result of step 'b-1'"):
            await instance.wait_for_step_result("b")


async def test_waiting_begins_before_the_instance_exists(world: World) -> None:
    async with introspected(world, one_step(Calls())) as (binding, instance):
        waiting = asyncio.gather(
            instance.wait_for_step_result("a"),
            instance.wait_for_status("complete"),
            instance.wait_for_status("queued"),
        )
        await world.later(10)
        assert not waiting.done()
        await binding.create(id="i")
        await waiting
        assert waiting.result()[0] == "real"


STATUSES: tuple[Status, ...] = ("waiting", "paused", "waiting", "terminated")


async def test_each_status_is_noticed_when_it_comes(world: World) -> None:
    async with introspected(world, sleepy) as (binding, instance):
        created = await binding.create(id="i")
        changes = {"paused": created.pause, "waiting": created.resume, "terminated": created.terminate}
        for place, status in enumerate(STATUSES):
            expected = asyncio.ensure_future(instance.wait_for_status(status))
            await asyncio.sleep(0)
            if place:
                await changes[status]()
            await expected
            assert (await created.status()).status == status
    assert world.clock.now() == world.started_at


async def test_a_status_of_long_ago_is_not_taken_for_the_present_one(world: World) -> None:
    async with introspected(world, sleepy) as (binding, instance):
        created = await binding.create(id="i")
        await created.pause()
        await created.resume()
        paused = asyncio.ensure_future(instance.wait_for_status("paused"))
        await world.later(1)
        assert not paused.done()
        await created.pause()
        await paused


async def test_waiting_is_noticed_when_the_last_attempt_ends_beside_a_sleep(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(step.sleep("nap", "1 day"), step.do("a", world.later, 100))

    async with introspected(world, run) as (binding, instance):
        await binding.create(id="i")
        await instance.wait_for_status("waiting")
        assert world.clock.now() == world.started_at + 100


async def test_waiting_is_noticed_after_a_replay(world: World) -> None:
    async with introspected(world, sleepy) as (binding, instance):
        await binding.create(id="i")
        await instance.wait_for_status("waiting")
        await world.engine.replay()
        await instance.wait_for_status("waiting")
        assert world.clock.now() == world.started_at


async def test_running_is_noticed_when_a_sleep_ends(world: World) -> None:
    async with introspected(world, sleepy) as (binding, instance):
        await binding.create(id="i")
        await instance.wait_for_status("waiting")
        await instance.wait_for_status("running")
        assert world.clock.now() == world.started_at + 60


async def test_whoever_waits_learns_that_the_engine_was_closed(world: World) -> None:
    flow = workflow(sleepy)
    engine = Engine(world.path, [flow], clock=world.clock)
    async with engine:
        binding = engine.workflow(flow)
        async with introspect(binding, "i") as instance:
            await binding.create(id="i")
            waiting = asyncio.ensure_future(instance.wait_for_status("paused"))
            await instance.wait_for_status("waiting")
            await engine.close()
            with pytest.raises(EngineClosed):
                await waiting


async def test_an_instance_is_introspected_after_its_creation_too(world: World) -> None:
    calls = Calls()

    async def run(event: Event, step: Step) -> list[Any]:
        first = await step.do("a", calls.step("a"))
        await step.wait_for_event("w", "go")
        return [first, await step.do("b", calls.step("b"))]

    async with opened(world, run) as binding:
        created = await binding.create(id="i")
        await world.later(1)
        async with introspect(binding, "i") as instance:
            instance.mock_step_result("a", "too late")
            instance.mock_step_result("b", "mocked")
            assert await instance.wait_for_step_result("a") == "real"
            await instance.wait_for_status("waiting")
            await instance.mock_event("go")
            assert await created.result() == ["real", "mocked"]


async def test_a_recorded_mock_stays_when_the_test_has_left(world: World) -> None:
    calls = Calls()

    async def run(event: Event, step: Step) -> list[Any]:
        first = await step.do("a", calls.step("a"))
        await step.sleep("nap", 60)
        return [first, await step.do("b", calls.step("b"))]

    async with opened(world, run) as binding:
        async with introspect(binding, "i") as instance:
            instance.mock_step_result("a", "mocked")
            instance.mock_step_result("b", "mocked")
            created = await binding.create(id="i")
            await instance.wait_for_status("waiting")
        await world.engine.replay()
        assert await created.result() == ["mocked", "real"]


async def test_mocks_hold_again_after_a_restart(world: World) -> None:
    calls = Calls()
    async with introspected(world, one_step(calls)) as (binding, instance):
        instance.mock_step_result("a", "mocked")
        created = await binding.create(id="i")
        await created.result()
        await created.restart()
        assert await created.result() == "mocked"
    assert calls == []


async def test_other_instances_and_workflows_are_left_alone(world: World) -> None:
    calls = Calls()
    flow = workflow(one_step(calls))
    other = named("Other", flow)
    async with world.open(flow, other) as engine, introspect(engine.workflow(flow), "i") as instance:
        instance.mock_step_result("a", "mocked")
        created = [
            await engine.workflow(flow).create(id="i"),
            await engine.workflow(flow).create(id="j"),
            await engine.workflow(other).create(id="i"),
        ]
        assert [await one.result() for one in created] == ["mocked", "real", "real"]


async def test_all_instances_that_are_created_meanwhile_are_introspected(world: World) -> None:
    calls = Calls()
    async with opened(world, one_step(calls)) as binding:
        before = await binding.create(id="before")
        async with introspect_all(binding) as created:
            created.mock_step_result("a", "mocked")
            handles = [await binding.create(id=f"i{n}") for n in range(3)]
            assert [instance.id for instance in created.instances] == ["i0", "i1", "i2"]
            assert [await handle.result() for handle in handles] == ["mocked"] * 3
            assert [await one.wait_for_step_result("a") for one in created.instances] == ["mocked"] * 3
        after = await binding.create(id="after")
        assert [await before.result(), await after.result()] == ["real", "real"]
        assert len(created.instances) == 3


async def test_an_instance_has_its_own_rules_before_those_of_all(world: World) -> None:
    async with introspected(world, one_step(Calls())) as (binding, own), introspect_all(binding) as created:
        created.mock_step_result("a", "all")
        own.mock_step_result("a", "own")
        handles = [await binding.create(id=id) for id in ("i", "other")]
        assert [await handle.result() for handle in handles] == ["own", "all"]
        assert [instance.id for instance in created.instances] == ["i", "other"]


async def test_what_is_said_of_all_holds_for_those_that_exist_too(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        received = await step.wait_for_event("w", "go")
        return [received.payload, await step.do("a", Calls().step("a"))]

    async with opened(world, run) as binding, introspect_all(binding) as created:
        first = await binding.create(id="first")
        await created.instances[0].wait_for_status("waiting")
        created.mock_step_result("a", "mocked")
        await created.mock_event("go", 1)
        second = await binding.create(id="second")
        assert [await first.result(), await second.result()] == [[1, "mocked"]] * 2


async def test_children_of_a_workflow_are_introspected_with_all(world: World) -> None:
    calls = Calls()
    child = named("Child", workflow(one_step(calls)))

    async def run(event: Event, step: Step) -> Any:
        async def launch() -> str:
            return (await world.engine.workflow(child).create(id="child")).id

        return await step.do("launch", launch)

    parent = workflow(run)
    async with world.open(parent, child) as engine, introspect_all(engine.workflow(child)) as created:
        created.mock_step_result("a", "mocked")
        await (await engine.workflow(parent).create(id="p")).result()
        assert await engine.workflow(child).get("child").result() == "mocked"
        assert [instance.id for instance in created.instances] == ["child"]


@pytest.mark.parametrize("step", [("a", 0), ("a", True), ("a",), 3, ("a", "1")], ids=repr)
async def test_what_names_no_step_is_refused(world: World, step: Any) -> None:
    async with introspected(world, one_step(Calls())) as (_, instance):
        with pytest.raises(IntrospectionError, match="names no step"):
            instance.mock_step_result(step, 1)


@pytest.mark.parametrize("times", [0, -1, 1.5, True])
async def test_times_that_are_no_number_of_attempts_are_refused(world: World, times: Any) -> None:
    async with introspected(world, one_step(Calls())) as (_, instance):
        with pytest.raises(IntrospectionError, match="must be a whole number"):
            instance.mock_step_error("a", ValueError(), times=times)


async def test_a_status_that_does_not_exist_is_refused(world: World) -> None:
    unknown: Any = "completed"
    async with introspected(world, one_step(Calls())) as (_, instance):
        with pytest.raises(IntrospectionError, match="'completed' is no status; there are queued, running"):
            await instance.wait_for_status(unknown)


async def test_waiting_is_noticed_when_a_wait_for_an_event_begins(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        await step.do("a", world.later, 10)
        return (await step.wait_for_event("w", "go", timeout="1 hour")).payload

    async with introspected(world, run) as (binding, instance):
        created = await binding.create(id="i")
        await instance.wait_for_status("waiting")
        assert world.clock.now() == world.started_at + 10
        await created.send_event("go", 1)
        assert await created.result() == 1


async def test_an_instance_is_told_more_than_all_and_its_own_rules_come_first(world: World) -> None:
    async with opened(world, receives_and_works) as binding, introspect_all(binding) as created:
        created.mock_step_result("a", "all")
        handles = [await binding.create(id=f"i{n}") for n in range(2)]
        created.instances[0].mock_step_result("a", "own")
        await created.mock_event("go")
        assert [await handle.result() for handle in handles] == ["own", "all"]


async def receives_and_works(event: Event, step: Step) -> Any:
    await step.wait_for_event("w", "go")
    return await step.do("a", Calls().step("a"))


async def test_what_was_said_of_one_ends_when_its_view_is_left_and_what_was_said_of_all_stays(
    world: World,
) -> None:
    async with opened(world, receives_and_works) as binding, introspect_all(binding) as created:
        created.mock_step_result("a", "all")
        handle = await binding.create(id="i")
        async with introspect(binding, "i") as instance:
            instance.mock_step_result("a", "own")
        await created.mock_event("go")
        assert await handle.result() == "all"


async def test_an_engine_that_no_test_looks_at_any_more_asks_nobody(world: World) -> None:
    async with opened(world, one_step(Calls())) as binding:
        rehearsals = backend_of(binding).rehearsals
        assert not rehearsals.by_id
        async with introspect_all(binding), introspect(binding, "other"):
            await (await binding.create(id="i")).result()
            assert set(rehearsals.by_id) == {(binding.name, "i"), (binding.name, "other")}
        assert not rehearsals.by_id


async def test_compensations_are_tried_again_at_once_too(world: World) -> None:
    tries: list[int] = []

    def flaky(undone: RollbackContext[Any]) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("again")

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1, rollback=flaky)
        raise ValueError

    async with introspected(world, run) as (binding, instance):
        instance.disable_retry_delays()
        created = await binding.create(id="i")
        await instance.wait_for_status("errored")
        assert (await created.status()).rollback == RollbackStatus("complete")
    assert (len(tries), world.clock.now()) == (3, world.started_at)
