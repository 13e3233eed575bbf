"""`@step.do()`: Cloudflare's Python style. Forms, dependencies by name and by list, contexts, errors."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, workflow
from workflows import AmbiguousStepName, DecoratedStep, Engine, StepContext, WorkflowFatalError

pytestmark = pytest.mark.anyio


async def started_steps(world: World, body: Any) -> list[str]:
    """The names of the steps in the order in which they started."""
    async with world.started(body) as instance:
        events = [event async for event in instance.subscribe()]
    assert events[-1].type == "workflow_completed", events[-1].error
    return [str(event.step_name) for event in events if event.type == "step_started"]


async def test_decorating_runs_nothing_and_awaiting_the_call_does(world: World) -> None:
    calls: Counter[str] = Counter()

    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def fetch() -> int:
            """Fetches."""
            calls["fetch"] += 1
            return 7

        seen = [calls["fetch"], fetch.__name__, fetch.__doc__, repr(fetch)]
        return [*seen, await fetch(), calls["fetch"]]

    assert (await world.run(run)).output == [0, "fetch", "Fetches.", '<step "fetch">', 7, 1]


async def test_the_name_is_the_functions_unless_it_is_given(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        @step.do()
        async def own() -> None: ...

        @step.do("my first step")
        async def first() -> None: ...

        @step.do(name="my second step")
        async def second() -> None: ...

        await own()
        await first()
        await second()

    assert await started_steps(world, run) == ["own-1", "my first step-1", "my second step-1"]


async def test_a_plain_function_runs_in_a_thread(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        def fetch() -> int:
            return threading.get_ident()

        return await fetch() != threading.get_ident()

    assert (await world.run(run)).output is True


async def test_partials_methods_and_objects_can_be_decorated(world: World) -> None:
    class Shop:
        async def buy(self) -> str:
            return "bought"

        async def __call__(self) -> str:
            return "called"

    async def number(of: int) -> int:
        return of

    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(TypeError, match=r'write @step\.do\("name"\)'):
            step.do()(partial(number, 3))
        steps: list[DecoratedStep[Any]] = [step.do("part")(partial(number, of=3)), step.do()(Shop().buy)]
        steps.append(step.do("shop")(Shop()))
        return [await one() for one in steps]

    assert (await world.run(run)).output == [3, "bought", "called"]


async def test_brackets_must_not_be_forgotten(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        with pytest.raises(TypeError, match=r"write @step\.do\(\)"):

            @step.do  # type: ignore[call-overload]  # the mistake under test
            async def fetch() -> None: ...

    assert (await world.run(run)).status == "complete"


@pytest.mark.parametrize("given", [{"config": {"retries": {"limit": 2, "delay": 1}}}, {"retries": ONCE}])
async def test_options_are_those_of_a_step(world: World, given: Any) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do("s", **given)
        async def configured(ctx: StepContext) -> Any:
            return ctx.config["retries"]["limit"]

        return await configured()

    assert (await world.run(run)).output == (2 if "config" in given else 0)


async def test_a_bad_configuration_or_name_is_refused_when_awaited(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do(config={"foo": 1})  # type: ignore[call-overload, untyped-decorator]  # the mistake under test
        async def fetch() -> None: ...

        with pytest.raises(WorkflowFatalError, match='Step config for "fetch" is in a invalid format'):
            await fetch()
        with pytest.raises(WorkflowFatalError, match="exceeds max length"):
            await step.do("line\nbreak")(lambda: 1)()
        return "went on"

    assert (await world.run(run)).output == "went on"


async def test_decorated_steps_count_for_the_step_limit(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        @step.do()
        async def fetch() -> None: ...

        @step.do()
        async def use(fetch: None) -> None: ...

        await use()
        await use()

    status = await world.run(run, step_limit=2)
    assert status.error is not None
    assert status.error.message.startswith("The limit of 2 steps has been reached.")


async def test_what_a_parameter_names_runs_before_and_is_given(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def left() -> str:
            return "l"

        @step.do()
        async def right(left: str) -> str:
            return left + "r"

        @step.do()
        async def both(right: str, left: str) -> list[str]:
            return [right, left]

        assert await both() == ["lr", "l"]

    assert await started_steps(world, run) == ["left-1", "right-1", "both-1"]


async def test_a_parameter_may_name_the_step_or_its_function(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do("fetched")
        async def fetch() -> str:
            return "f"

        @step.do("other name")
        async def other() -> str:
            return "o"

        @step.do()
        async def use(fetched: str, fetch: str, other: str) -> list[str]:
            return [fetched, fetch, other]

        return await use()

    assert (await world.run(run)).output == ["f", "f", "o"]


async def test_the_name_of_a_step_goes_before_that_of_a_function(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do("b")
        async def a() -> str:
            return "a"

        @step.do("x")
        async def b() -> str:
            return "b"

        @step.do()
        async def use(b: str) -> str:
            return b

        return await use()

    assert (await world.run(run)).output == "a"


@pytest.mark.parametrize("style", ["async", "plain"])
async def test_the_context_may_stand_anywhere(world: World, style: str) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def fetch() -> str:
            return "f"

        if style == "async":

            @step.do("use")
            async def use(ctx: StepContext, fetch: str) -> list[Any]:
                return [ctx.attempt, ctx.step.count, fetch]
        else:

            @step.do("use")
            def use(context: StepContext, /, *, fetch: str) -> list[Any]:
                return [context["attempt"], context["step"]["count"], fetch]

        return [await use(), await use()]

    assert (await world.run(run)).output == [[1, 1, "f"], [1, 2, "f"]]


@pytest.mark.parametrize("kind", ["named", "*", "**"])
async def test_an_unknown_parameter_is_refused_when_the_step_is_called(world: World, kind: str) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def named(nobody: int) -> None: ...

        @step.do()
        async def star(*nobody: int) -> None: ...

        @step.do()
        async def stars(**nobody: int) -> None: ...

        with pytest.raises(TypeError) as refused:
            await {"named": named, "*": star, "**": stars}[kind]()
        return str(refused.value)

    assert (await world.run(run)).output == "Received unexpected parameter nobody"


async def test_a_parameter_with_a_default_keeps_it_when_no_step_has_its_name(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        steps = []
        for number in range(3):

            @step.do(f"item {number}")
            async def item(number: int = number) -> int:
                return number

            steps.append(item)
        return [await one() for one in steps]

    assert (await world.run(run)).output == [0, 1, 2]


async def test_a_parameter_means_the_step_that_was_declared_before_it(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        stores = []
        for name in "ab":

            @step.do(f"fetch {name}")
            async def fetch(name: str = name) -> str:
                return name

            @step.do(f"store {name}")
            async def store(fetch: str) -> str:
                return f"{fetch}!"

            stores.append(store)
        return [await one() for one in stores]

    assert (await world.run(run)).output == ["a!", "b!"]


async def test_a_step_may_be_declared_after_the_one_that_needs_it(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def use(fetch: str) -> str:
            return f"{fetch}!"

        @step.do()
        async def fetch() -> str:
            return "f"

        return await use()

    assert (await world.run(run)).output == "f!"


async def test_steps_that_need_each_other_are_refused(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def a(b: str) -> None: ...

        @step.do("bee")
        async def b(a: str) -> None: ...

        with pytest.raises(TypeError, match="steps need each other: a → bee → a"):
            await a()
        return "went on"

    assert (await world.run(run)).output == "went on"


async def test_depends_lists_the_steps_in_the_order_of_the_parameters(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do("first")
        async def one() -> int:
            return 1

        @step.do("second")
        async def two() -> int:
            return 2

        @step.do("sum", depends=[two, one], concurrent=True)
        async def total(left: int, ctx: StepContext, one: int) -> list[int]:
            return [left, ctx.attempt, one]

        return await total()

    assert (await world.run(run)).output == [2, 1, 1]


async def test_depends_must_fit_the_parameters_and_list_steps(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def one() -> int:
            return 1

        @step.do(depends=[one])
        async def two(a: int, b: int, ctx: StepContext) -> None: ...

        @step.do(depends=[lambda: 1])  # type: ignore[list-item]  # the mistake under test
        async def wrong(a: int) -> None: ...

        with pytest.raises(TypeError, match='"two" has 2 parameters besides ctx, and depends= lists 1'):
            await two()
        with pytest.raises(TypeError, match="list functions that are decorated with step"):
            await wrong()
        return "went on"

    assert (await world.run(run)).output == "went on"


@dataclass
class Order:
    id: int


async def test_results_have_their_types_and_belong_to_whoever_gets_them(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def order() -> Order:
            return Order(1)

        @step.do()
        async def change(order: Order) -> None:
            order.id = 99

        @step.do()
        async def look(order: Order, change: None) -> list[Any]:
            return [type(order).__name__, order.id]

        return await look()

    assert (await world.run(run)).output == ["Order", 1]


async def test_a_scope_has_names_of_its_own(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        @step.do()
        async def fetch() -> str:
            return "outer"

        ann = step.scope("ann")

        @ann.do()
        async def use(fetch: str) -> str:
            return fetch

        @ann.do(depends=[fetch])
        async def uses(given: str) -> str:
            return given

        with pytest.raises(TypeError, match="unexpected parameter fetch"):
            await use()
        assert await uses() == "outer"

    assert await started_steps(world, run) == ["fetch-1", "ann/uses-1"]


async def pipelines(step: Step, *, listed: bool) -> Any:
    async def pipeline(name: str) -> str:
        @step.do(f"fetch {name}")
        async def fetch() -> str:
            return name

        await fetch()

        @step.do(f"store {name}", depends=[fetch] if listed else None)
        async def store(fetch: str) -> str:
            return fetch

        return await store()

    return await asyncio.gather(pipeline("a"), pipeline("b"))


@pytest.mark.parametrize("listed", [True, False])
async def test_each_task_finds_the_functions_that_it_declared(world: World, listed: bool) -> None:
    async def run(event: Event, step: Step) -> Any:
        return await pipelines(step, listed=listed)

    assert (await world.run(run)).output == ["a", "b"]


async def test_a_function_that_two_other_tasks_declared_is_ambiguous(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        await pipelines(step, listed=True)

        @step.do()
        async def use(fetch: str) -> None: ...

        await use()

    error = (await world.run(run)).error
    assert error is not None
    assert error.message.startswith('several tasks have declared a step "fetch"')


async def test_events_and_contexts_can_be_read_with_brackets(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        received = await step.wait_for_event("approval", "ok")
        with pytest.raises(KeyError, match="WorkflowEvent has payload, timestamp, instance_id"):
            event["params"]
        return [
            event["payload"],
            event["instanceId"],
            event["workflowName"],
            event["timestamp"] == event.timestamp,
            received["payload"],
            received["type"],
        ]

    flow = workflow(run)
    engine: Engine = world.open(flow)
    async with engine:
        instance = await engine.workflow(flow).create(id="i", params={"a": 1})
        await instance.send_event("ok", {"b": 2})
        assert await instance.result() == [{"a": 1}, "i", "Flow", True, {"b": 2}, "ok"]


async def test_the_ambiguous_name_is_an_error_of_the_step(world: World) -> None:
    """Two tasks that have waited call steps of one name: which is which would depend on timing."""

    async def run(event: Event, step: Step) -> Any:
        async def branch(name: str) -> None:
            await step.do(name, lambda: 1)

            @step.do("same")
            async def same() -> None: ...

            await same()

        with pytest.raises(AmbiguousStepName, match='"same"'):
            await asyncio.gather(branch("a"), branch("b"))
        return "refused"

    assert (await world.run(run)).output == "refused"
