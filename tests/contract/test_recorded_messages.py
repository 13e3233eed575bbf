"""What the recorded engine says, word for word up to where ours may go on (seconds, settings, what to do)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, workflow
from workflows import Binding, InstanceNotFound, WorkflowError

pytestmark = pytest.mark.anyio

Body = Callable[[Any, World], Awaitable[object]]
"""What is called wrongly, so the step has no type here."""


def nothing() -> None: ...


def fails() -> None:
    raise ValueError("no")


def throws(failed: object) -> float:
    raise ValueError("bad delay")


def tried(delay: object) -> Body:
    return lambda step, _: step.do("r", fails, retries={"limit": 3, "delay": delay})


def undone(**options: Any) -> Body:
    return lambda step, _: step.do("u", nothing, **options)


CAUGHT: dict[str, tuple[Body, str, str]] = {
    "a long name": (
        lambda step, _: step.do("n" * 257, nothing),
        "WorkflowFatalError",
        f'Step name "{"n" * 257}" exceeds max length (256 chars) or invalid characters found',
    ),
    "a newline in a name": (
        lambda step, _: step.do("a\nb", nothing),
        "WorkflowFatalError",
        'Step name "a\nb" exceeds max length (256 chars) or invalid characters found',
    ),
    "an unknown key": (
        lambda step, _: step.do("cfg", nothing, config={"foo": 1}),
        "WorkflowFatalError",
        'Step config for "cfg" is in a invalid format',
    ),
    "no callback": (
        lambda step, _: step.do("cfg", None),
        "WorkflowFatalError",
        'Step "cfg" requires a callback function',
    ),
    "a delay that throws": (
        tried(throws),
        "NonRetryableDelayError",
        'The delay function for step "r-1" threw an error: bad delay',
    ),
    "a negative delay": (
        tried(lambda failed: -5),
        "NonRetryableDelayError",
        'The delay function for step "r-1" returned an invalid delay value',
    ),
    "a delay that hangs": (
        lambda step, world: tried(lambda failed: world.clock.sleep(60))(step, world),
        "NonRetryableDelayError",
        'The delay function for step "r-1" did not return within 5 seconds',
    ),
    "an attempt out of time": (
        lambda step, world: step.do("t", lambda: world.clock.sleep(60), timeout=0.3, retries=ONCE),
        "WorkflowTimeoutError",
        "Execution timed out after 300ms",
    ),
    "a wait out of time": (
        lambda step, _: step.wait_for_event("w", "go", timeout="1 hour"),
        "WorkflowTimeoutError",
        "Execution timed out after 3600000ms",
    ),
    "an event type with a dot": (
        lambda step, _: step.wait_for_event("w", "a.b"),
        "WorkflowError",
        "workflow.invalid_event_type",
    ),
    "an instant of the past": (
        lambda step, _: step.sleep_until("u", 1.0),
        "WorkflowError",
        "You can't sleep until a time in the past, time-traveler",
    ),
    "a rollback that is none": (
        undone(rollback="x"),
        "WorkflowFatalError",
        'Rollback for "u" must be a function',
    ),
    "an unknown key for the rollback": (
        undone(rollback=nothing, rollback_config={"foo": 1}),
        "WorkflowFatalError",
        'Rollback config for "u" is in a invalid format',
    ),
}


@pytest.mark.parametrize(("body", "name", "message"), CAUGHT.values(), ids=CAUGHT)
async def test_what_a_program_catches(world: World, body: Body, name: str, message: str) -> None:
    async def run(event: Event, step: Step) -> list[str]:
        try:
            await body(step, world)
        except WorkflowError as error:
            return [type(error).__name__, str(error)]
        return []

    status = await world.run(run)
    assert status.output is not None, status.error
    assert status.output[0] == name
    assert status.output[1].startswith(message)


async def test_what_ends_an_instance(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        if event.payload == "value":
            await step.do("v", object)
        for n in range(4):
            await step.do(f"s{n}", nothing)

    flow = workflow(run, step_limit=3)
    async with world.open(flow) as engine:
        told = []
        for payload in ("value", "limit"):
            instance = await engine.workflow(flow).create(params=payload)
            error = (await ended(instance)).error
            assert error is not None
            told.append((error.name, error.message))
    ending = 'the step "v" returned a value which is not serialisable'
    value, limit = told
    assert value == (
        "WorkflowFatalError",
        f"The execution of the Workflow instance was terminated, as {ending}",
    )
    assert limit[0] == "WorkflowFatalError"
    assert limit[1].startswith("The limit of 3 steps has been reached.")


UNKNOWN = "instance.not_found"
CALLED: dict[str, tuple[Callable[[Binding[Any]], Awaitable[object]], str]] = {
    "a taken id": (
        lambda flow: flow.create(id="i"),
        '(instance.already_exists) Workflow instance with id "i" already exists',
    ),
    "a malformed id": (lambda flow: flow.create(id="a b"), "Workflow instance has invalid id"),
    "an unknown id": (lambda flow: flow.get("no").status(), UNKNOWN),
    "a malformed id that is looked up": (lambda flow: flow.get("a b").status(), UNKNOWN),
    "an unknown id that is deleted": (lambda flow: flow.get("no").delete(), UNKNOWN),
    "an instance that has ended": (
        lambda flow: flow.get("i").terminate(),
        "(instance.cannot_terminate) Cannot terminate instance since its on a finite state",
    ),
    "a step that was never asked for": (
        lambda flow: flow.get("i").restart(from_step="no"),
        '(instance.cannot_restart) Step "no" not found in execution history',
    ),
    "a cursor of nothing": (
        lambda flow: anext(flow.get("i").subscribe(-1)),
        "Invalid Workflow subscription options",
    ),
    "an empty batch": (lambda flow: flow.create_batch([]), "batchCreate should have at least 1 instance"),
}


@pytest.mark.parametrize(("call", "message"), CALLED.values(), ids=CALLED)
async def test_what_a_caller_catches(
    world: World, call: Callable[[Binding[Any]], Awaitable[object]], message: str
) -> None:
    async def run(event: Event, step: Step) -> None: ...

    async with world.started(run) as instance:
        await ended(instance)
        with pytest.raises(WorkflowError) as raised:
            await call(world.engine.workflow("Flow"))
        assert str(raised.value).startswith(message)
        assert isinstance(raised.value, InstanceNotFound) is (message == UNKNOWN)
