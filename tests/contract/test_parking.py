"""Programs of plain asyncio around waits: parked at every wait they come to what they come to when hot."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World

pytestmark = pytest.mark.anyio

Program = Any
language = contextvars.ContextVar("language", default="none")


async def gathered(event: Event, step: Step) -> Any:
    async def fails() -> None:
        await step.sleep("before", 3)
        raise ValueError("as planned")

    results = await asyncio.gather(
        step.sleep("a", 5), fails(), step.do("s", lambda: 1), step.sleep("b", 1), return_exceptions=True
    )
    return [repr(one) for one in results]


async def waited_for_the_first(event: Event, step: Step) -> Any:
    seen: list[str] = []
    pending = {asyncio.create_task(step.sleep(name, n), name=name) for n, name in enumerate("cab", 1)}
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        seen += sorted(task.get_name() for task in done)
    return sorted(seen)


async def grouped(event: Event, step: Step) -> Any:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(step.do(name, lambda: 2)) for name in "ab"]
        slow = group.create_task(step.sleep("slow", 50))
        await step.sleep("body", 5)
    return [task.result() for task in (*tasks, slow)]


async def groups_in_groups(event: Event, step: Step) -> Any:
    async def inner(name: str) -> str:
        async with asyncio.TaskGroup() as group:
            group.create_task(step.sleep(f"{name} one", 3))
            group.create_task(step.sleep(f"{name} two", 4))
        return name

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(inner(name)) for name in "ab"]
    return [task.result() for task in tasks]


async def left_by_waiting(event: Event, step: Step) -> Any:
    """An `async with` whose exit awaits asyncio, and a step."""
    seen: list[str] = []

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.sleep(0)
            seen.append(await step.do("close", lambda: "closed"))

    async with held():
        await step.sleep("inside", 5)
    return seen


async def handed_over(event: Event, step: Step) -> Any:
    """A queue between two branches."""
    queue: asyncio.Queue[int | None] = asyncio.Queue(1)
    got: list[int] = []

    async def produces() -> None:
        for number in range(4):
            await step.sleep(f"before {number}", 2)
            await queue.put(number)
        await queue.put(None)

    async def consumes() -> None:
        while (number := await queue.get()) is not None:
            got.append(await step.do(f"take {number}", lambda number=number: number * 10))

    await asyncio.gather(produces(), consumes())
    return got


async def shielded(event: Event, step: Step) -> Any:
    inner = asyncio.create_task(step.sleep("inner", 5))

    async def outer() -> str:
        await asyncio.shield(inner)
        return "over"

    return await asyncio.gather(outer(), asyncio.create_task(asyncio.wait_for(asyncio.shield(inner), 60)))


async def in_contexts(event: Event, step: Step) -> Any:
    async def branch(name: str) -> tuple[str, str]:
        language.set(name)
        await step.sleep(f"sleep {name}", 5)
        return language.get(), await step.do(f"do {name}", language.get)

    language.set("outer")
    branches = await asyncio.gather(branch("one"), branch("two"))
    await step.sleep("more", 5)
    return [list(one) for one in branches], language.get()


async def cleaned_up(event: Event, step: Step) -> Any:
    """A `finally` that calls steps."""
    try:
        await step.sleep("work", 5)
    finally:
        cleaned = await step.do("clean", lambda: "cleaned")
        await step.sleep("rest", 5)
        cleaned += await step.do("clean", lambda: " twice")
    return cleaned


async def careful(event: Event, step: Step) -> Any:
    """Every kind of `except` that may be around a wait."""
    caught: list[str] = []
    for number, kinds in enumerate([Exception, asyncio.CancelledError, (Exception, asyncio.CancelledError)]):
        try:
            await asyncio.create_task(step.sleep(f"sleep {number}", 5))
        except kinds as error:  # type: ignore[misc]
            caught.append(repr(error))
    return caught


async def careless(event: Event, step: Step) -> Any:
    """A bare `except:` in a loop."""
    caught = 0
    for number in range(3):
        try:
            await step.sleep(f"sleep {number}", 5)
        except:  # noqa: E722
            caught += 1
    return caught


async def synchronised(event: Event, step: Step) -> Any:
    lock, limit, changed, ready = asyncio.Lock(), asyncio.Semaphore(1), asyncio.Condition(), asyncio.Event()
    order: list[str] = []

    async def one(name: str) -> None:
        async with lock, limit:
            await step.sleep(f"sleep {name}", 2)
            order.append(name)
        if len(order) == 3:
            ready.set()
            async with changed:
                changed.notify_all()

    async def watches() -> None:
        async with changed:
            await changed.wait_for(lambda: len(order) == 3)
        await ready.wait()
        order.append("all")

    await asyncio.gather(watches(), *(one(name) for name in "abc"))
    return order


async def as_completed(event: Event, step: Step) -> Any:
    async def lasting(seconds: int) -> int:
        await step.sleep(f"sleep {seconds}", seconds)
        return seconds

    return sorted([await one for one in asyncio.as_completed([lasting(n) for n in (3, 1, 2)])])


async def in_time(event: Event, step: Step) -> Any:
    """Time limits of asyncio that do not run out."""
    async with asyncio.timeout(60):
        await step.sleep("a", 5)
        await asyncio.wait_for(step.sleep("b", 5), 60)
    return asyncio.current_task().cancelling()  # type: ignore[union-attr]


async def cut(event: Event, step: Step) -> Any:
    """A time limit of asyncio that runs out before the run is parked."""
    seen: list[str] = []
    for number in range(3):
        try:
            async with asyncio.timeout(0):
                await step.sleep(f"limited {number}", 1_000)
        except TimeoutError:
            seen.append("timed out")
        await step.sleep(f"between {number}", 5)
    return seen, asyncio.current_task().cancelling()  # type: ignore[union-attr]


async def retried(event: Event, step: Step) -> Any:
    attempts: list[int] = []

    async def flaky(ctx: Any) -> int:
        attempts.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ValueError("again")
        return int(ctx.attempt)

    return await asyncio.gather(
        step.do("s", flaky, retries={"limit": 5, "delay": 10}), step.do("once", lambda: 1, retries=ONCE)
    )


PROGRAMS: list[tuple[Program, Any]] = [
    (gathered, ["None", "ValueError('as planned')", "1", "None"]),
    (waited_for_the_first, ["a", "b", "c"]),
    (grouped, [2, 2, None]),
    (groups_in_groups, ["a", "b"]),
    (left_by_waiting, ["closed"]),
    (handed_over, [0, 10, 20, 30]),
    (shielded, ["over", None]),
    (in_contexts, ([["one", "one"], ["two", "two"]], "outer")),
    (cleaned_up, "cleaned twice"),
    (careful, []),
    (careless, 0),
    (synchronised, ["a", "b", "c", "all"]),
    (as_completed, [1, 2, 3]),
    (in_time, 0),
    (cut, (["timed out"] * 3, 0)),
    (retried, [3, 1]),
]


@pytest.mark.parametrize(("program", "expected"), PROGRAMS, ids=[one.__name__ for one, _ in PROGRAMS])
async def test_a_program_comes_to_the_same_hot_and_parked(
    world: World, program: Program, expected: Any, caplog: pytest.LogCaptureFixture
) -> None:
    runs = 0

    async def run(event: Event, step: Step) -> Any:
        nonlocal runs
        runs += 1
        return await program(event, step)

    status = await world.run(run)
    assert (status.output, status.error) == (expected, None)
    assert runs > 1 if world.park else runs == 1
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
