"""A running instance whose code has changed goes on; what the new code does not ask for is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, named, workflow
from workflows import (
    InstanceStatus,
    StepError,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowFatalError,
    WorkflowStep,
)
from workflows.testing import replay

pytestmark = pytest.mark.anyio

Body = Callable[[Event, Step], Awaitable[Any]]


async def deployed(
    world: World, old: Body, new: Body, *, params: Any = None, attributes: Any = None
) -> InstanceStatus:
    """How an instance ended that was begun by `old` and went on with `new` after a second."""
    async with world.started(old, params, **(attributes or {})):
        await world.later(1)
    async with world.reopened(new) as instance:
        return await ended(instance)


def steps(*names: str, value: str = "old", calls: list[str] | None = None) -> Body:
    """Runs steps in this order, each of them once; a name that starts with `sleep` sleeps for 100 seconds."""

    async def called(name: str) -> str:
        if calls is not None:
            calls.append(name)
        return f"{value} {name}"

    async def run(event: Event, step: Step) -> list[Any]:
        seen = []
        for name in names:
            if name.startswith("sleep"):
                await step.sleep(name, 100)
                continue
            seen.append(await step.do(name, called, name))
        return seen

    return run


def new(*names: str) -> tuple[Body, list[str]]:
    calls: list[str] = []
    return steps(*names, value="new", calls=calls), calls


OLD = steps("a", "b", "c", "sleep")


@pytest.mark.parametrize(
    ("names", "output", "called", "unasked"),
    [
        (("a", "b", "c", "sleep", "d"), ["old a", "old b", "old c", "new d"], ["d"], ()),
        (("a", "x", "b", "c", "sleep"), ["old a", "new x", "old b", "old c"], ["x"], ()),
        (("c", "a", "b", "sleep"), ["old c", "old a", "old b"], [], ()),
        (("a", "c", "sleep"), ["old a", "old c"], [], ("b-1",)),
        (("a", "b2", "c", "sleep"), ["old a", "new b2", "old c"], ["b2"], ("b-1",)),
        (("a", "a", "b", "sleep"), ["old a", "new a", "old b"], ["a"], ("c-1",)),
        (("a", "b", "c"), ["old a", "old b", "old c"], [], ("sleep-1",)),
        ((), [], [], ("a-1", "b-1", "c-1", "sleep-1")),
    ],
    ids=[
        "appended",
        "inserted",
        "reordered",
        "removed",
        "renamed",
        "used once more",
        "the sleep that it was in",
        "everything",
    ],
)
async def test_steps_are_found_by_their_names(
    durable: World, names: tuple[str, ...], output: Any, called: list[str], unasked: Any
) -> None:
    body, calls = new(*names)
    status = await deployed(durable, OLD, body)
    assert (status.output, calls, status.unasked) == (output, called, unasked)


async def test_steps_that_are_not_asked_for_are_told_as_events_before_the_end(durable: World) -> None:
    body, _ = new("a", "sleep")
    async with durable.started(OLD):
        await durable.later(1)
    async with durable.reopened(body) as instance:
        told = [(e.type, e.step_name) async for e in instance.subscribe()]
        again = [e.step_name async for e in instance.subscribe(filter=["step_unasked"])]
    assert told[-3:] == [("step_unasked", "b-1"), ("step_unasked", "c-1"), ("workflow_completed", None)]
    assert again == ["b-1", "c-1"]


async def test_they_are_told_of_an_instance_that_fails_too(durable: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("b", lambda: "new")
        raise ValueError("no")

    status = await deployed(durable, OLD, run)
    assert (status.status, status.unasked) == ("errored", ("a-1", "c-1", "sleep-1"))


async def test_while_it_runs_nobody_can_know_what_it_will_not_ask_for(durable: World) -> None:
    body, _ = new("a", "sleep", "b")  # b comes late, and c not at all
    async with durable.started(OLD):
        await durable.later(1)
    async with durable.reopened(body) as instance:
        await durable.later(1)
        assert ((await instance.status()).status, (await instance.status()).unasked) == ("waiting", ())
        assert (await ended(instance)).unasked == ("c-1",)


async def test_what_was_told_is_forgotten_by_a_restart(durable: World) -> None:
    body, _ = new("a", "sleep")
    async with durable.started(OLD):
        await durable.later(1)
    async with durable.reopened(body) as instance:
        assert (await ended(instance)).unasked == ("b-1", "c-1")
        await instance.restart()
        status = await ended(instance)
    assert (status.unasked, status.output) == ((), ["new a"])


async def test_a_step_of_another_kind_does_not_take_the_record(durable: World) -> None:
    """Pitfall 14: positional replay matches the record of another operation."""

    async def sleeper(event: Event, step: Step) -> Any:
        await step.sleep("a", 1)
        received = await step.wait_for_event("b", "go", timeout=500)
        return [received.payload, await step.do("sleep", lambda: "called")]

    async with durable.started(OLD):
        await durable.later(1)
    async with durable.reopened(sleeper) as instance:
        await instance.send_event("go", "new")
        status = await ended(instance)
    assert (status.output, status.unasked) == (["new", "called"], ("a-1", "b-1", "c-1", "sleep-1"))


async def test_fewer_rounds_of_a_loop(durable: World) -> None:
    def rounds(count: int) -> Body:
        async def run(event: Event, step: Step) -> Any:
            values = [await step.do("item", lambda ctx: ctx.step.count) for _ in range(count)]
            await step.sleep("z", 10)
            return values

        return run

    status = await deployed(durable, rounds(3), rounds(2))
    assert (status.output, status.unasked) == ([1, 2], ("item-3",))


async def test_a_sleep_keeps_its_first_length(durable: World) -> None:
    def nap(length: float) -> Body:
        async def run(event: Event, step: Step) -> Any:
            await step.sleep("z", length)

        return run

    status = await deployed(durable, nap(100), nap(5_000))
    assert status.finished_at is not None
    assert (status.finished_at - status.created_at).total_seconds() == pytest.approx(100, abs=0.01)


async def test_a_wait_takes_the_new_type(durable: World) -> None:
    def waiting(type: str) -> Body:
        async def run(event: Event, step: Step) -> Any:
            return (await step.wait_for_event("w", type, timeout=100)).payload

        return run

    async with durable.started(waiting("old")):
        await durable.later(1)
    async with durable.reopened(waiting("new")) as instance:
        await instance.send_event("old", 1)
        await durable.later(1)
        assert (await instance.status()).status == "waiting"
        await instance.send_event("new", 2)
        assert await instance.result() == 2


async def test_a_wait_that_new_code_gives_more_time_ends_when_it_would_have_ended(durable: World) -> None:
    def waiting(timeout: float) -> Body:
        async def run(event: Event, step: Step) -> Any:
            await step.wait_for_event("w", "never", timeout=timeout)

        return run

    status = await deployed(durable, waiting(100), waiting(5_000))
    assert status.error is not None
    assert status.error.message == "Execution timed out after 100000ms"
    assert durable.clock.now() == pytest.approx(durable.started_at + 100, abs=0.01)


@pytest.mark.parametrize(
    ("first", "then", "attempts"),
    [
        ({"limit": 2, "delay": 10}, {"limit": 0, "delay": 0}, 3),
        (None, {"limit": 0, "delay": 0}, 6),
        ({"limit": 1, "delay": 10}, None, 2),
    ],
    ids=["given both times", "the default first", "the default then"],
)
async def test_the_first_configuration_of_a_step_counts(
    durable: World, first: Any, then: Any, attempts: int
) -> None:
    def failing(retries: Any) -> Body:
        async def run(event: Event, step: Step) -> Any:
            return await step.do("s", lambda: 1 / 0, retries=retries)

        return run

    status = await deployed(durable, failing(first), failing(then))
    assert (status.status, status.usage.attempts) == ("errored", attempts)


async def test_a_delay_function_is_todays(durable: World) -> None:
    def failing(seconds: float) -> Body:
        async def run(event: Event, step: Step) -> Any:
            retries: Any = {"limit": 2, "delay": lambda _: seconds, "backoff": "constant"}
            return await step.do("s", lambda: 1 / 0, retries=retries)

        return run

    status = await deployed(durable, failing(10), failing(1_000))
    assert status.finished_at is not None
    assert (status.finished_at - status.created_at).total_seconds() == pytest.approx(1_010, abs=0.01)


async def test_a_fixed_callback_is_what_the_next_attempt_calls(durable: World) -> None:
    def calling(callback: Callable[[], Any]) -> Body:
        async def run(event: Event, step: Step) -> Any:
            return await step.do("s", callback)

        return run

    def broken() -> None:
        raise RuntimeError("a bug")

    status = await deployed(durable, calling(broken), calling(lambda: "fixed"))
    assert (status.output, status.usage.attempts) == ("fixed", 2)


async def test_a_recorded_error_stays_and_keeps_its_name_when_its_class_is_gone(durable: World) -> None:
    class Refused(Exception):
        pass

    def refuse() -> None:
        raise Refused("by the bank")

    def catching(*kinds: type[Exception]) -> Body:
        async def run(event: Event, step: Step) -> Any:
            try:
                await step.do("s", refuse, retries=ONCE)
            except kinds as error:
                await step.sleep("z", 100)
                return [type(error).__name__, str(error)]

        return run

    old, today = catching(Refused), catching(StepError)
    status = await deployed(durable, old, today, attributes={"errors": [Refused]})
    assert status.output == ["StepError", "Refused: by the bank"]


@dataclass
class Receipt:
    amount: int


@dataclass
class Invoice:
    total: int


def paid(kind: type | None) -> Body:
    """A step with a result of this type, and a sleep."""

    async def run(event: Event, step: Step) -> Any:
        callback: Callable[[], Any] = lambda: Receipt(5)  # noqa: E731
        receipt: Any = await (
            step.do("pay", callback, result=kind) if kind is not None else step.do("pay", callback)
        )
        await step.sleep("z", 100)
        return receipt.amount

    return run


@pytest.mark.parametrize("broken", [Invoice, int, None])
async def test_a_result_that_new_code_cannot_read_pauses_until_it_can(durable: World, broken: Any) -> None:
    """Pitfall 15: what cannot go on is visible, with its reason, and is not tried for ever."""
    async with durable.started(paid(Receipt)):
        await durable.later(1)
    async with durable.reopened(paid(broken)) as instance:
        await durable.later(1_000)
        status = await instance.status()
        assert (status.status, status.finished) == ("paused", False)
        assert status.reason is not None
        assert 'what is stored for step "pay-1" cannot be read' in status.reason
        await instance.resume()  # the same code cannot read it today either
        await durable.later(1)
        assert (await instance.status()).status == "paused"
    async with durable.reopened(paid(Receipt)) as instance:
        await durable.later(1)
        assert (await instance.status()).reason == status.reason
        await instance.resume()
        assert await instance.result() == 5
        assert (await instance.status()).reason is None


async def test_params_that_new_code_cannot_read_pause_until_it_can(durable: World) -> None:
    class Old(WorkflowEntrypoint[None, Receipt]):
        async def run(self, event: WorkflowEvent[Receipt], step: WorkflowStep) -> int:
            await step.sleep("z", 100)
            return event.payload.amount

    class New(WorkflowEntrypoint[None, Invoice]):
        async def run(self, event: WorkflowEvent[Invoice], step: WorkflowStep) -> int:
            return event.payload.total

    Old.__name__ = New.__name__ = "Flow"
    async with durable.open(Old) as engine:
        await engine.workflow(Old).create(id="i", params=Receipt(5))
    async with durable.open(New) as engine:
        await durable.later(1)
        status = await engine.workflow(New).get("i").status()
        assert (status.status, bool(status.reason)) == ("paused", True)
    async with durable.open(Old) as engine:
        await engine.workflow(Old).get("i").resume()
        assert await engine.workflow(Old).get("i").result() == 5


async def test_instances_of_a_class_that_is_gone_are_told_and_go_on_once_it_is_back(
    durable: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Pitfall 37: an instance of one version of the code is invisible to the recovery of another."""
    async with durable.started(OLD):
        await durable.later(1)
    async with durable.open(named("Renamed", workflow(OLD))):
        await durable.later(1_000)
    said = "1 unfinished instance(s) of Flow are left alone: this engine was not given that workflow"
    assert said in caplog.messages
    body, _ = new("a", "b", "c", "sleep")
    async with durable.reopened(body) as instance:
        assert await instance.result() == ["old a", "old b", "old c"]
    assert caplog.messages.count(said) == 1


