"""`step.do`: identity, memory, callbacks, concurrency."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, history
from workflows import AmbiguousStepName, StepContext, WorkflowFatalError

pytestmark = pytest.mark.anyio

request_id: ContextVar[str] = ContextVar("request_id", default="none")


async def test_a_finished_step_is_not_run_again(world: World) -> None:
    calls: list[int] = []

    async def count() -> int:
        calls.append(1)
        return len(calls)

    async def run(event: Event, step: Step) -> Any:
        value = await step.do("a", count)
        await step.sleep("z", 10)
        return value

    assert ((await world.run_twice(run)).output, calls) == (1, [1])


async def test_steps_of_one_name_are_numbered_in_call_order(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        def number(ctx: StepContext) -> int:
            return ctx.step.count

        return [
            await step.do("same", number),
            *await asyncio.gather(*(step.do("same", number) for _ in "ab")),
        ]

    assert (await world.run(run)).output == [1, 2, 3]


async def test_the_occurrence_is_taken_when_called_not_when_awaited(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        first, second = step.do("s", lambda ctx: ctx.step.count), step.do("s", lambda ctx: ctx.step.count)
        return [await second, await first]

    assert (await world.run(run)).output == [2, 1]


async def test_names_of_different_kinds_are_counted_apart(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("n", lambda: 1)
        await step.sleep("n", 1)
        await step.sleep("n", 2)

    async with world.started(run) as instance:
        names = [event.step_name async for event in instance.subscribe() if event.type.endswith("_started")]
    assert names == [None, "n-1", "n-1", "n-1", "n-2"]


@pytest.mark.parametrize("name", ["", "a" * 257, "line\nbreak", "\x00", 5])
async def test_a_bad_name_is_refused_and_can_be_caught(world: World, name: Any) -> None:
    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(
            WorkflowFatalError, match="exceeds max length \\(256 chars\\) or invalid characters"
        ):
            await step.do(name, lambda: 1)
        return await step.do("a" * 256, lambda: "fine")

    assert (await world.run(run)).output == "fine"


async def test_a_step_needs_a_function(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", None)  # type: ignore[call-overload]  # the mistake under test

    error = (await world.run(run)).error
    assert error is not None
    assert error.message == 'Step "s" requires a callback function'


def plain(a: int, b: int = 2) -> list[int]:
    return [a, b]


async def native(a: int, ctx: StepContext) -> list[int]:
    return [a, ctx.attempt]


class Shop:
    async def buy(self, item: str) -> str:
        return f"bought {item}"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ((plain, 1), [1, 2]),
        ((plain, 1, 3), [1, 3]),
        ((native, 7), [7, 1]),
        ((lambda a: a, 5), 5),
        ((lambda: native(1, StepContext(None, 9, {})),), [1, 9]),  # type: ignore[arg-type]  # the step does not matter
        ((partial(plain, 4),), [4, 2]),
        ((Shop().buy, "tea"), "bought tea"),
    ],
)
async def test_functions_are_called_with_their_arguments(world: World, call: Any, expected: Any) -> None:
    async def run(event: Event, step: Step) -> Any:
        return await step.do("s", *call)

    assert (await world.run(run)).output == expected


async def test_a_plain_function_runs_in_a_thread_with_the_callers_context(world: World) -> None:
    def look() -> list[Any]:
        return [request_id.get(), threading.current_thread() is threading.main_thread()]

    async def run(event: Event, step: Step) -> Any:
        request_id.set("r-7")
        return await step.do("look", look)

    assert (await world.run(run)).output == ["r-7", False]


async def test_the_context_shows_the_resolved_configuration(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        return await step.do(
            "s", lambda ctx: ctx.config, config={"retries": {"limit": 2, "delay": "3 seconds"}}
        )

    assert (await world.run(run)).output == {
        "retries": {"limit": 2, "delay": "3 seconds", "backoff": "exponential"},
        "timeout": "10 minutes",
    }


@pytest.mark.parametrize(
    "config",
    [
        {"foo": 1},
        {"retries": {"delay": 1}},
        {"retries": {"limit": 1}},
        {"retries": {"limit": -1, "delay": 1}},
        {"retries": {"limit": 1.5, "delay": 1}},
        {"retries": {"limit": float("inf"), "delay": 1}},
        {"retries": {"limit": 1, "delay": -1}},
        {"retries": {"limit": 1, "delay": "150"}},
        {"retries": {"limit": 1, "delay": 1, "backoff": "fib"}},
        {"retries": {"limit": 1, "delay": 1, "more": 1}},
        {"timeout": 0},
        {"timeout": "soon"},
        {"sensitive": "input"},
    ],
)
async def test_a_bad_configuration_is_refused_and_can_be_caught(world: World, config: Any) -> None:
    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(WorkflowFatalError, match='Step config for "cfg" is in a invalid format'):
            await step.do("cfg", lambda: 1, config=config)
        return await step.do("after", lambda: "fine")

    assert (await world.run(run)).output == "fine"


async def test_gathered_steps_run_at_the_same_time(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        together = asyncio.Barrier(3)

        async def wait(number: int) -> int:
            await together.wait()
            return number

        return await asyncio.gather(*(step.do(f"s{n}", wait, n) for n in range(3)))

    assert (await world.run(run)).output == [0, 1, 2]


async def test_steps_of_a_task_group_are_numbered_in_task_order(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        async def item(number: int) -> Any:
            return [number, await step.do("item", lambda ctx: ctx.step.count)]

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(item(number)) for number in range(3)]
        return [task.result() for task in tasks]

    assert (await world.run(run)).output == [[0, 1], [1, 2], [2, 3]]


async def test_a_failing_step_of_gather_leaves_the_others_running(world: World) -> None:
    finished: list[str] = []

    async def slow() -> None:
        await world.clock.sleep(5)
        finished.append("slow")

    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(step.do("bad", lambda: 1 / 0, retries=ONCE), step.do("slow", slow))

    async with world.started(run) as instance:
        assert (await ended(instance)).status == "errored"
        await world.later(10)
    assert finished == ["slow"]


async def two_pipelines(step: Step) -> Any:
    async def pipeline(name: str) -> str:
        await step.do(f"first {name}", lambda: 1)
        return await step.do("second", lambda: name)

    return await asyncio.gather(pipeline("a"), pipeline("b"))


async def test_a_name_whose_order_depends_on_timing_is_ambiguous(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(AmbiguousStepName, match=r'"second".*scope'):
            await two_pipelines(step)
        return "refused"

    assert (await world.run(run)).output == "refused"


async def test_scopes_have_counters_of_their_own(world: World) -> None:
    async def pipeline(step: Step, name: str) -> list[int]:
        await step.do("first", lambda: 1)
        return [await step.do("second", lambda ctx: ctx.step.count) for _ in range(2)]

    async def run(event: Event, step: Step) -> Any:
        return await asyncio.gather(*(pipeline(step.scope(name), name) for name in ("ann", "bob")))

    async with world.started(run) as instance:
        assert await instance.result() == [[1, 2], [1, 2]]
        names = {event.step_name async for event in instance.subscribe() if event.step_name}
    assert names == {
        f"{who}/{what}" for who in ("ann", "bob") for what in ("first-1", "second-1", "second-2")
    }


async def test_a_nested_step_is_remembered_by_its_own_name(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        async def outer() -> list[int]:
            return [await step.do("inner", lambda: 1), 2]

        return await step.do("outer", outer)

    assert (await world.run(run)).output == [1, 2]


@pytest.mark.parametrize("fails", [False, True])
async def test_a_step_that_nobody_awaits_goes_on_to_its_end(world: World, fails: bool) -> None:
    seen: list[str] = []

    async def late() -> None:
        await world.clock.sleep(5)
        seen.append("end")
        if fails:
            raise ValueError("nobody hears this")

    async def run(event: Event, step: Step) -> str:
        orphan = asyncio.ensure_future(step.do("late", late, retries=ONCE))
        orphan.add_done_callback(lambda done: done.exception())
        await step.do("other", lambda: 1)
        return "done"

    async with world.started(run) as instance:
        assert (await ended(instance)).output == "done"
        assert seen == []
        await world.later(10)
    assert seen == ["end"]


async def test_the_step_limit_counts_every_do_and_can_be_set(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.sleep("z", 1)
        for _ in range(4):
            await step.do("s", lambda: 1)

    status = await world.run(run, step_limit=3)
    assert status.error is not None
    assert status.error.name == "WorkflowFatalError"
    assert status.error.message.startswith("The limit of 3 steps has been reached.")


async def test_an_instance_survives_the_garbage_collector(world: World) -> None:
    async def collect() -> None:
        gc.collect()
        await asyncio.sleep(0)

    async def run(event: Event, step: Step) -> str:
        branches = [step.sleep(f"z{n}", n + 1) for n in range(5)] + [
            step.do(f"s{n}", collect) for n in range(5)
        ]
        await asyncio.gather(*branches)
        return "alive"

    async with world.started(run) as instance:
        del run
        for _ in range(3):
            gc.collect()
            await world.later(0.7)
        assert await instance.result() == "alive"


async def test_the_recorded_order_of_events(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("s", lambda: 1)

    async with world.started(run) as instance:
        seen = await history(instance)
    assert [name.removeprefix("workflow_") for name in seen] == [
        "queued", "started", "running",
        "step_started", "attempt_started", "attempt_completed", "step_completed",
        "completed",
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["thread", "loop"])
async def test_a_function_that_raises_stop_iteration_fails(world: World, form: str) -> None:
    def in_thread() -> None:
        next(iter(()))

    async def on_loop() -> None:
        next(iter(()))

    async def run(event: Event, step: Step) -> str:
        try:
            await step.do("s", in_thread if form == "thread" else on_loop, retries=ONCE)
        except RuntimeError as error:
            return str(error)
        return "nothing was raised"

    assert "StopIteration" in (await world.run(run)).output


class Nesting:
    """A step that calls others by one name, and fails `failures` times; `calls` are their numbers."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls: list[int] = []
        self.outer = 0

    async def __call__(self, event: Event, step: Step) -> Any:
        before = await step.do("inner", self.inner)
        within = await step.do("outer", self.fails, step, retries={"limit": 9, "delay": 10})
        await step.sleep("z", 10)
        return [before, within, await step.do("inner", self.inner)]

    async def fails(self, step: Step) -> list[int]:
        self.outer += 1
        numbers = [await step.do("inner", self.inner), await step.do("inner", self.inner)]
        if self.outer <= self.failures:
            raise ValueError("again")
        return numbers

    async def inner(self, ctx: StepContext) -> int:
        self.calls.append(ctx.step.count)
        return ctx.step.count


