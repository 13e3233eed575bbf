"""Retries, their delays, time limits, and errors that come out of a step."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, workflow
from workflows import (
    Engine,
    NonRetryableDelayError,
    NonRetryableError,
    StepError,
    WorkflowTimeoutError,
)

pytestmark = pytest.mark.anyio


class Flaky:
    """Fails a number of times, then gives the number of its attempt."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or ValueError("again")
        self.attempts = 0

    async def __call__(self) -> int:
        self.attempts += 1
        if self.attempts <= self.failures:
            raise self.error
        return self.attempts


async def delays(world: World, retries: Any, failures: int = 3) -> list[float | None]:
    flaky = Flaky(failures)

    async def run(event: Event, step: Step) -> None:
        await step.do("s", flaky, retries=retries)

    async with world.started(run) as instance:
        events = [event async for event in instance.subscribe()]
    failed = [event for event in events if event.type == "attempt_errored"]
    begun = [event.timestamp for event in events if event.type == "attempt_started"]
    for event, following in zip(failed, begun[1:], strict=False):
        assert event.retry_delay is not None
        assert (following - event.timestamp).total_seconds() == pytest.approx(event.retry_delay, abs=1e-3)
    return [event.retry_delay for event in failed]


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [("constant", [2, 2, 2]), ("linear", [2, 4, 6]), ("exponential", [2, 4, 8]), (None, [2, 4, 8])],
)
async def test_the_delay_grows_by_the_backoff(
    world: World, backoff: str | None, expected: list[float]
) -> None:
    chosen = {"backoff": backoff} if backoff else {}
    assert await delays(world, {"limit": 3, "delay": 2} | chosen) == expected


async def test_by_default_there_are_five_retries_from_ten_seconds_on(world: World) -> None:
    assert await delays(world, None, failures=5) == [10, 20, 40, 80, 160]


async def test_a_delay_function_is_asked_after_each_failure_and_backed_off(world: World) -> None:
    asked: list[Any] = []

    async def delay(failed: Any) -> str:
        asked.append((failed.ctx.attempt, str(failed.error)))
        return "1 second"

    assert await delays(world, {"limit": 3, "delay": delay}, failures=2) == [1, 2]
    assert asked == [(1, "again"), (2, "again")]


def hangs(world: World) -> Any:
    return lambda failed: world.clock.sleep(6)


@pytest.mark.parametrize(
    ("delay", "message"),
    [
        (lambda failed: 1 / 0, 'The delay function for step "s-1" threw an error: division by zero'),
        (lambda failed: -1, 'The delay function for step "s-1" returned an invalid delay value'),
        (lambda failed: "soon", 'The delay function for step "s-1" returned an invalid delay value'),
        (hangs, 'The delay function for step "s-1" did not return within 5 seconds'),
    ],
)
async def test_a_bad_delay_function_fails_the_step_at_once(world: World, delay: Any, message: str) -> None:
    flaky = Flaky(9)
    retries: Any = {"limit": 3, "delay": hangs(world) if delay is hangs else delay}

    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(NonRetryableDelayError) as caught:
            await step.do("s", flaky, retries=retries)
        return str(caught.value)

    assert (await world.run(run)).output.startswith(message)
    assert flaky.attempts == 1


@pytest.mark.parametrize(("limit", "attempts"), [(0, 1), (2, 3)])
async def test_limit_counts_retries_not_attempts(world: World, limit: int, attempts: int) -> None:
    flaky = Flaky(9)

    async def run(event: Event, step: Step) -> Any:
        await step.do("s", flaky, retries={"limit": limit, "delay": 1})

    status = await world.run(run)
    assert (status.status, status.usage.attempts, flaky.attempts) == ("errored", attempts, attempts)


class Refused(NonRetryableError):
    pass


@pytest.mark.parametrize(
    "error", [NonRetryableError("stop"), NonRetryableError("stop", "Mine"), Refused("stop")]
)
async def test_a_non_retryable_error_is_recognised_by_its_class(world: World, error: Exception) -> None:
    flaky = Flaky(9, error)

    async def run(event: Event, step: Step) -> Any:
        await step.do("s", flaky)

    status = await world.run(run)
    assert status.error is not None
    assert (flaky.attempts, status.error.message) == (1, "stop")
    assert status.error.name in ("NonRetryableError", "Mine", "Refused")


async def test_an_error_that_only_looks_non_retryable_is_retried(world: World) -> None:
    flaky = Flaky(1, ValueError("NonRetryableError: not really"))

    async def run(event: Event, step: Step) -> Any:
        return await step.do("s", flaky)

    assert (await world.run(run)).output == 2


class Local(Exception):
    pass


class Listed(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("text", 3), ValueError),
        (KeyError("k"), KeyError),
        (NonRetryableError("stop"), NonRetryableError),
        (Listed(404), Listed),
        (Local("mine"), StepError),
    ],
)
async def test_an_error_is_alike_on_the_first_run_and_on_replay(
    world: World, error: Exception, kind: type[Exception]
) -> None:
    caught: list[Exception] = []

    async def run(event: Event, step: Step) -> None:
        try:
            await step.do("s", Flaky(9, error), retries=ONCE)
        except Exception as seen:  # noqa: BLE001
            caught.append(seen)
        await step.sleep("z", 10)

    await world.run_twice(run, errors=[Listed])
    first, *later = caught
    assert later
    for again in later:
        assert type(first) is type(again) is kind
        assert (first.args, vars(first)) == (again.args, vars(again))


async def test_status_and_events_show_the_original_error(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", Flaky(9, Local("mine")), retries=ONCE)

    async with world.started(run) as instance:
        shown = [event.error async for event in instance.subscribe() if event.error is not None]
        shown.append((await instance.status()).error)  # type: ignore[arg-type]  # it is there: the instance errored
    assert [(error.name, error.message) for error in shown] == [("Local", "mine")] * 3


async def test_an_error_out_of_run_is_never_retried(world: World) -> None:
    runs: list[int] = []

    async def run(event: Event, step: Step) -> None:
        runs.append(1)
        raise Local("once")

    assert (await world.run(run)).status == "errored"
    assert runs == [1]


async def test_a_time_limit_is_for_one_attempt_and_is_retried(world: World) -> None:
    slow = iter([20, 0])

    async def callback() -> str:
        await world.clock.sleep(next(slow))
        return "fast enough"

    async def run(event: Event, step: Step) -> Any:
        return await step.do("s", callback, timeout=10, retries={"limit": 1, "delay": 1})

    status = await world.run(run)
    assert (status.output, status.usage.attempts) == ("fast enough", 2)


async def test_a_time_limit_cancels_an_async_callback(world: World) -> None:
    seen: list[str] = []

    async def callback() -> None:
        try:
            await world.clock.sleep(20)
        finally:
            seen.append("cancelled")

    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(WorkflowTimeoutError, match="Execution timed out after 1500ms"):
            await step.do("s", callback, timeout=1.5, retries=ONCE)
        return seen

    assert (await world.run(run)).output == ["cancelled"]


async def test_the_result_of_a_thread_that_comes_too_late_is_dropped(world: World) -> None:
    release = threading.Event()

    def blocked() -> str:
        release.wait(10)
        return "too late"

    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(WorkflowTimeoutError):
            await step.do("s", blocked, timeout=0.05, retries=ONCE)
        release.set()
        return await step.do("next", lambda: "next")

    flow = workflow(run)
    async with Engine(world.path, workflows=[flow]) as engine:  # a thread does not sleep on a virtual clock
        assert await (await engine.workflow(flow).create()).result() == "next"
