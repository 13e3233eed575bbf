"""What a user's code raises that is no `Exception`: it is recorded, and holds up neither run nor loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, history, workflow
from workflows import RollbackContext, StepError, WorkflowInstance

pytestmark = pytest.mark.anyio


class Odd(BaseException):
    """As those of test runners and of supervisors."""


ODD = [SystemExit, Odd]


def on_the_loop(error: BaseException) -> Callable[[], object]:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise error

    return fails


def in_a_thread(error: BaseException) -> Callable[[], object]:
    def fails() -> None:
        raise error

    return fails


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("failing", [on_the_loop, in_a_thread])
async def test_a_step_fails_with_it_for_good(
    world: World, failing: Callable[[BaseException], Any], kind: type[BaseException]
) -> None:
    """In a task of its own too, where such an error would end the loop."""
    caught: list[tuple[str, str]] = []

    async def run(event: Event, step: Step) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(taken(step))
        await step.sleep("z", 10)

    async def taken(step: Step) -> None:
        try:
            await step.do("s", failing(kind("over")))
        except StepError as error:
            caught.append((error.type_name, error.message))

    async with world.started(run) as instance:
        await world.later(5)
        await world.engine.replay()
        assert (await ended(instance)).status == "complete"
        assert set(caught) == {(kind.__name__, "over")}
        seen = await history(instance)
        assert (seen.count("attempt_errored"), seen.count("step_errored")) == (1, 1)


@pytest.mark.parametrize("kind", ODD)
async def test_a_delay_function_that_raises_it_ends_the_attempts(
    world: World, kind: type[BaseException]
) -> None:
    async def fails() -> None:
        raise ValueError("again")

    def no_delay(_: Any) -> float:
        raise kind("over")

    async def run(event: Event, step: Step) -> Any:
        try:
            return await step.do("s", fails, retries={"limit": 2, "delay": no_delay})
        except StepError as error:
            return error.type_name
        except Exception as error:  # noqa: BLE001
            return str(error)

    status = await world.run(run)
    assert status.output == 'The delay function for step "s-1" threw an error: over'


@pytest.mark.parametrize("kind", ODD)
async def test_a_compensation_that_raises_it_fails_the_rollback(
    world: World, kind: type[BaseException]
) -> None:
    async def undo(undone: RollbackContext[Any]) -> None:
        raise kind("over")

    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda: 1, rollback=undo)
        raise ValueError("no")

    status = await world.run(run)
    assert status.status == "errored"
    assert status.rollback is not None
    assert status.rollback.error is not None
    assert (status.rollback.outcome, status.rollback.error.name) == ("failed", kind.__name__)


async def test_a_step_that_raises_generator_exit_ends_the_instance(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", on_the_loop(GeneratorExit("over")), retries=ONCE)

    status = await world.run(run)
    assert status.error is not None
    assert (status.status, status.error.name) == ("errored", "GeneratorExit")


async def test_a_run_that_raises_generator_exit_ends_the_instance(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("z", 1)
        raise GeneratorExit("over")

    status = await world.run(run)
    assert status.error is not None
    assert (status.status, status.error.name) == ("errored", "GeneratorExit")


async def test_generator_exit_leads_to_a_rollback_as_any_error(world: World) -> None:
    undone: list[Any] = []

    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda: 1, rollback=lambda context: undone.append(context.output))
        raise GeneratorExit("over")

    status = await world.run(run)
    assert status.rollback is not None
    assert (status.status, status.rollback.outcome, undone) == ("errored", "complete", [1])


async def paused(world: World, instance: WorkflowInstance) -> str | None:
    async for event in instance.subscribe():
        if event.type == "workflow_paused":
            break
    return (await instance.status()).reason


@pytest.mark.parametrize("cancels", [True, False])
async def test_a_compensation_that_cannot_be_judged_pauses_the_instance(world: World, cancels: bool) -> None:
    calls: list[Any] = []

    async def undo(undone: RollbackContext[Any]) -> None:
        calls.append(undone.output)
        if len(calls) > 1:
            return
        if not cancels:
            raise GeneratorExit
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda: 1, rollback=undo)
        raise ValueError("no")

    async with world.started(run) as instance:
        reason = await paused(world, instance)
        assert reason is not None
        assert "its rollback cannot go on: " in reason
        await instance.resume()
        status = await ended(instance)
        assert status.rollback is not None
        assert (status.status, status.rollback.outcome, calls) == ("errored", "complete", [1, 1])


@pytest.mark.parametrize("kind", [*ODD, GeneratorExit])
async def test_other_instances_go_on(world: World, kind: type[BaseException]) -> None:
    async def run(event: Event, step: Step) -> Any:
        if event.payload == "odd":
            await asyncio.gather(step.do("s", on_the_loop(kind()), retries=ONCE), step.sleep("z", 5))
        await step.sleep("y", 1)
        return event.payload

    flow = workflow(run)
    async with world.open(flow) as engine:
        made = [await engine.workflow(flow).create(params=params) for params in ("odd", "even")]
        ends = [await ended(instance) for instance in made]
    assert [end.output for end in ends] == [None, "even"]