@pytest.mark.parametrize("replayed", [False, True])
@pytest.mark.parametrize("failures", [0, 1, 2])
async def test_each_attempt_calls_nested_steps_anew(world: World, failures: int, replayed: bool) -> None:
    """Hot, parked between two attempts or after a crash: they have the same numbers, and so later ones."""
    nesting = Nesting(failures)
    last = 2 * failures + 2
    async with world.started(nesting) as instance:
        await world.later(5)
        if replayed:
            await world.engine.replay()
        assert await instance.result() == [1, [last, last + 1], last + 2]
        assert nesting.calls == list(range(1, last + 3))
        steps = [event.step_name async for event in instance.subscribe(filter=["step_started"])]
        assert steps[0] == "inner-1"
        assert steps[-1] == f"inner-{last + 2}"


async def test_an_interrupted_attempt_finds_the_nested_steps_that_it_had_recorded(world: World) -> None:
    calls: list[int] = []
    cuts = iter([True, False, False])

    async def inner(ctx: StepContext) -> int:
        calls.append(ctx.step.count)
        return ctx.step.count

    async def outer(step: Step, ctx: StepContext) -> list[int]:
        numbers = [await step.do("inner", inner), await step.do("inner", inner)]
        if ctx.attempt == 1:
            raise ValueError("again")
        if next(cuts):
            await world.clock.sleep(100)
        return numbers

    async def run(event: Event, step: Step) -> Any:
        return await step.do("outer", outer, step, retries={"limit": 9, "delay": 10})

    async with world.started(run) as instance:
        await world.later(15)  # in the second attempt
        await world.engine.replay()
        assert await instance.result() == [3, 4]
        assert calls == [1, 2, 3, 4]
