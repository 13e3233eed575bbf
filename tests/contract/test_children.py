"""Children: created exactly once, awaited durably, and ended with their parent when that is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel

from tests.contract.world import Event, Flow, Step, World, ended, named, workflow
from workflows import (
    Binding,
    Engine,
    InvalidParams,
    UnknownWorkflow,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowFailed,
    WorkflowInstance,
    WorkflowStep,
)

pytestmark = pytest.mark.anyio


def child(body: Any, **attributes: Any) -> Flow:
    return named("Child", workflow(body, **attributes))


async def doubled(event: Event, step: Step) -> int:
    await step.sleep("rest", 10)
    return int(event.payload * 2)


async def forever(event: Event, step: Step) -> None:
    await step.wait_for_event("w", "never", timeout="300 days")


async def of(engine: Engine, flow: Flow) -> list[WorkflowInstance]:
    """All instances of a workflow, oldest first."""
    binding = engine.workflow(flow)
    return [binding.get(line.id) for line in (await binding.list()).instances]


async def statuses(engine: Engine, flow: Flow) -> list[str]:
    return [(await instance.status()).status for instance in await of(engine, flow)]


class Parent:
    """A parent of one child; it counts how often its own step was done."""

    def __init__(self, flow: Flow, params: Any = 4, **options: Any) -> None:
        self.flow = flow
        self.params = params
        self.options = options
        self.before = 0

    def _do(self) -> None:
        self.before += 1

    async def __call__(self, event: Event, step: Step) -> Any:
        await step.do("before", self._do)
        return await step.run_workflow("c", self.flow, self.params, **self.options)


async def test_a_parent_waits_for_the_output_of_its_child(world: World) -> None:
    flow = child(doubled)
    parent = workflow(Parent(flow))
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        assert (await instance.status()).status == "waiting"
        assert await statuses(engine, flow) == ["waiting"]
        assert await instance.result() == 8


async def test_it_goes_on_waiting_after_a_crash_and_nothing_before_it_runs_again(world: World) -> None:
    """Pitfall 20: a wait is a step with its own id."""
    flow, times = child(doubled), 3
    body = Parent(flow)
    parent = workflow(body)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        for _ in range(times):
            await world.later(2)
            await engine.replay()
        assert await instance.result() == 8
        assert (len(await of(engine, flow)), body.before) == (1, 1)


async def test_a_child_that_ended_while_nobody_served_its_parent_is_noticed(durable: World) -> None:
    flow = child(doubled)
    parent = workflow(Parent(flow))
    async with durable.open(parent, flow) as engine:
        await engine.workflow(parent).create(id="p")
        await durable.later(5)
    async with durable.open(flow) as engine:
        await asyncio.gather(*map(ended, await of(engine, flow)))
    async with durable.open(parent, flow) as engine:
        assert await engine.workflow(parent).get("p").result() == 8
        assert len(await of(engine, flow)) == 1


async def test_once_the_outcome_is_recorded_the_child_may_be_deleted(world: World) -> None:
    flow = child(doubled)

    async def run(event: Event, step: Step) -> Any:
        output = await step.run_workflow("c", flow, 4)
        await step.sleep("after", 100)
        return output

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(20)
        [one] = await of(engine, flow)
        await one.delete()
        await engine.replay()
        assert await instance.result() == 8
        assert await of(engine, flow) == []


class Report(BaseModel):
    pages: int


class Writer(WorkflowEntrypoint[None, Report]):
    async def run(self, event: WorkflowEvent[Report], step: WorkflowStep) -> Report:
        await step.sleep("writing", 1)
        return Report(pages=event.payload.pages + 1)


@pytest.mark.parametrize("how", ["class", "name", "binding name", "binding"])
async def test_params_and_output_have_the_types_of_the_childs_workflow(world: World, how: str) -> None:
    async def run(event: Event, step: Step) -> Any:
        given = {"class": Writer, "name": "Writer", "binding name": "W", "binding": engine.workflow(Writer)}
        report = await step.run_workflow("write", given[how], Report(pages=1), result=Report)  # type: ignore[call-overload]  # all of them
        assert type(report) is Report
        await step.sleep("z", 10)
        return report.pages

    parent = workflow(run)
    flows: dict[str, Flow] = {"P": parent, "W": Writer}
    engine = Engine(world.path, workflows=flows, clock=world.clock)
    async with engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await engine.replay()
        assert await instance.result() == 2


@pytest.mark.parametrize("output", [None, 0, "", [], {}, False, b"", 2**70, (1, 2)])
async def test_falsy_and_exact_outputs_come_back_as_they_are(world: World, output: Any) -> None:
    async def give(event: Event, step: Step) -> Any:
        return output

    flow = child(give)

    async def run(event: Event, step: Step) -> Any:
        seen = await step.run_workflow("c", flow)
        assert (type(seen), seen) == (type(output), output)
        await step.sleep("z", 10)
        return seen

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await engine.replay()
        assert await instance.result() == output


async def fails(event: Event, step: Step) -> None:
    await step.sleep("z", 5)
    raise ValueError("too late")


@pytest.mark.parametrize("end", ["errors", "terminate", "delete"])
async def test_a_child_without_an_output_raises_alike_on_both_runs(world: World, end: str) -> None:
    flow = child(fails)
    seen: list[tuple[Any, ...]] = []

    async def run(event: Event, step: Step) -> str:
        with pytest.raises(WorkflowFailed) as caught:
            await step.run_workflow("c", flow, id="x")
        seen.append((caught.value.args, str(caught.value)))
        await step.sleep("after", 100)
        return "went on"

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(2)
        if end != "errors":
            await getattr(engine.workflow(flow).get("x"), end)()
        await world.later(10)
        await engine.replay()
        assert await instance.result() == "went on"
    assert len(seen) >= 2
    assert seen[0] == seen[1]
    how = {"errors": ("errored", "ValueError", "too late"), "terminate": ("terminated", "", "")}
    assert seen[0][0] == ("Child", "x", *how.get(end, ("deleted", "", "")))


async def test_an_unhandled_failure_of_a_child_ends_the_parent(world: World) -> None:
    flow = child(fails)
    parent = workflow(Parent(flow, id="x"))
    async with world.open(parent, flow) as engine:
        status = await ended(await engine.workflow(parent).create(id="p"))
        assert status.error is not None
        assert (status.error.name, status.error.message) == (
            "WorkflowFailed",
            'Child "x" is errored: ValueError: too late',
        )


async def test_a_paused_parent_hears_of_the_end_once_it_is_resumed(world: World) -> None:
    flow = child(doubled)
    parent = workflow(Parent(flow))
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await instance.pause()
        await world.later(10)
        assert (await instance.status()).status == "paused"
        assert await statuses(engine, flow) == ["complete"]
        await instance.resume()
        assert await instance.result() == 8


async def test_a_child_that_is_restarted_is_waited_for_until_its_new_end(world: World) -> None:
    flow = child(doubled)
    parent = workflow(Parent(flow, id="x"))
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(8)
        await engine.workflow(flow).get("x").restart()
        await world.later(8)
        assert (await instance.status()).status == "waiting"
        assert await instance.result() == 8


async def test_a_hundred_children_side_by_side(world: World) -> None:
    flow = child(doubled)

    async def run(event: Event, step: Step) -> Any:
        return sum(
            await asyncio.gather(*(step.run_workflow(f"c{number}", flow, number) for number in range(100)))
        )

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await engine.replay()
        assert await instance.result() == 9_900
        assert await statuses(engine, flow) == ["complete"] * 100
        assert world.clock.now() == pytest.approx(world.started_at + 10)


async def test_children_of_one_name_are_numbered_in_call_order(world: World) -> None:
    flow = child(doubled)

    async def run(event: Event, step: Step) -> Any:
        return await asyncio.gather(*(step.run_workflow("c", flow, number) for number in range(3)))

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        assert await instance.result() == [0, 2, 4]


@pytest.mark.parametrize("scope", ["workflow", "engine"])
async def test_a_parent_that_waits_holds_no_slot(world: World, scope: str) -> None:
    async def run(event: Event, step: Step) -> Any:
        if event.payload == 0:
            return await step.do("leaf", lambda: 1)
        below = await step.run_workflow("below", flow, event.payload - 1)
        return await step.do("add", lambda: below + 1)

    flow = workflow(run, **({"concurrency": 1} if scope == "workflow" else {}))
    limit = 1 if scope == "engine" else None
    async with Engine(world.path, workflows=[flow], clock=world.clock, concurrency=limit) as engine:
        instances = [await engine.workflow(flow).create(id=f"p{n}", params=3) for n in range(3)]
        assert [await instance.result() for instance in instances] == [4, 4, 4]


async def test_the_history_of_a_parent_names_its_child(world: World) -> None:
    flow = child(doubled)
    parent = workflow(Parent(flow))
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        events = [event async for event in instance.subscribe() if event.type.startswith("child_")]
        [one] = await of(engine, flow)
    assert [(event.type, event.step_name) for event in events] == [
        ("child_started", "c-1"),
        ("child_completed", "c-1"),
    ]
    assert events[0].child is not None
    assert (events[0].child.workflow, events[0].child.id) == ("Child", one.id)
    assert events[1].output == 8


async def test_a_failed_child_is_seen_in_the_history(world: World) -> None:
    flow = child(fails)
    parent = workflow(Parent(flow))
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        [failed] = [event async for event in instance.subscribe(filter=["child_errored"])]
    assert failed.error is not None
    assert failed.error.name == "WorkflowFailed"


async def test_the_usage_of_a_parent_includes_all_its_descendants(world: World) -> None:
    flow = child(Working(world))

    async def middle(event: Event, step: Step) -> None:
        leaves = (step.run_workflow("leaf", flow) for _ in range(2))
        await asyncio.gather(*leaves, return_exceptions=True)  # so both have ended, also when one fails

    between = named("Middle", workflow(middle))

    async def run(event: Event, step: Step) -> None:
        await step.do("own", lambda: None)
        await step.run_workflow("between", between)

    parent = workflow(run)
    async with world.open(parent, between, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        usage = (await ended(instance)).usage
        assert (usage.steps, usage.attempts) == (3, 5)
        await instance.restart()
        usage = (await ended(instance)).usage
        assert (usage.steps, usage.attempts) == (6, 10)


class Working:
    """A child whose only step fails once."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def __call__(self, event: Event, step: Step) -> None:
        failed: list[bool] = []

        def work() -> None:
            if not failed:
                failed.append(True)
                raise ConnectionError

        await step.do("work", work, retries={"limit": 1, "delay": 1})


