"""Time limits and cancellations of a step's function."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from workflows import (
    Engine,
    InstanceStatus,
    StepError,
    WorkflowEntrypoint,
    WorkflowStep,
    WorkflowTimeoutError,
)
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

ONCE: Any = {"limit": 0, "delay": 0}
Body = Callable[[WorkflowStep], Awaitable[Any]]


async def ended(body: Body, clock: VirtualClock) -> InstanceStatus:
    async def run(self: Any, event: Any, step: WorkflowStep) -> Any:
        return await body(step)

    flow = type("Flow", (WorkflowEntrypoint,), {"run": run})
    async with Engine(":memory:", [flow], clock=clock) as engine:
        instance = await engine.workflow(flow).create()
        async for _ in instance.subscribe():
            pass
        return await instance.status()


async def test_a_function_that_catches_the_time_limit_and_returns_late_has_failed() -> None:
    clock = VirtualClock()

    async def late() -> str:
        try:
            await clock.sleep(100)
        except asyncio.CancelledError:
            return "late"
        return "in time"

    status = await ended(lambda step: step.do("s", late, timeout=10, retries=ONCE), clock)
    assert (status.error and status.error.message) == "Execution timed out after 10000ms"


async def test_a_function_that_raises_when_it_is_cancelled_has_timed_out() -> None:
    clock = VirtualClock()

    async def angry() -> None:
        try:
            await clock.sleep(100)
        finally:
            raise KeyError("its own error")

    async def body(step: WorkflowStep) -> str:
        with pytest.raises(WorkflowTimeoutError):
            await step.do("s", angry, timeout=10, retries=ONCE)
        return "went on"

    assert (await ended(body, clock)).output == "went on"


async def test_a_function_that_ignores_its_cancellation_is_left_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workflows.attempt._GRACE", 0.0)
    clock, freed, finished = VirtualClock(), asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        while not freed.is_set():
            try:
                with clock.waiting():
                    await freed.wait()
            except asyncio.CancelledError:
                continue
        finished.set()

    async def body(step: WorkflowStep) -> str:
        with pytest.raises(WorkflowTimeoutError, match="10000ms"):
            await step.do("s", stubborn, timeout=10, retries=ONCE)
        return "went on"

    assert (await ended(body, clock)).output == "went on"
    assert not finished.is_set()
    freed.set()
    await finished.wait()


async def test_a_function_that_cancels_itself_is_a_failed_attempt() -> None:
    calls = 0

    async def own() -> int:
        nonlocal calls
        calls += 1
        task = asyncio.ensure_future(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(task.cancel)
        if calls == 1:
            await task
        return calls

    retries: Any = {"limit": 1, "delay": 1}
    assert (await ended(lambda step: step.do("s", own, retries=retries), VirtualClock())).output == 2


async def test_what_it_fails_with_then_is_a_step_error() -> None:
    async def own() -> None:
        raise asyncio.CancelledError

    async def body(step: WorkflowStep) -> str:
        with pytest.raises(StepError, match="cancelled by its own code"):
            await step.do("s", own, retries=ONCE)
        return "went on"

    assert (await ended(body, VirtualClock())).output == "went on"


async def test_a_lambda_may_return_any_awaitable() -> None:
    async def body(step: WorkflowStep) -> Any:
        return await step.do("s", lambda: asyncio.ensure_future(asyncio.sleep(0, 7)))

    assert (await ended(body, VirtualClock())).output == 7


async def test_a_jump_of_the_wall_clock_is_no_time_limit() -> None:
    clock = VirtualClock()

    async def slow() -> str:
        clock.shift(3_600)
        await clock.sleep(5)
        return "in time"

    status = await ended(lambda step: step.do("s", slow, timeout=10, retries=ONCE), clock)
    assert status.output == "in time"
