"""`on_complete` and `on_failure`: hooks hear of every end at least once, and of each attempt of it as one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, named, workflow
from workflows import (
    Engine,
    Failure,
    Finished,
    NonRetryableError,
    StartWorkflow,
    TryAgain,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowStep,
)

pytestmark = pytest.mark.anyio
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86_400.0


@dataclass
class Ear:
    """A hook that notes what it hears, and raises the given errors first."""

    name: str = "ear"
    raises: list[Exception] = field(default_factory=list)
    heard: list[Finished] = field(default_factory=list)

    async def deliver(self, finished: Finished) -> None:
        self.heard.append(finished)
        if self.raises:
            raise self.raises.pop(0)

    @property
    def at(self) -> list[float]:
        """Seconds since the start, of each call."""
        return [round((one.at - START).total_seconds(), 3) for one in self.heard]


async def done(event: Event, step: Step) -> Any:
    await step.sleep("z", 10)
    return {"answer": 42, "raw": b"\n\x00", "when": START}


async def failed(event: Event, step: Step) -> Any:
    await step.sleep("z", 10)
    raise ValueError("no luck")


async def test_a_complete_instance_is_told(world: World) -> None:
    ear, other = Ear(), Ear("other")
    flow = workflow(done, on_complete=[ear, other], on_failure=[Ear("never")])
    async with world.open(flow, env="env") as engine:
        output = await (await engine.workflow(flow).create(id="i")).result()
        await world.later(1)
        assert await engine.deliveries.list() == []
    [heard], [also] = ear.heard, other.heard
    finished_at = START + timedelta(seconds=10)
    assert heard == Finished(
        workflow="Flow",
        id="i",
        status="complete",
        output={"answer": 42, "raw": b"\n\x00", "when": START},
        error=None,
        created_at=START,
        finished_at=finished_at,
        delivery=heard.delivery,
        attempt=1,
        at=finished_at,
    )
    assert (output, heard.env, also.output) == (heard.output, "env", heard.output)
    assert heard.delivery != also.delivery


@pytest.mark.parametrize("end", ["errored", "terminated"])
async def test_a_failed_instance_is_told(world: World, end: str) -> None:
    ear, never = Ear(), Ear()
    flow = workflow(failed, on_complete=[never], on_failure=[ear])
    async with world.open(flow) as engine:
        instance = await engine.workflow(flow).create(id="i")
        if end == "terminated":
            await instance.terminate()
        await ended(instance)
        await world.later(1)
    [heard] = ear.heard
    error = Failure("ValueError", "no luck") if end == "errored" else None
    assert (heard.status, heard.output, heard.error, never.heard) == (end, None, error, [])


async def test_a_queued_and_a_paused_instance_that_are_terminated_are_told(world: World) -> None:
    ear = Ear()
    flow = workflow(done, on_failure=[ear], concurrency=1)
    async with world.open(flow) as engine:
        first, second = [await engine.workflow(flow).create(id=id) for id in ("first", "second")]
        await first.pause()
        await second.terminate()
        await first.terminate()
        await world.later(1)
    assert sorted(one.id for one in ear.heard) == ["first", "second"]


async def test_a_deletion_is_no_end(world: World) -> None:
    ear = Ear()
    flow = workflow(done, on_complete=[ear], on_failure=[ear])
    async with world.open(flow) as engine:
        instance = await engine.workflow(flow).create(id="i")
        await world.later(5)
        await instance.delete()
        await world.later(20)
    assert ear.heard == []


async def test_what_was_told_is_still_told_when_the_instance_is_deleted(world: World) -> None:
    ear = Ear(raises=[ValueError("not yet")])
    flow = workflow(done, on_complete=[ear])
    async with world.open(flow) as engine:
        instance = await engine.workflow(flow).create(id="i")
        await instance.result()
        await world.later(0.5)
        await instance.delete()
        await world.later(10)
    first, second = ear.heard
    assert (first.attempt, second.attempt, second.output) == (1, 2, first.output)


async def test_a_restarted_instance_is_told_again_as_another_delivery(world: World) -> None:
    ear = Ear()
    flow = workflow(done, on_complete=[ear])
    async with world.open(flow) as engine:
        instance = await engine.workflow(flow).create(id="i")
        await instance.result()
        await instance.restart()
        await instance.result()
        await world.later(1)
    assert ear.at == [10.0, 20.0]
    assert len({one.delivery for one in ear.heard}) == 2


async def test_an_error_is_followed_by_attempts_of_one_delivery(world: World) -> None:
    ear = Ear(raises=[ValueError("no"), ValueError("no"), TryAgain("later", after=100), ValueError("no")])
    flow = workflow(done, on_complete=[ear])
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="i")
        await world.later(1_000)
    assert len({one.delivery for one in ear.heard}) == 1
    assert [one.attempt for one in ear.heard] == [1, 2, 3, 4, 5]
    waits = [later - sooner for sooner, later in zip(ear.at, ear.at[1:], strict=False)]
    for wait, planned in zip(waits, [2, 4, 100, 16], strict=True):
        assert wait == pytest.approx(planned, rel=0.25)
    assert waits[2] == pytest.approx(100, abs=0.01)


async def test_one_hook_that_fails_does_not_hold_up_another(world: World) -> None:
    bad, good = Ear("bad", raises=[ValueError("no")] * 100), Ear("good")
    flow = workflow(done, on_complete=[bad, good])
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="i")
        await world.later(30)
    assert good.at == [10.0]
    assert len(bad.at) > 2


async def test_sec_22_a_delivery_dies_visibly_and_can_be_driven_again(world: World) -> None:
    ear = Ear(raises=[ValueError(f"no {number}") for number in range(20)])
    flow = workflow(done, on_complete=[ear])
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="i")
        await world.later(DAY)
        [dead] = await engine.deliveries.list("Flow", state="dead")
        assert (dead.workflow, dead.hook, dead.instance, dead.status) == ("Flow", "ear", "i", "complete")
        assert (dead.state, dead.attempts, dead.last_error) == ("dead", 20, "ValueError: no 19")
        assert 3_600 < ear.at[-1] < 3 * 3_600
        assert await engine.deliveries.list(state="pending") == []
        assert await engine.deliveries.redrive(dead.id)
        await world.later(1)
        assert await engine.deliveries.list() == []
        assert not await engine.deliveries.redrive(dead.id)
    assert len({one.delivery for one in ear.heard}) == 1


async def test_a_non_retryable_error_is_the_last_and_a_dead_delivery_can_be_dropped(world: World) -> None:
    ear = Ear(raises=[NonRetryableError("never")])
    flow = workflow(done, on_complete=[ear])
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="i")
        await world.later(DAY)
        [dead] = await engine.deliveries.list()
        assert (dead.state, dead.attempts, dead.last_error) == ("dead", 1, "NonRetryableError: never")
        assert await engine.deliveries.drop(dead.id)
        assert await engine.deliveries.list() == []
        assert await engine.store.read("SELECT count(*) FROM timer_shared") == [(0,)]


async def test_a_delivery_is_never_under_way_twice(world: World) -> None:
    under_way, most = 0, 0

    class Slow(Ear):
        async def deliver(self, finished: Finished) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await world.clock.sleep(DAY)
            await super().deliver(finished)
            under_way -= 1

    ear = Slow()
    flow = workflow(done, on_complete=[ear])
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="i")
        await world.later(2 * DAY)
    assert (len(ear.heard), most) == (1, 1)


async def test_a_hook_starts_another_workflow_once_for_each_end(world: World) -> None:
    async def after(event: Event, step: Step) -> Any:
        return event.payload

    follower = named("After", workflow(after))
    hook = StartWorkflow(follower, params=lambda one: {"of": one.id, "answer": one.output["answer"]})
    flow = workflow(done, on_complete=[hook, StartWorkflow("By name")])
    plain = named("Plain", workflow(after))
    async with world.open(flow, follower, plain) as engine:
        engine._binding_names["By name"] = "Plain"
        instance = await engine.workflow(flow).create(id="i")
        await instance.result()
        await world.later(1)
        [started] = (await engine.workflow(follower).list()).instances
        assert await engine.workflow(follower).get(started.id).result() == {"of": "i", "answer": 42}
        await instance.restart()
        await instance.result()
        await world.later(1)
        assert len((await engine.workflow(follower).list()).instances) == 2
        [first, _] = (await engine.workflow(plain).list()).instances
        assert await engine.workflow(plain).get(first.id).result() == {}


async def test_a_workflow_that_was_not_given_is_said(world: World) -> None:
    flow = workflow(done, on_complete=[StartWorkflow("Nowhere")])
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="i")
        await world.later(11)
        [delivery] = await engine.deliveries.list()
    assert delivery.last_error == "UnknownWorkflow: this engine has no workflow 'Nowhere'; it has Flow"


async def test_a_hook_with_a_place_waits_until_that_is_served(world: World) -> None:
    @dataclass(frozen=True)
    class Placed:
        name: str = "placed"
        place: str = "there"

    heard: list[tuple[Any, str, int]] = []

    async def deliver(hook: Any, finished: Finished) -> None:
        heard.append((hook, finished.id, finished.attempt))

    flow = workflow(done, on_complete=[Placed()])
    async with world.open(flow) as engine:
        await engine.workflow(flow).create(id="i")
        await world.later(DAY)
        [waiting] = await engine.deliveries.list()
        assert (waiting.state, waiting.attempts, heard) == ("pending", 0, [])
        await engine.deliveries.serve("there", deliver)
        await world.later(1)
        assert heard == [(Placed(), "i", 1)]
        await engine.deliveries.rest("there")
        await engine.workflow(flow).create(id="j")
        await world.later(DAY)
        assert len(heard) == 1


async def test_typed_outputs_come_as_their_type(world: World) -> None:
    ear = Ear()

    @dataclass
    class Result:
        answer: int

    class Typed(WorkflowEntrypoint[None, Any]):
        on_complete = [ear]

        async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Result:
            return Result(42)

    Typed.run.__annotations__["return"] = Result  # it is local to this test
    async with world.open(Typed) as engine:
        await engine.workflow(Typed).create()
        await world.later(1)
    assert [one.output for one in ear.heard] == [Result(42)]


# Backends that outlive their engine.


async def test_what_could_not_be_told_before_the_engine_was_closed_comes_when_it_opens(
    durable: World,
) -> None:
    deaf, ear = Ear(raises=[ValueError("no")]), Ear()
    async with durable.open(workflow(done, on_complete=[deaf])) as engine:
        await engine.workflow("Flow").create(id="i")
        await durable.later(11)
    await durable.later(DAY)
    async with durable.open(workflow(done, on_complete=[ear])):
        await durable.later(1)
    assert [(one.id, one.attempt, one.delivery) for one in ear.heard] == [("i", 2, deaf.heard[0].delivery)]


async def test_a_delivery_that_is_cut_off_by_closing_comes_again(durable: World) -> None:
    begun = asyncio.Event()

    class Hangs(Ear):
        async def deliver(self, finished: Finished) -> None:
            await super().deliver(finished)
            begun.set()
            await durable.clock.sleep(10 * DAY)

    hangs, ear = Hangs(), Ear()
    async with durable.open(workflow(done, on_complete=[hangs])) as engine:
        await engine.workflow("Flow").create(id="i")
        await begun.wait()
        await engine.timers("hooks").close(0)
    async with durable.open(workflow(done, on_complete=[ear])):
        await durable.later(1)
    assert [one.delivery for one in ear.heard] == [one.delivery for one in hangs.heard]


async def test_hooks_of_a_workflow_that_is_not_here_wait(durable: World) -> None:
    deaf, ear = Ear(raises=[ValueError("no")]), Ear()
    async with durable.open(workflow(done, on_complete=[deaf])) as engine:
        await engine.workflow("Flow").create(id="i")
        await durable.later(11)
    async with durable.open(named("Other", workflow(done, on_complete=[Ear()]))):
        await durable.later(DAY)
    async with durable.open(workflow(done, on_complete=[ear])):
        await durable.later(1)
    assert [one.attempt for one in ear.heard] == [2]


async def test_a_hook_that_is_gone_from_the_code_leaves_a_dead_delivery(durable: World) -> None:
    deaf = Ear(raises=[ValueError("no")])
    async with durable.open(workflow(done, on_complete=[deaf])) as engine:
        await engine.workflow("Flow").create(id="i")
        await durable.later(11)
    async with durable.open(workflow(done)) as engine:
        await durable.later(DAY)
        [dead] = await engine.deliveries.list()
    assert dead.last_error is not None
    assert dead.last_error.startswith('NonRetryableError: on_complete of Flow has no "ear" any more')


async def test_an_end_and_its_deliveries_are_one_write(durable: World) -> None:
    ear = Ear()
    flow = workflow(failed, on_failure=[ear])
    async with durable.open(flow) as engine:
        await engine.workflow(flow).create(id="i")
        await engine.store.write(lambda one: one.execute("ALTER TABLE timer RENAME TO hidden").rowcount)
        await durable.later(11)
        assert (await engine.workflow(flow).get("i").status()).status in ("running", "waiting")
        await engine.store.write(lambda one: one.execute("ALTER TABLE hidden RENAME TO timer").rowcount)
    async with durable.open(flow) as engine:
        await durable.later(1)
        assert (await engine.workflow(flow).get("i").status()).status == "errored"
    assert len(ear.heard) == 1


# What is refused before anything is opened.


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        (Ear(), r"^on_complete of Flow is Ear\(.*: give a list of hooks"),
        ([print], "^on_complete of Flow has <built-in .*, which is no hook"),
        ([Ear(""), Ear()], "which is no hook: give it a name"),
        ([Ear("n" * 257)], "which is no hook: give it a name"),
        ([Ear("twice"), Ear("twice")], '^on_complete of Flow has two hooks with the name "twice"'),
    ],
)
def test_what_is_no_hook_is_refused_with_the_class(listed: Any, says: str) -> None:
    with pytest.raises(WorkflowError, match=says):
        Engine("never.db", workflows=[workflow(done, on_complete=listed)])