async def refusal(world: World, call: Any, *flows: Flow) -> str:
    """What a step that is called wrongly raises, on the first run and on a replay."""
    seen: list[str] = []

    async def run(event: Event, step: Step) -> None:
        try:
            await call(step)
        except WorkflowError as error:
            seen.append(f"{type(error).__name__}: {error}")
        await step.sleep("z", 10)

    parent = workflow(run)
    async with world.open(parent, *flows) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await engine.replay()
        await ended(instance)
    assert len(seen) >= 2
    assert seen[0] == seen[1]
    return seen[0]


async def test_a_workflow_that_the_engine_does_not_have_is_refused(world: World) -> None:
    stranger = child(doubled)
    said = await refusal(world, lambda step: step.run_workflow("c", stranger, 1))
    assert said.startswith(UnknownWorkflow.__name__)


async def test_a_binding_of_another_engine_is_refused(world: World) -> None:
    flow = child(doubled)
    async with Engine(":memory:", workflows=[flow], clock=world.clock) as other:
        binding: Binding[Any] = other.workflow(flow)
        said = await refusal(world, lambda step: step.run_workflow("c", binding, 1), flow)
    assert "another engine" in said


async def test_params_that_do_not_fit_are_refused(world: World) -> None:
    said = await refusal(world, lambda step: step.run_workflow("c", Writer, {"pages": "many"}), Writer)
    assert said.startswith(f"{InvalidParams.__name__}: params of Writer do not fit")


