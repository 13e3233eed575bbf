"""`@step.do()`: steps that others need run once, whoever needs them, whatever ends first, on replay too."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended
from workflows import AmbiguousStepName, DecoratedStep, StepContext

pytestmark = pytest.mark.anyio


class Calls(Counter[str]):
    """Counts the calls of made-up steps, which take virtual time."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.order: list[str] = []
        self.cancelled: Counter[str] = Counter()

    async def take(self, name: str, seconds: float = 0) -> str:
        self[name] += 1
        self.order.append(name)
        try:
            await self.world.clock.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled[name] += 1
            raise
        self.order.append(f"{name} ended")
        return name

    def leaf(self, step: Step, name: str, seconds: float = 0) -> DecoratedStep[str]:
        """A step that needs nothing."""

        @step.do(name)
        async def leaf(ctx: StepContext) -> str:
            return f"{await self.take(name, seconds)}-{ctx.step.count}"

        return leaf

    def join(
        self, step: Step, name: str, *needs: DecoratedStep[str], seconds: float = 0, concurrent: bool = True
    ) -> DecoratedStep[str]:
        """A step that needs one or two others."""

        async def join(one: str) -> str:
            return f"{await self.take(name, seconds)}({one})"

        async def join_two(one: str, two: str) -> str:
            return f"{await self.take(name, seconds)}({one} {two})"

        made = step.do(name, depends=needs, concurrent=concurrent)
        return made(join) if len(needs) == 1 else made(join_two)