async def test_code_that_breaks_ends_the_instance_visibly(durable: World) -> None:
    async def broken(event: Event, step: Step) -> None:
        raise WorkflowFatalError("this program is broken")

    status = await deployed(durable, OLD, broken)
    assert status.error is not None
    assert (status.status, status.error.message) == ("errored", "this program is broken")
    assert status.unasked == ("a-1", "b-1", "c-1", "sleep-1")


async def test_a_step_that_another_step_calls_is_asked_for_by_that_one(world: World) -> None:
    changed = False

    async def run(event: Event, step: Step) -> None:
        async def outer() -> int:
            first = await step.do("inner", lambda: 1)
            return first + sum(await asyncio.gather(step.do("a", lambda: 2), step.do("b", lambda: 3)))

        await step.do("other" if changed else "outer", outer)
        await step.sleep("z", 100)

    async with world.started(run) as instance:
        await world.later(5)
        await world.engine.replay()
        assert (await ended(instance)).unasked == ()
        await instance.restart()
        await world.later(5)
        changed = True
        await world.engine.replay()
        assert (await ended(instance)).unasked == ("outer-1",)


async def test_nor_does_the_replay_of_its_history_miss_it(world: World) -> None:
    async def run(event: Event, step: Step) -> int:
        async def outer() -> int:
            return await step.do("inner", lambda: 1)

        return await step.do("outer", outer)

    async with world.started(run) as instance:
        await ended(instance)
        replayed = await replay(workflow(run), json.loads(json.dumps(await instance.export())))
        assert replayed.differences == ()