@pytest.mark.parametrize("options", [{"id": "no spaces"}, {"on_parent_end": "forget"}])
async def test_wrong_options_are_refused(world: World, options: Any) -> None:
    flow = child(doubled)
    said = await refusal(world, lambda step: step.run_workflow("c", flow, 1, **options), flow)
    assert "invalid id" in said or "'forget'" in said


async def test_an_id_that_somebody_else_has_taken_is_refused(world: World) -> None:
    flow = child(forever)
    seen: list[str] = []

    async def run(event: Event, step: Step) -> None:
        with pytest.raises(WorkflowError) as caught:
            await step.run_workflow("c", flow, id="x", on_parent_end="terminate")
        seen.append(str(caught.value))
        await step.sleep("z", 10)

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        other = await engine.workflow(flow).create(id="x")
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await engine.replay()
        await ended(instance)
        assert (await other.status()).status == "waiting"
    assert len(seen) >= 2
    assert set(seen) == {'Child "x" exists, and step "c-1" did not create it: give another id, or none'}


async def test_two_steps_do_not_wait_for_one_child_at_once(world: World) -> None:
    flow = child(doubled)

    async def run(event: Event, step: Step) -> Any:
        both = (step.run_workflow(name, flow, 4, id="x") for name in "ab")
        return [str(one) for one in await asyncio.gather(*both, return_exceptions=True)]

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        assert await instance.result() == [
            "8",
            'step "a-1" waits for Child "x" already: give another id',
        ]


async def test_one_step_after_the_other_may_use_an_id_of_theirs(world: World) -> None:
    """What has an output keeps it, what has none begins anew."""
    lives: list[str] = []

    async def flaky(event: Event, step: Step) -> int:
        await step.do("live", lambda: lives.append("life"))
        if len(lives) == 1:
            raise ValueError("once")
        return len(lives)

    flow = child(flaky)

    async def run(event: Event, step: Step) -> Any:
        with pytest.raises(WorkflowFailed):
            await step.run_workflow("first", flow, id="x")
        return [await step.run_workflow(name, flow, id="x") for name in ("second", "third")]

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        assert await instance.result() == [2, 2]


async def test_a_wait_that_was_cut_leaves_the_child(world: World) -> None:
    flow = child(doubled)

    async def run(event: Event, step: Step) -> Any:
        cut = asyncio.ensure_future(step.run_workflow("c", flow, 4, id="x"))
        await step.sleep("a little", 3)
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
        return await step.run_workflow("again", flow, 4, id="x")

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(5)
        await engine.replay()
        assert await instance.result() == 8
        assert len(await of(engine, flow)) == 1


async def test_a_child_that_nobody_awaits_does_not_fail_its_parent(world: World) -> None:
    flow = child(fails)

    async def run(event: Event, step: Step) -> str:
        waiting = asyncio.ensure_future(step.run_workflow("c", flow))
        await step.sleep("z", 1)
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        return "done"

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        assert await instance.result() == "done"
        await world.later(20)
        assert await statuses(engine, flow) == ["errored"]