async def test_a_step_that_several_need_runs_once(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        base = calls.leaf(step, "base")
        a, b = calls.join(step, "a", base), calls.join(step, "b", base)
        return [await a(), await b(), await b()]

    status = await world.run(run)
    assert (status.output, calls["base"]) == (["a(base-1)", "b(base-1)", "b(base-1)"], 1)


async def test_each_call_is_a_step_and_who_needs_it_gets_the_latest(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        poll = calls.leaf(step, "poll")
        use = calls.join(step, "use", poll)
        return [await use(), await poll(), await poll(), await use()]

    assert (await world.run(run)).output == ["use(poll-1)", "poll-2", "poll-3", "use(poll-3)"]


async def test_a_step_that_was_called_is_not_run_again_for_who_needs_it(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        fetch = calls.leaf(step, "fetch")
        await fetch()
        return await calls.join(step, "use", fetch)()

    assert ((await world.run(run)).output, calls["fetch"]) == ("use(fetch-1)", 1)


async def test_a_call_under_way_is_shared_with_who_needs_it(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        fetch = calls.leaf(step, "fetch", 5)
        return await asyncio.gather(fetch(), calls.join(step, "use", fetch)())

    assert ((await world.run(run)).output, calls["fetch"]) == (["fetch-1", "use(fetch-1)"], 1)


@pytest.mark.parametrize("concurrent", [True, False])
async def test_what_is_needed_runs_at_once_only_if_asked_for(world: World, concurrent: bool) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        slow, fast = calls.leaf(step, "slow", 5), calls.leaf(step, "fast", 1)
        return await calls.join(step, "use", slow, fast, concurrent=concurrent)()

    assert (await world.run(run)).output == "use(slow-1 fast-1)"
    together = ["slow", "fast", "fast ended", "slow ended"]
    one_by_one = ["slow", "slow ended", "fast", "fast ended"]
    assert calls.order[:4] == (together if concurrent else one_by_one)


async def test_the_middle_of_a_deep_concurrent_diamond_starts_once(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        base = calls.leaf(step, "base", 3)
        middle = calls.join(step, "middle", base, seconds=3)
        left, right = calls.join(step, "left", middle), calls.join(step, "right", middle)
        return await calls.join(step, "top", left, right)()

    assert (await world.run(run)).output == "top(left(middle(base-1)) right(middle(base-1)))"
    assert set(calls.values()) == {1}


async def test_tasks_that_have_waited_share_what_they_need(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        base = calls.leaf(step, "base", 5)

        async def branch(name: str, seconds: float) -> str:
            await step.sleep(f"before {name}", seconds)
            return await calls.join(step, name, base)()

        return await asyncio.gather(branch("a", 3), branch("b", 1))

    assert ((await world.run(run)).output, calls["base"]) == (["a(base-1)", "b(base-1)"], 1)


async def test_a_failure_is_shared_and_is_not_tried_again(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        @step.do(retries=ONCE)
        async def bad() -> str:
            await calls.take("bad", 1)
            raise ValueError("no")

        a, b = calls.join(step, "a", bad), calls.join(step, "b", bad)
        c = calls.join(step, "c", a)
        errors = await asyncio.gather(a(), b(), c(), return_exceptions=True)
        assert errors[0] is not errors[1]
        await step.sleep("z", 10)
        with pytest.raises(ValueError, match="no"):
            await a()
        return [repr(error) for error in errors]

    assert (await world.run_twice(run)).output == ["ValueError('no')"] * 3
    assert calls == {"bad": 1}


async def test_the_first_error_in_the_order_of_the_parameters_is_raised(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        def failing(name: str, seconds: float) -> DecoratedStep[str]:
            @step.do(name, retries=ONCE)
            async def fail() -> str:
                await world.clock.sleep(seconds)
                raise ValueError(name)

            return fail

        calls = Calls(world)
        use = calls.join(step, "use", failing("slow", 5), failing("fast", 1))
        with pytest.raises(ValueError, match="slow"):
            await use()
        await step.sleep("z", 10)
        return "went on"

    assert (await world.run_twice(run)).output == "went on"


async def test_a_step_starts_after_what_it_needs(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        return await calls.join(step, "use", calls.leaf(step, "a"), calls.leaf(step, "b"))()

    async with world.started(run) as instance:
        names = [event.step_name async for event in instance.subscribe() if event.type == "step_started"]
    assert names == ["a-1", "b-1", "use-1"]


async def test_its_place_among_the_steps_is_after_what_it_needs(durable: World) -> None:
    calls = Calls(durable)

    async def before(event: Event, step: Step) -> None:
        await calls.join(step, "use", calls.leaf(step, "a"), calls.leaf(step, "b"))()
        await step.sleep("z", 10)

    async def after(event: Event, step: Step) -> None:
        await step.sleep("z", 10)

    async with durable.started(before):
        await durable.later(5)
    async with durable.reopened(after) as instance:
        assert (await ended(instance)).unasked == ("a-1", "b-1", "use-1")


async def cancelled_after(world: World, seconds: float, task: asyncio.Task[Any]) -> Any:
    await world.clock.sleep(seconds)
    task.cancel()
    try:
        return await task
    except asyncio.CancelledError:
        return "cut"


async def test_who_is_cancelled_does_not_take_what_others_need_along(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        base = calls.leaf(step, "base", 10)
        first = asyncio.create_task(calls.join(step, "first", base)())
        second = asyncio.create_task(calls.join(step, "second", base)())
        outcomes = [await cancelled_after(world, 3, first), await second]
        await step.sleep("z", 100)
        return outcomes

    async with world.started(run) as instance:
        await world.later(50)
        await world.engine.replay()  # the first one was cancelled, and is so again, though `base` has ended
        status = await ended(instance)
    assert (status.output, status.unasked) == (["cut", "second(base-1)"], ())
    assert (calls, calls.cancelled) == ({"base": 1, "second": 1}, {})


async def test_a_caller_who_is_cancelled_does_not_stop_what_others_need(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        base = calls.leaf(step, "base", 10)
        caller = asyncio.create_task(base())
        use = asyncio.create_task(calls.join(step, "use", base)())
        return [await cancelled_after(world, 3, caller), await use]

    assert (await world.run(run)).output == ["cut", "use(base-1)"]
    assert (calls["base"], calls.cancelled) == (1, {})


async def test_what_only_the_cancelled_need_is_cancelled_and_goes_on_when_needed_again(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        base = calls.leaf(step, "base", 10)
        use = calls.join(step, "use", base)
        cut = await cancelled_after(world, 3, asyncio.create_task(use()))
        stopped = calls.cancelled["base"]
        outcome = await use()
        await step.sleep("z", 100)
        return [cut, stopped, outcome]

    async with world.started(run) as instance:
        await world.later(50)
        await world.engine.replay()
        status = await ended(instance)
    assert (status.output, status.unasked) == (["cut", 1, "use(base-1)"], ())
    assert calls == {"base": 2, "use": 1}


async def test_who_comes_while_it_is_being_cancelled_lets_it_go_on(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        called = 0

        @step.do()
        async def base() -> int:
            nonlocal called
            called += 1
            try:
                await world.clock.sleep(10 if called == 1 else 1)
            finally:
                await asyncio.sleep(0.05)
            return called

        @step.do()
        async def first(base: int) -> None: ...

        @step.do()
        async def second(base: int) -> int:
            return base

        @step.do()
        async def third(base: int) -> int:
            return base

        cancelled = asyncio.create_task(first())
        await world.clock.sleep(3)
        cancelled.cancel()
        await asyncio.sleep(0.01)
        outcomes = await asyncio.gather(second(), third())
        assert cancelled.cancelled()
        return outcomes

    assert (await world.run(run)).output == [2, 2]


@pytest.mark.parametrize("replays", [0, 1])
async def test_it_goes_on_at_once_although_the_run_waits_for_something_else(
    world: World, replays: int
) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        long = asyncio.create_task(step.sleep("long", 1_000))
        use = calls.join(step, "use", calls.leaf(step, "base", 10))
        outcomes = [await cancelled_after(world, 3, asyncio.create_task(use()))]
        await step.sleep("pause", 20)
        outcomes.append(await use())
        passed = world.clock.now() - world.started_at
        await long
        return [*outcomes, passed < 500]

    async with world.started(run) as instance:
        await world.later(10)
        for _ in range(replays):
            await world.engine.replay()
        assert (await ended(instance)).output == ["cut", "use(base-1)", True]


async def test_a_step_that_is_needed_twice_by_one_is_cancelled_with_it(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        base = calls.leaf(step, "base", 10)
        use = calls.join(step, "use", base, base)
        outcomes = [await cancelled_after(world, 3, asyncio.create_task(use()))]
        return [*outcomes, calls.cancelled["base"], await use()]

    assert (await world.run(run)).output == ["cut", 1, "use(base-1 base-1)"]


async def test_all_that_runs_concurrently_is_cancelled_with_who_needs_it(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        use = calls.join(step, "use", calls.leaf(step, "a", 10), calls.leaf(step, "b", 20))
        return await cancelled_after(world, 3, asyncio.create_task(use()))

    assert (await world.run(run)).output == "cut"
    assert calls.cancelled == {"a": 1, "b": 1}


async def test_terminate_reaches_what_is_needed(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        for _ in range(2):  # it does not obey at once
            try:
                await calls.join(step, "use", calls.leaf(step, "a", 100), calls.leaf(step, "b", 100))()
            except asyncio.CancelledError:
                continue

    async with world.started(run) as instance:
        await world.later(3)
        await instance.terminate()
        assert (await ended(instance)).status == "terminated"
    assert (calls, calls.cancelled) == ({"a": 1, "b": 1}, {"a": 1, "b": 1})


@pytest.mark.parametrize("called", ["one after the other", "as needed"])
async def test_names_inside_of_steps_that_follow_each_other_are_not_ambiguous(
    world: World, called: str
) -> None:
    async def run(event: Event, step: Step) -> Any:
        async def ask() -> list[int]:
            return [await step.do("request", lambda ctx: ctx.step.count) for _ in range(2)]

        @step.do()
        async def first() -> list[int]:
            return await ask()

        @step.do()
        async def second() -> list[int]:
            return await ask()

        @step.do()
        async def both(first: list[int], second: list[int]) -> list[int]:
            return first + second + await ask()

        if called == "as needed":
            return await both()
        return await first() + await second() + await ask()

    assert (await world.run(run)).output == [1, 2, 3, 4, 5, 6]


async def test_names_inside_of_steps_that_run_at_once_are_ambiguous(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        async def branch(name: str) -> str:
            @step.do(name)
            async def outer() -> str:
                await step.do(f"first {name}", lambda: 1)
                return await step.do("second", lambda: name)

            return await outer()

        with pytest.raises(AmbiguousStepName, match='"second"'):
            await asyncio.gather(branch("a"), branch("b"))
        return "refused"

    assert (await world.run(run)).output == "refused"


async def test_names_inside_of_a_step_that_goes_on_beside_who_began_it_are_ambiguous(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def base() -> int:
            await world.clock.sleep(10)
            return await step.do("inner", lambda ctx: ctx.step.count)

        @step.do()
        async def first(base: int) -> None: ...

        @step.do()
        async def second(base: int) -> None: ...

        async def beginner() -> int:
            try:
                await first()
            except asyncio.CancelledError:
                return await step.do("inner", lambda ctx: ctx.step.count)
            return 0

        began = asyncio.create_task(beginner())
        other = asyncio.create_task(second())
        outcome = await cancelled_after(world, 3, began)
        with pytest.raises(AmbiguousStepName, match='"inner"'):
            await other
        return outcome

    assert (await world.run(run)).output == 1


async def test_it_is_ambiguous_whose_step_of_a_name_is_meant(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        one, other = calls.leaf(step, "same"), calls.leaf(step, "same")

        async def caller() -> None:
            await step.sleep("before the call", 1)
            await other()
            await calls.join(step, "a", one)()

        async def needer() -> None:
            await step.sleep("before the need", 2)
            with pytest.raises(AmbiguousStepName, match='"same"'):
                await calls.join(step, "b", one)()

        await asyncio.gather(caller(), needer())
        return "refused"

    assert (await world.run(run)).output == "refused"


async def test_it_is_ambiguous_whose_call_is_meant_when_timing_decides(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        base = calls.leaf(step, "base")
        use = calls.join(step, "use", base)

        async def caller() -> None:
            await step.sleep("before the call", 1)
            await base()

        async def needer() -> None:
            await step.sleep("before the need", 2)
            with pytest.raises(AmbiguousStepName, match='"base"'):
                await use()

        await asyncio.gather(caller(), needer())
        return "refused"

    assert (await world.run(run)).output == "refused"


async def test_a_call_after_another_task_needed_it_is_ambiguous_too(world: World) -> None:
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        base = calls.leaf(step, "base")

        async def needer(name: str) -> str:
            return await calls.join(step, name, base)()

        async def caller() -> None:
            await step.sleep("before the call", 1)
            with pytest.raises(AmbiguousStepName, match='"base"'):
                await base()

        await asyncio.gather(needer("a"), needer("b"), caller())
        return "refused"

    assert (await world.run(run)).output == "refused"


def graph(calls: Calls, step: Step, chance: Callable[[], float]) -> list[DecoratedStep[str]]:
    """Three layers of steps over each other, with some names twice."""
    names = ["a", "b", "same", "same"]
    layer = [calls.leaf(step, name, chance()) for name in names]
    for depth in (1, 2):
        below = layer
        layer = [
            calls.join(
                step,
                name if name == "same" else f"{name}{depth}",
                below[place],
                below[(place + depth) % 4],
                seconds=chance(),
                concurrent=bool(place % 2),
            )
            for place, name in enumerate(names)
        ]
    return layer


EXPECTED = [
    "a2(a1(a-1 b-1) same(same-1 same-2))",
    "b2(b1(b-1 same-1) same(same-2 a-1))",
    "same(same(same-1 same-2) a1(a-1 b-1))",
    "same(same(same-2 a-1) b1(b-1 same-1))",
]


@pytest.mark.parametrize("seed", range(12))
async def test_identities_do_not_depend_on_what_ends_first(world: World, seed: int) -> None:
    """The times are shuffled for each run of `run()`, and it is run again at random moments."""
    chance = random.Random(seed)
    calls = Calls(world)

    async def run(event: Event, step: Step) -> Any:
        tops = graph(calls, step, lambda: chance.uniform(0, 10))
        outcomes = await asyncio.gather(*(top() for top in tops))
        await step.sleep("z", 100)
        return outcomes

    replays = 3 * (seed % 2)
    async with world.started(run) as instance:
        for _ in range(replays):
            await world.later(chance.uniform(1, 10))
            await world.engine.replay()
        await world.later(60)
        await world.engine.replay()
        status = await ended(instance)
    assert (status.output, status.unasked) == (EXPECTED, ())
    if not replays:
        assert sum(calls.values()) == 12
