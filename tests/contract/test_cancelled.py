"""A caller that is cancelled at the very moment at which its step ends; lessons that peers have learnt."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended

pytestmark = pytest.mark.anyio

Call = Callable[[Step], Coroutine[Any, Any, Any]]


async def twice_around() -> str:
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return "done"


CALLS: dict[str, Call] = {
    "do": lambda step: step.do("s", twice_around),
    "failing": lambda step: step.do("s", lambda: 1 / 0, retries={"limit": 0, "delay": 0}),
    "sleep": lambda step: step.sleep("s", 0),
    "event": lambda step: step.wait_for_event("s", "go", payload=str),
}


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 20])
@pytest.mark.parametrize("kind", CALLS)
async def test_lesson_23_a_cancellation_at_any_await_is_seen_alike_on_every_run(
    world: World, kind: str, turns: int
) -> None:
    seen: list[str] = []

    async def run(event: Event, step: Step) -> str:
        await step.sleep("until the event is here", 1)
        working = asyncio.create_task(CALLS[kind](step))
        for _ in range(turns):
            await asyncio.sleep(0)
        working.cancel()
        outcome = repr((await asyncio.gather(working, return_exceptions=True))[0])
        seen.append(outcome)
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
        await step.sleep("z", 10)
        return outcome

    async with world.started(run) as instance:
        await instance.send_event("go", "event")
        await world.later(5)
        await world.engine.replay()
        assert (await ended(instance)).output == seen[0]
        cuts = [one async for one in instance.subscribe() if one.error and one.error.name == "CancelledError"]
    assert len(seen) >= 2
    assert set(seen) == {seen[0]}
    assert len(cuts) <= 1


def counted(calls: list[int], kind: str) -> None:
    calls.append(1)
    if kind == "failing":
        raise ZeroDivisionError


async def caught(working: asyncio.Task[Any], *, cancels: bool) -> str:
    """What it comes to when it is cancelled while its outcome is being written."""
    await asyncio.sleep(0)
    if cancels:
        working.cancel()
    try:
        return repr(await working)
    except asyncio.CancelledError:
        return "cut"
    except ZeroDivisionError:
        return "failed"


@pytest.mark.parametrize("kind", ["do", "failing"])
async def test_a_cancellation_while_the_outcome_is_written_comes_again_on_replay(
    world: World, kind: str
) -> None:
    calls, seen = list[int](), list[str]()

    async def run(event: Event, step: Step) -> None:
        limit: Any = {"limit": 0, "delay": 0}
        working = asyncio.create_task(step.do("s", lambda: counted(calls, kind), retries=limit))
        seen.append(await caught(working, cancels=True))
        await step.sleep("z", 10)

    assert (await world.run_twice(run)).error is None
    assert (set(seen), calls) == ({"cut"}, [1])
    assert len(seen) >= 2


@pytest.mark.parametrize(("kind", "expected"), [("do", "None"), ("failing", "failed")])
async def test_an_outcome_that_was_missed_is_given_when_nobody_cancels_any_more(
    world: World, kind: str, expected: str
) -> None:
    calls, seen = list[int](), list[str]()

    async def run(event: Event, step: Step) -> None:
        limit: Any = {"limit": 0, "delay": 0}
        working = asyncio.create_task(step.do("s", lambda: counted(calls, kind), retries=limit))
        seen.append(await caught(working, cancels=not seen))
        await step.sleep("z", 10)

    assert (await world.run_twice(run)).error is None
    first, *later = seen
    assert (first, set(later), calls) == ("cut", {expected}, [1])


async def test_a_time_limit_that_ends_with_the_step_leaves_no_cancellation_behind(world: World) -> None:
    async def run(event: Event, step: Step) -> tuple[str, int]:
        outcome = "in time"
        try:
            async with asyncio.timeout(None) as limit:
                asyncio.get_running_loop().call_soon(limit.reschedule, 0)
                await step.do("s", lambda: 1)
        except TimeoutError:
            outcome = "timed out"
        await step.sleep("z", 10)
        return outcome, asyncio.current_task().cancelling()  # type: ignore[union-attr]

    assert (await world.run_twice(run)).output == ("timed out", 0)


async def test_lesson_26_suspension_is_no_cancellation_to_the_program(world: World) -> None:
    seen: list[str] = []

    async def run(event: Event, step: Step) -> list[str]:
        for number in range(3):
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(step.sleep(f"one {number}", 5))
                    await step.sleep(f"two {number}", 6)
            except* asyncio.CancelledError:
                seen.append("CancelledError in a group")
            except* Exception as error:  # noqa: BLE001
                seen.append(repr(error))
            try:
                await step.wait_for_event(f"w {number}", "never", timeout=3)
            except asyncio.CancelledError:
                seen.append("CancelledError")
            except Exception as error:  # noqa: BLE001
                if type(error).__name__ != "WorkflowTimeoutError":
                    seen.append(repr(error))
        return seen

    assert (await world.run(run)).output == []


async def test_lesson_5_a_task_of_a_run_is_not_collected(world: World) -> None:
    over: list[str] = []

    async def branch(waits: asyncio.Future[str]) -> None:
        over.append(await waits)

    async def run(event: Event, step: Step) -> list[str]:
        waits: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.create_task(branch(waits))  # noqa: RUF006  # nobody keeps it: that is what is tested
        known = weakref.ref(waits)
        del waits
        for _ in range(3):
            await asyncio.sleep(0)
            gc.collect()
        waiting = known()
        assert waiting is not None, "the branch and what it waits for were collected"
        waiting.set_result("woken")
        await step.do("s", gc.collect)
        return list(over)

    assert (await world.run(run)).output == ["woken"]
