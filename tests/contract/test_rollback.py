"""Rollback: what undoes a step, in which order, with what, and when not."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Self

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended, history
from workflows import (
    HistoryEvent,
    InstanceStatus,
    NonRetryableError,
    RollbackContext,
    StepError,
    WorkflowFatalError,
    WorkflowInstance,
)

pytestmark = pytest.mark.anyio

Undone = RollbackContext[Any]


class Saga:
    """Notes which steps were undone, and with what."""

    def __init__(self) -> None:
        self.calls: list[Undone] = []

    def __call__(self, undone: Undone) -> None:
        self.calls.append(undone)

    @property
    def names(self) -> list[str]:
        return [undone.ctx.step.name for undone in self.calls]

    @property
    def outputs(self) -> dict[str, Any]:
        return {undone.ctx.step.name: undone.output for undone in self.calls}


def boom() -> None:
    raise ValueError("boom")


async def events(instance: WorkflowInstance) -> list[HistoryEvent]:
    return [event async for event in instance.subscribe()]


def told(seen: list[HistoryEvent]) -> list[str]:
    """What was told of the rollback."""
    return [
        " ".join(filter(None, (event.type, event.step_name, f"#{event.attempt}" if event.attempt else "")))
        for event in seen
        if event.type.startswith("rollback") or event.type in ("workflow_errored", "workflow_terminated")
    ]


def outcome(status: InstanceStatus) -> tuple[str, str | None]:
    return status.status, None if status.rollback is None else status.rollback.outcome


async def test_steps_are_undone_in_reverse_order_of_their_start(world: World) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1, rollback=saga)
        await asyncio.gather(
            step.do("slow", lambda: world.clock.sleep(9), rollback=saga),
            step.do("quick", lambda: [2], rollback=saga),
            step.do("plain", lambda: 3),
        )
        raise ValueError("too late")

    async with world.started(run) as instance:
        seen = await events(instance)
        status = await instance.status()
    assert saga.names == ["quick", "slow", "a"]
    assert saga.outputs == {"quick": [2], "slow": None, "a": 1}
    assert outcome(status) == ("errored", "complete")
    assert status.error is not None
    assert (status.error.name, status.error.message) == ("ValueError", "too late")
    assert told(seen) == [
        "rollback_started",
        *(
            f"rollback_{what} {name}-1{number}"
            for name in ("quick", "slow", "a")
            for what, number in (
                ("step_started", ""),
                ("attempt_started", " #1"),
                ("attempt_completed", " #1"),
                ("step_completed", ""),
            )
        ),
        "rollback_completed",
        "workflow_errored",
    ]
    assert [event.event_id for event in seen] == list(range(1, len(seen) + 1))


async def test_the_failing_step_is_undone_first_without_an_output(world: World) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 0, rollback=saga)
        await step.do("bad", boom, retries={"limit": 1, "delay": 3}, rollback=saga)

    status = await world.run(run)
    assert [(undone.ctx.step.name, undone.ctx.attempt, undone.output) for undone in saga.calls] == [
        ("bad", 2, None),
        ("a", 1, 0),
    ]
    assert [type(undone.error) for undone in saga.calls] == [ValueError, ValueError]
    assert str(saga.calls[0].error) == "boom"
    assert saga.calls[0].ctx.config["retries"] == {"limit": 1, "delay": 3, "backoff": "exponential"}
    assert "rollback" not in saga.calls[0].ctx.config
    assert outcome(status) == ("errored", "complete")


class Refused(Exception):
    pass


@pytest.mark.parametrize(("listed", "kind"), [([Refused], Refused), ([], StepError)])
async def test_the_error_comes_as_its_class_where_that_is_known(
    world: World, listed: list[type[Exception]], kind: type[Exception]
) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1, rollback=saga)
        raise Refused("no stock")

    await world.run(run, errors=listed)
    [undone] = saga.calls
    assert (type(undone.error), "no stock" in str(undone.error)) == (kind, True)


@pytest.mark.parametrize("body", ["nonretryable", "not storable", "output", "limit", "cancelled"])
async def test_whatever_ends_the_instance_is_undone(world: World, body: str) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> Any:
        await step.do("a", lambda: 1, rollback=saga)
        match body:
            case "nonretryable":
                raise NonRetryableError("no")
            case "not storable":
                await step.do("b", object)
            case "output":
                return object()
            case "limit":
                await step.do("b", lambda: 1)
                await step.do("c", lambda: 1)
            case "cancelled":
                raise asyncio.CancelledError
        return None

    status = await world.run(run, step_limit=2)
    assert (outcome(status), saga.names) == (("errored", "complete"), ["a"])


async def test_nothing_is_undone_when_the_failure_was_caught(world: World) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> str:
        await step.do("a", lambda: 1, rollback=saga)
        with pytest.raises(ValueError, match="boom"):
            await step.do("bad", boom, retries=ONCE, rollback=saga)
        return "went on"

    status = await world.run(run)
    assert (status.output, status.rollback, saga.calls) == ("went on", None, [])


@pytest.mark.parametrize("command", ["terminate", "delete"])
async def test_plain_terminate_and_delete_undo_nothing(world: World, command: str) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1, rollback=saga)
        await step.sleep("z", 1_000)

    async with world.started(run) as instance:
        await world.later(5)
        await getattr(instance, command)()
        await world.later(50)
        if command == "terminate":
            assert (await instance.status()).rollback is None
    assert saga.calls == []


async def test_terminate_with_rollback_undoes_what_has_started(world: World) -> None:
    saga, seen = Saga(), list[str]()

    async def work() -> str:
        await world.clock.sleep(100)
        seen.append("finished")
        return "work"

    async def slowly(undone: Undone) -> None:
        await world.clock.sleep(10)
        saga(undone)

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: "A", rollback=slowly)
        await step.do("work", work, rollback=saga)

    async with world.started(run) as instance:
        await world.later(5)
        terminating = asyncio.create_task(instance.terminate(rollback=True))
        await world.later(5)
        assert ((await instance.status()).status, saga.names) == ("running", ["work"])
        await terminating
        assert (await instance.status()).status == "terminated"
        happened = await events(instance)
        status = await instance.status()
    assert (saga.outputs, seen) == ({"work": None, "a": "A"}, [])
    error = saga.calls[0].error
    assert isinstance(error, StepError)
    assert (error.type_name, error.message) == ("Terminated", "Instance terminated during rollback")
    assert (outcome(status), status.error) == (("terminated", "complete"), None)
    assert told(happened)[0::9] == ["rollback_started", "rollback_completed"]
    assert happened[-1].type == "workflow_terminated"


async def test_what_was_cut_off_has_unwound_before_it_is_undone(world: World) -> None:
    seen = list[str]()

    async def work() -> None:
        try:
            await world.clock.sleep(100)
        finally:
            for _ in range(20):
                await asyncio.sleep(0)
            seen.append("unwound")

    async def run(event: Event, step: Step) -> None:
        await step.do("work", work, rollback=lambda _: seen.append("undone"))

    async with world.started(run) as instance:
        await world.later(5)
        await instance.terminate(rollback=True)
        await ended(instance)
    assert seen == ["unwound", "undone"]


@pytest.mark.parametrize("where", ["in a step", "elsewhere"])
async def test_nothing_of_the_replay_is_left(world: World, where: str) -> None:
    runs, left = list[int](), list[str]()

    async def child(step: Step) -> None:
        try:
            await (step.do("b", lambda: 1) if where == "in a step" else asyncio.Event().wait())
        finally:
            left.append("child")

    async def run(event: Event, step: Step) -> None:
        runs.append(1)
        if len(runs) > 1:
            children = [asyncio.ensure_future(child(step)) for _ in range(3)]
            if where == "elsewhere":
                await asyncio.gather(*children)
        await step.do("a", lambda: 1, rollback=lambda _: left.append("undone"))
        raise ValueError

    async with world.started(run) as instance:
        if where == "in a step":
            await ended(instance)
        else:
            await world.later(1)
            await instance.terminate()
        for _ in range(20):
            await asyncio.sleep(0)
        undone = ["undone"] if where == "in a step" else []
        assert left == [*undone, "child", "child", "child"]


async def test_terminate_with_rollback_is_plain_when_there_is_nothing_to_undo(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: "A")
        await step.sleep("z", 1_000)

    async with world.started(run) as instance:
        await world.later(5)
        await instance.terminate(rollback=True)
        status = await instance.status()
        assert (status.status, status.rollback) == ("terminated", None)
        assert told(await events(instance)) == ["workflow_terminated"]


async def test_a_compensation_is_retried_like_a_step(world: World) -> None:
    saga, tries = Saga(), list[float]()

    def flaky(undone: Undone) -> None:
        tries.append(world.clock.now())
        if len(tries) < 3:
            raise ConnectionError(f"no {len(tries)}")
        saga(undone)

    async def run(event: Event, step: Step) -> None:
        retries: Any = {"limit": 2, "delay": 10}
        await step.do("a", lambda: 1, rollback=flaky, rollback_config={"retries": retries})
        await step.do("b", lambda: 1, rollback=saga)
        raise ValueError

    async with world.started(run) as instance:
        seen = await events(instance)
        status = await instance.status()
    assert (saga.names, outcome(status)) == (["b", "a"], ("errored", "complete"))
    assert [late - tries[0] for late in tries] == pytest.approx([0, 10, 30], abs=0.1)
    a = [event for event in seen if event.step_name == "a-1" and event.type.startswith("rollback")]
    assert told(a) == [
        "rollback_step_started a-1",
        "rollback_attempt_started a-1 #1",
        "rollback_attempt_errored a-1 #1",
        "rollback_attempt_started a-1 #2",
        "rollback_attempt_errored a-1 #2",
        "rollback_attempt_started a-1 #3",
        "rollback_attempt_completed a-1 #3",
        "rollback_step_completed a-1",
    ]
    assert a[0].config == {
        "retries": {"limit": 2, "delay": 10, "backoff": "exponential"},
        "timeout": "10 minutes",
    }
    assert (a[2].retry_delay, a[2].error and a[2].error.message) == (10, "no 1")
    assert status.usage.attempts == 2 + 4


@pytest.mark.parametrize("kind", [ValueError, NonRetryableError])
async def test_after_a_compensation_has_failed_the_remaining_ones_are_skipped(
    world: World, kind: type[Exception]
) -> None:
    saga, calls = Saga(), list[int]()

    def failing(undone: Undone) -> None:
        calls.append(1)
        raise kind("stuck")

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1, rollback=saga)
        await step.do("b", lambda: 1, rollback=failing, rollback_config={"retries": {"limit": 1, "delay": 1}})
        await step.do("c", lambda: 1, rollback=saga)
        raise KeyError("original")

    async with world.started(run) as instance:
        seen = await events(instance)
        status = await instance.status()
    assert (saga.names, len(calls)) == (["c"], 2 if kind is ValueError else 1)
    assert (status.status, status.error and status.error.name) == ("errored", "KeyError")
    assert status.rollback is not None
    assert (status.rollback.outcome, status.rollback.error and status.rollback.error.message) == (
        "failed",
        "stuck",
    )
    assert told(seen)[-4:] == [
        f"rollback_attempt_errored b-1 #{len(calls)}",
        "rollback_step_errored b-1",
        "rollback_errored",
        "workflow_errored",
    ]
    failed = next(event for event in seen if event.type == "rollback_step_errored")
    assert failed.error is not None
    assert (failed.error.name, failed.error.message) == (kind.__name__, "stuck")


async def test_attempts_that_run_end_before_the_rollback(world: World) -> None:
    saga, calls = Saga(), list[str]()

    async def work(name: str, seconds: float) -> str:
        calls.append(name)
        await world.clock.sleep(seconds)
        if name == "retried":
            raise ValueError("again")
        return name

    async def branch(step: Step, name: str, seconds: float) -> None:
        try:
            await step.do(name, work, name, seconds, retries={"limit": 5, "delay": 1}, rollback=saga)
            await step.do(f"after {name}", calls.append, name)
        except Exception:  # noqa: BLE001
            calls.append("seen by a branch that has nothing to do with it")

    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(
            branch(step, "long", 20),
            branch(step, "retried", 10),
            step.do("bad", world.clock.sleep, 5, timeout=3, retries=ONCE),
        )

    async with world.started(run) as instance:
        await world.later(12)
        assert ((await instance.status()).status, saga.calls) == ("running", [])
        status = await ended(instance)
    assert (saga.names, saga.outputs) == (["retried", "long"], {"retried": None, "long": "long"})
    assert (calls, outcome(status)) == (["long", "retried"], ("errored", "complete"))
    assert status.error is not None
    assert status.error.name == "WorkflowTimeoutError"


async def test_an_attempt_that_goes_on_to_its_end_starts_no_step(world: World) -> None:
    refused, saga = list[str](), Saga()

    async def run(event: Event, step: Step) -> None:
        async def outer() -> str:
            await world.clock.sleep(5)
            with pytest.raises(WorkflowFatalError) as error:
                await step.do("inner", lambda: 1)
            refused.append(str(error.value))
            return "went on"

        working = asyncio.ensure_future(step.do("outer", outer, rollback=saga))
        await step.do("first", lambda: world.clock.sleep(1))
        raise ValueError(f"{working.done()}")

    status = await world.run(run)
    assert refused == ["Cannot execute steps during rollback phase"]
    assert (saga.outputs, outcome(status)) == ({"outer": "went on"}, ("errored", "complete"))


async def test_a_compensation_starts_no_step(world: World) -> None:
    refused = list[str]()

    async def run(event: Event, step: Step) -> None:
        async def undo(undone: Undone) -> None:
            others = asyncio.Event()
            asyncio.get_running_loop().call_soon(others.set)
            with pytest.raises(WorkflowFatalError):
                await step.sleep("w", 1)
            assert others.is_set()  # a loop around it would not hold them up
            for _ in range(2):
                together = asyncio.gather(
                    step.do("x", boom), step.sleep("y", 1), step.do("a", boom), return_exceptions=True
                )
                refused.extend(str(error) for error in await together)
            await step.sleep("z", 1)

        await step.do("a", lambda: 1, rollback=undo)
        raise ValueError("original")

    async with world.started(run) as instance:
        seen = await history(instance)
        status = await instance.status()
    assert set(refused) == {"Cannot execute steps during rollback phase"}
    assert (seen.count("step_started"), seen.count("sleep_started"), len(refused)) == (1, 0, 6)
    assert status.rollback is not None
    assert (status.rollback.error and status.rollback.error.name) == "WorkflowFatalError"


async def test_compensations_are_called_as_callbacks_are(world: World) -> None:
    where = dict[str, Any]()

    def plain(undone: Undone) -> None:
        where["plain"] = threading.current_thread() is threading.main_thread()

    async def asynchronous(undone: Undone) -> None:
        where["async"] = threading.current_thread() is threading.main_thread()

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1, rollback=plain)
        await step.do("b", lambda: 1, rollback=asynchronous)
        await step.do("c", lambda: 1, rollback=lambda undone: where.update(c=undone.output))
        raise ValueError

    assert outcome(await world.run(run)) == ("errored", "complete")
    assert where == {"plain": False, "async": True, "c": 1}


async def test_a_compensation_has_a_time_limit(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.do(
            "a",
            lambda: 1,
            rollback=lambda _: world.clock.sleep(100),
            rollback_config={"timeout": 2, "retries": ONCE},
        )
        raise ValueError

    status = await world.run(run)
    assert status.rollback is not None
    assert status.rollback.error is not None
    assert status.rollback.error.message == "Execution timed out after 2000ms"


async def test_a_pause_holds_between_compensations(world: World) -> None:
    saga = Saga()

    async def slowly(undone: Undone) -> None:
        await world.clock.sleep(10)
        saga(undone)

    async def run(event: Event, step: Step) -> None:
        for name in ("a", "b", "c"):
            await step.do(name, lambda: 1, rollback=slowly)
        raise ValueError

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        assert (await instance.status()).status == "waitingForPause"
        await world.later(50)
        assert ((await instance.status()).status, saga.names) == ("paused", ["c"])
        await world.engine.replay()
        await world.later(50)
        assert saga.names == ["c"]
        await instance.resume()
        assert (outcome(await ended(instance)), saga.names) == (("errored", "complete"), ["c", "b", "a"])
        assert told(await events(instance)).count("rollback_started") == 1


async def test_a_pause_after_the_failure_holds_the_rollback(world: World) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> None:
        await asyncio.gather(
            step.do("long", lambda: world.clock.sleep(10), rollback=saga), step.do("bad", boom, retries=ONCE)
        )

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        await world.later(50)
        assert ((await instance.status()).status, saga.names) == ("paused", [])
        await instance.resume()
        assert (outcome(await ended(instance)), saga.names) == (("errored", "complete"), ["long"])


async def test_terminate_during_a_rollback_ends_it_as_failed(world: World) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: 1, rollback=saga)
        await step.do("b", lambda: 1, rollback=lambda _: world.clock.sleep(100))
        raise ValueError

    async with world.started(run) as instance:
        await world.later(5)
        again = asyncio.create_task(instance.terminate(rollback=True))  # it is under way already
        await world.later(0)
        assert (await instance.status()).status == "running"
        await instance.terminate()
        await again
        status = await ended(instance)
    assert (outcome(status), saga.names) == (("terminated", "failed"), [])
    assert status.rollback is not None
    assert status.rollback.error is not None
    assert status.rollback.error.name == "Terminated"


@pytest.mark.parametrize("from_step", [None, "b"])
@pytest.mark.parametrize("when", ["during", "after"])
async def test_restart_leaves_a_rollback_behind(world: World, from_step: str | None, when: str) -> None:
    saga, runs = Saga(), list[str]()

    async def slowly(undone: Undone) -> None:
        await world.clock.sleep(10)
        saga(undone)

    async def run(event: Event, step: Step) -> str:
        await step.do("a", lambda: runs.append("a"), rollback=slowly)
        await step.do("b", lambda: runs.append("b"), rollback=slowly)
        if len(runs) <= 2:
            raise ValueError("first time")
        return "done"

    async with world.started(run) as instance:
        await world.later(15 if when == "during" else 50)
        assert (await instance.status()).finished == (when == "after")
        await instance.restart(from_step=from_step)
        status = await ended(instance)
    assert (status.output, status.error, status.rollback) == ("done", None, None)
    assert runs == ["a", "b", "a", "b"]  # the effect of `a` is gone, too, or may be
    assert saga.names == (["b"] if when == "during" else ["b", "a"])
    assert status.usage.attempts >= len(runs) + len(saga.names)


@pytest.mark.parametrize("end", ["rolled back", "compensation failed", "not undone"])
async def test_restart_from_a_step_runs_what_was_undone_again(world: World, end: str) -> None:
    """And all that came after it, which may have used it; what was never undone stays done."""
    saga, runs = Saga(), list[str]()

    def failing(undone: Undone) -> None:
        saga(undone)
        if end == "compensation failed":
            raise ValueError("the hotel is closed")

    async def run(event: Event, step: Step) -> str:
        await step.do("a", lambda: runs.append("a"), rollback=saga)
        await step.do("b", lambda: runs.append("b"))
        await step.do("c", lambda: runs.append("c"), rollback=failing, rollback_config={"retries": ONCE})
        await step.do("d", lambda: runs.append("d"))
        if runs.count("d") == 1 and end != "not undone":
            raise ValueError("first time")
        return "done"

    async with world.started(run) as instance:
        await ended(instance)
        await instance.restart(from_step="d")
        status = await ended(instance)
    again = {"rolled back": "abcd", "compensation failed": "cd", "not undone": "d"}[end]
    assert (status.output, "".join(runs)) == ("done", "abcd" + again)


async def test_a_replay_during_a_rollback_does_nothing_twice(world: World) -> None:
    saga, runs, failed = Saga(), list[int](), list[str]()

    async def slowly(undone: Undone) -> None:
        saga(undone)
        await world.clock.sleep(10)

    async def run(event: Event, step: Step) -> None:
        runs.append(1)
        for name in ("a", "b", "c"):
            await step.do(name, lambda: runs.append(100), rollback=slowly)
        await step.sleep("z", 1)
        failed.append(f"run {len(runs)}")
        raise ValueError(failed[-1])

    async with world.started(run) as instance:
        await world.later(15)
        await world.engine.replay()
        status = await ended(instance)
    assert saga.names == ["c", "b", "b", "a"]  # b was under way
    assert runs.count(100) == 3
    assert (outcome(status), status.error and status.error.message) == (("errored", "complete"), failed[0])


async def test_a_rollback_goes_on_in_a_new_engine(durable: World) -> None:
    saga = Saga()

    async def slowly(undone: Undone) -> None:
        await durable.clock.sleep(10)
        saga(undone)

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: {"n": 1}, rollback=slowly)
        await step.do("b", lambda: 2, rollback=slowly)
        raise KeyError("original")

    async with durable.started(run):
        await durable.later(15)
    async with durable.reopened(run) as instance:
        status = await ended(instance)
    assert (saga.names, saga.outputs["a"]) == (["b", "a"], {"n": 1})
    assert isinstance(saga.calls[-1].error, KeyError)
    assert (outcome(status), status.error and status.error.name) == (("errored", "complete"), "KeyError")


async def test_what_is_undone_already_need_not_be_found_again(durable: World) -> None:
    saga, runs = Saga(), list[int]()

    async def slowly(undone: Undone) -> None:
        await durable.clock.sleep(10)
        saga(undone)

    async def run(event: Event, step: Step) -> None:
        runs.append(1)
        await step.do("a", lambda: 1, rollback=slowly)
        await step.do("b" if len(runs) < 3 else "renamed", lambda: 2, rollback=slowly)
        raise ValueError

    async with durable.started(run):
        await durable.later(15)
    begun = durable.clock.now()
    async with durable.reopened(run) as instance:
        assert outcome(await ended(instance)) == ("errored", "complete")
    assert (saga.names, durable.clock.now() - begun < 15) == (["b", "a"], True)


async def test_a_step_that_was_under_way_when_the_engine_closed_is_undone(durable: World) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> None:
        await step.do("charge", durable.clock.sleep, 1_000, rollback=saga)

    async with durable.started(run):
        await durable.later(0.01)  # too early for a start mark
    async with durable.reopened(run) as instance:
        await instance.terminate(rollback=True)
        assert outcome(await ended(instance)) == ("terminated", "complete")
    assert saga.outputs == {"charge": None}


async def test_a_cut_step_is_undone(world: World) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> None:
        cut = asyncio.ensure_future(step.do("cut", lambda: world.clock.sleep(1_000), rollback=saga))
        await world.clock.sleep(100)
        cut.cancel()
        await asyncio.wait([cut])
        await step.do("later", lambda: 1, rollback=saga)
        raise ValueError

    assert outcome(await world.run(run)) == ("errored", "complete")
    assert saga.names == ["later", "cut"]


async def test_what_the_new_code_cannot_undo_is_named(world: World) -> None:
    saga, runs = Saga(), list[int]()

    async def run(event: Event, step: Step) -> None:
        runs.append(1)
        await step.do("a", lambda: 1, rollback=saga)
        await step.do("b", lambda: 1, rollback=saga if len(runs) == 1 else None)
        await step.do("c" if len(runs) == 1 else "renamed", lambda: 1, rollback=saga)
        await step.do("d", lambda: 1, rollback=saga)
        raise ValueError("original")

    async with world.started(run) as instance:
        seen = await events(instance)
        status = await instance.status()
    assert (saga.names, status.error and status.error.name) == ([], "ValueError")
    assert status.rollback is not None
    assert (status.rollback.outcome, status.rollback.error and status.rollback.error.name) == (
        "failed",
        "RollbackMissing",
    )
    assert status.rollback.error is not None
    assert '"d-1", "c-1", "b-1"' in status.rollback.error.message
    assert told(seen)[-3:] == ["rollback_step_errored d-1", "rollback_errored", "workflow_errored"]


async def test_recorded_steps_that_were_not_asked_for_are_listed_after_a_rollback(world: World) -> None:
    runs = list[int]()

    async def run(event: Event, step: Step) -> None:
        runs.append(1)
        await step.do("a", lambda: 1, rollback=Saga())
        if len(runs) == 1:
            await step.do("gone", lambda: 1)
        await step.sleep("z", 10)
        raise ValueError

    status = await world.run_twice(run)
    assert (outcome(status), status.unasked) == (("errored", "complete"), ("gone-1",))


async def test_what_run_has_opened_is_open_while_its_steps_are_undone(world: World) -> None:
    seen = list[str]()

    class Client:
        async def __aenter__(self) -> Self:
            self.open = True
            return self

        async def __aexit__(self, *_: object) -> None:
            self.open = False
            seen.append("closed")

    async def run(event: Event, step: Step) -> None:
        async with Client() as client:
            await step.do("a", lambda: 1, rollback=lambda _: seen.append(f"{client.open}"))
            await step.do("bad", boom, retries=ONCE)

    assert outcome(await world.run(run)) == ("errored", "complete")
    assert seen == ["closed", "True", "closed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rollback": 5}, 'Rollback for "s" must be a function'),
        ({"rollback_config": {"timeout": 1}}, 'Rollback for "s" must be a function'),
        ({"rollback": boom, "rollback_config": 5}, 'Rollback options for "s" must be an object'),
        ({"rollback": boom, "rollback_config": {"x": 1}}, 'Rollback config for "s" is in a invalid format'),
        (
            {"rollback": boom, "rollback_config": {"sensitive": "output"}},
            'Rollback config for "s" is in a invalid format',
        ),
        (
            {"rollback": boom, "rollback_config": {"retries": {"limit": 1}}},
            'Rollback config for "s" is in a invalid format',
        ),
    ],
)
async def test_wrong_options_are_refused(world: World, options: dict[str, Any], message: str) -> None:
    async def run(event: Event, step: Step) -> str:
        with pytest.raises(WorkflowFatalError) as error:
            await step.do("s", lambda: 1, **options)
        return str(error.value)

    output = (await world.run(run)).output
    assert output.startswith(message)


async def test_a_rollback_inside_another_step_is_refused(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        async def outer() -> str:
            await step.do("fine", lambda: 1)
            with pytest.raises(WorkflowFatalError, match="inside the function of another step"):
                await step.do("inner", lambda: 1, rollback=Saga())
            return "refused"

        return await step.do("outer", outer, rollback=Saga())

    assert (await world.run(run)).output == "refused"


async def test_a_rollback_has_its_turn_under_a_concurrency_limit(world: World) -> None:
    saga = Saga()

    async def run(event: Event, step: Step) -> None:
        await step.do("a", lambda: world.clock.sleep(5), rollback=saga)
        raise ValueError

    async with world.started(run, concurrency=1) as instance:
        binding: Any = world.engine.workflow("Flow")
        others = [await binding.create() for _ in range(3)]
        assert [outcome(await ended(one)) for one in (instance, *others)] == [("errored", "complete")] * 4
    assert len(saga.calls) == 4


async def test_decorated_steps_are_answered_or_held_too(world: World) -> None:
    saga, calls = Saga(), list[str]()

    async def run(event: Event, step: Step) -> None:
        @step.do("first")
        async def first() -> str:
            calls.append("first")
            return "from first"

        @step.do("slow")
        async def slow(first: str) -> None:
            calls.append(first)
            await world.clock.sleep(100)

        await first()
        await step.do("a", lambda: 1, rollback=saga)
        await slow()

    async with world.started(run) as instance:
        await world.later(5)
        await instance.terminate(rollback=True)
        assert outcome(await ended(instance)) == ("terminated", "complete")
    assert saga.names == ["a"]
    assert calls[0] == "first"
    assert calls.count("from first") == 1


async def test_a_decorator_takes_no_rollback(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        do: Any = step.do
        with pytest.raises(WorkflowFatalError, match="needs the plain form"):
            do("s", rollback=Saga())
        return "refused"

    assert (await world.run(run)).output == "refused"
