"""`step.race`: one durable winner; losers are cancelled, or left to their end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import pytest
from pydantic import BaseModel

from tests.contract.test_children import child, doubled, forever, statuses
from tests.contract.world import ONCE, Event, Step, World, ended, history, workflow
from workflows import AmbiguousStepName, Raced, StepError, WorkflowError

pytestmark = pytest.mark.anyio


class Slow:
    """A function of a step that takes its time; it counts its calls and its cancellations."""

    def __init__(self, world: World, seconds: float, error: Exception | None = None) -> None:
        self._world = world
        self._seconds = seconds
        self._error = error
        self.calls = 0
        self.cancelled = 0
        self.ends = 0

    async def __call__(self) -> float:
        self.calls += 1
        try:
            await self._world.clock.sleep(self._seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        self.ends += 1
        if self._error is not None:
            raise self._error
        return self._seconds


class Note(BaseModel):
    text: str


@pytest.mark.parametrize("winner", ["step", "sleep", "event", "child", "function"])
async def test_whoever_ends_first_wins_on_every_run(world: World, winner: str) -> None:
    flow = child(doubled)
    seen: list[Raced[Any]] = []

    async def two_steps(step: Step, seconds: float) -> str:
        await step.sleep("in a function", seconds)
        return await step.do("last", lambda: "both")

    async def run(event: Event, step: Step) -> str:
        first: Any = dict.fromkeys(("step", "sleep", "function"), 100) | {winner: 5}
        branches: dict[str, Coroutine[Any, Any, Any]] = {
            "sleep": step.sleep("z", first["sleep"]),
            "step": step.do("s", Slow(world, first["step"])),
            "event": step.wait_for_event("w", "note", payload=Note),
            "child": step.run_workflow("c", flow, 4, on_parent_end="terminate"),
            "function": two_steps(step, first["function"]),
        }
        raced = await step.race("r", branches)
        seen.append(raced)
        await step.sleep("after", 1_000)
        return raced.winner

    parent = workflow(run)
    async with world.open(parent, flow) as engine:
        instance = await engine.workflow(parent).create(id="p")
        await world.later(3)
        if winner == "event":
            await instance.send_event("note", Note(text="hi"))
        await world.later(50)
        await engine.replay()
        status = await ended(instance)
        assert (status.output, status.unasked) == (winner, ())
        if winner != "child":
            assert await statuses(engine, flow) == ["terminated"]
    assert len(seen) >= 2
    assert seen[0] == seen[1]
    values = {"step": 5, "sleep": None, "child": 8, "function": "both"}
    assert seen[0].value.payload == Note(text="hi") if winner == "event" else seen[0].value == values[winner]


async def test_the_winner_stays_although_the_loser_has_its_result_too(world: World) -> None:
    """A replay answers both at once; the call order would make the other one win."""

    async def run(event: Event, step: Step) -> str:
        branches = {"slow": step.do("a", Slow(world, 9)), "fast": step.do("b", Slow(world, 2))}
        raced = await step.race("r", branches, losers="leave")
        await step.sleep("z", 100)
        return raced.winner

    async with world.started(run) as instance:
        await world.later(50)
        await world.engine.replay()
        assert await instance.result() == "fast"


async def test_before_it_is_recorded_the_winner_is_decided_again(durable: World) -> None:
    """A crash between the end of a branch and that of the race: somebody wins, and then it stays."""
    winners: list[str] = []

    async def run(event: Event, step: Step) -> str:
        branches = {"a": step.do("a", lambda: 1), "b": step.do("b", lambda: 2)}
        raced = await step.race("r", branches, losers="leave")
        winners.append(raced.winner)
        await step.sleep("z", 5)
        return raced.winner

    async with durable.started(run) as instance:
        await durable.later(1)
        for _ in range(5):
            await durable.engine.replay()
        assert await instance.result() in ("a", "b")
    assert len(set(winners)) == 1


@pytest.mark.parametrize("error", [ValueError("no"), type("Strange", (Exception,), {})("no")])
async def test_the_error_of_the_first_to_end_is_raised_alike(world: World, error: Exception) -> None:
    seen: list[tuple[type, str]] = []

    async def run(event: Event, step: Step) -> str:
        failing = step.do("f", Slow(world, 2, error), retries=ONCE)
        try:
            await step.race("r", {"failing": failing, "late": step.sleep("late", 100)})
        except (ValueError, StepError) as caught:
            seen.append((type(caught), str(caught)))
        await step.sleep("after", 10)
        return "went on"

    assert (await world.run_twice(run)).output == "went on"
    assert len(seen) >= 2
    assert set(seen) in ({(ValueError, "no")}, {(StepError, "Strange: no")})


async def test_a_failure_that_nobody_catches_ends_the_instance(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        failing = step.do("f", lambda: 1 / 0, retries=ONCE)
        await step.race("r", {"failing": failing, "late": step.sleep("late", 100)})

    status = await world.run(run)
    assert status.error is not None
    assert status.error.name == "ZeroDivisionError"


async def test_cancellation_reaches_the_function_of_a_loser_and_it_is_not_called_again(world: World) -> None:
    slow = Slow(world, 100)

    async def run(event: Event, step: Step) -> str:
        raced = await step.race("r", {"slow": step.do("s", slow), "limit": step.sleep("limit", 2)})
        await step.sleep("after", 500)
        return raced.winner

    async with world.started(run) as instance:
        await world.later(10)
        assert (slow.calls, slow.cancelled) == (1, 1)
        await world.engine.replay()
        assert await instance.result() == "limit"
    assert (slow.calls, slow.cancelled) == (1, 1)


async def test_losers_that_are_left_go_on_to_their_end_also_after_a_crash(world: World) -> None:
    slow = Slow(world, 1)

    async def branch(step: Step) -> float:
        await step.sleep("first", 20)
        return await step.do("then", slow)

    async def run(event: Event, step: Step) -> str:
        raced = await step.race("r", {"slow": branch(step), "fast": step.sleep("z", 2)}, losers="leave")
        await step.sleep("after", 100)
        return raced.winner

    async with world.started(run) as instance:
        await world.later(10)
        await world.engine.replay()
        status = await ended(instance)
    assert (status.output, status.unasked, slow.ends) == ("fast", (), 1)


async def test_a_loser_that_was_left_may_fail(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        late = step.do("f", Slow(world, 20, ValueError("late")), retries=ONCE)
        raced = await step.race("r", {"late": late, "fast": step.sleep("z", 2)}, losers="leave")
        await step.sleep("after", 100)
        return raced.winner

    assert (await world.run_twice(run)).output == "fast"


async def test_cancelled_sleeps_leave_no_timer_alive(world: World) -> None:
    """Pitfall 24: a durable timer goes with its wait."""

    async def run(event: Event, step: Step) -> str:
        limits = {f"z{days}": step.sleep(f"z{days}", f"{days} days") for days in (100, 200, 300)}
        never = step.wait_for_event("w", "never", timeout="300 days")
        raced = await step.race("r", {"now": step.sleep("now", 2), "never": never, **limits})
        await step.do("after", lambda: None)
        return raced.winner

    async with world.started(run) as instance:
        assert await instance.result() == "now"
        await world.later(10)
        assert world.clock.now() < world.started_at + 100


async def test_a_cancelled_wait_swallows_no_event(world: World) -> None:
    """Pitfall 24: what comes after the race stays for the next wait."""

    async def run(event: Event, step: Step) -> Any:
        raced = await step.race("r", {"go": step.wait_for_event("w1", "go"), "limit": step.sleep("limit", 2)})
        await step.sleep("between", 10)
        return [raced.winner, (await step.wait_for_event("w2", "go")).payload]

    async with world.started(run) as instance:
        await world.later(5)
        await instance.send_event("go", "kept")
        await world.engine.replay()
        assert await instance.result() == ["limit", "kept"]


@pytest.mark.parametrize("seed", range(3))
async def test_events_that_race_with_a_time_limit_are_received_exactly_once(world: World, seed: int) -> None:
    """Pitfall 9: an event that comes in the moment in which its wait loses is not lost."""
    count = 150
    chance = random.Random(seed)

    async def run(event: Event, step: Step) -> Any:
        received: list[int] = []
        limits = turn = 0
        while len(received) < count:
            turn += 1
            branches: dict[str, Any] = {
                "limit": step.sleep(f"z{turn}", 1),
                "go": step.wait_for_event(f"w{turn}", "go"),
            }
            raced = await step.race(f"r{turn}", dict(chance.sample(list(branches.items()), 2)))
            if raced.winner == "go":
                received.append(raced.value.payload)
            else:
                limits += 1
        return [received, limits > 10]

    async with world.started(run) as instance:
        for number in range(count):
            await instance.send_event("go", number)
            for _ in range(chance.choice((0, 0, 1, 2, 3, 5, 8))):
                await asyncio.sleep(0)
            if chance.randrange(2):
                await world.later(chance.choice((0.5, 1, 1, 2)))  # at the instants of the limits, too
        assert await instance.result() == [list(range(count)), True]


async def test_two_events_at_once_are_both_received(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        raced = await step.race("r", {kind: step.wait_for_event(kind, kind) for kind in "ab"})
        other = "b" if raced.winner == "a" else "a"
        return [raced.value.payload, (await step.wait_for_event("other", other)).payload]

    async with world.started(run) as instance:
        await asyncio.gather(*(instance.send_event(kind, kind) for kind in "ab"))
        assert sorted(await instance.result()) == ["a", "b"]


class Paths:
    """Async functions as branches, which use one name; it records what each call was given."""

    def __init__(self, step: Step) -> None:
        self.step = step

    async def path(self, seconds: float) -> list[int]:
        mine = await self.step.do("shared", lambda: int(seconds))
        await self.step.sleep(f"rest {seconds}", seconds)
        return [mine, int(seconds)]


@pytest.mark.parametrize("fast", [0, 1, 2])
async def test_names_in_functions_stay_theirs_when_only_the_winner_runs_again(
    world: World, fast: int
) -> None:
    seen: list[Any] = []

    async def run(event: Event, step: Step) -> Any:
        paths = Paths(step)
        raced = await step.race("r", {str(n): paths.path(1 if n == fast else 50 + n) for n in range(3)})
        seen.append((raced.winner, raced.value))
        await step.sleep("after", 100)
        return "done"

    status = await world.run_twice(run)
    assert (status.output, status.unasked) == ("done", ())
    assert len(seen) >= 2
    assert seen == [(str(fast), [1, 1])] * len(seen)


async def test_a_name_of_a_loser_is_not_free_again_after_a_replay(world: World) -> None:
    seen: list[str] = []

    async def loser(step: Step) -> int:
        await step.do("name", lambda: 1)
        await step.sleep("long", 100)
        return 1

    async def run(event: Event, step: Step) -> str:
        await step.race("r", {"loser": loser(step), "winner": step.sleep("z", 2)})
        await step.sleep("between", 10)
        try:
            await step.do("name", lambda: 2)
        except AmbiguousStepName as error:
            seen.append(str(error))
        await step.sleep("after", 10)
        return "done"

    async with world.started(run) as instance:
        for _ in range(3):
            await world.later(7)
            await world.engine.replay()
        assert await instance.result() == "done"
    assert len(set(seen)) == 1


async def test_steps_that_a_loser_calls_while_it_is_cancelled_are_known_on_a_replay(world: World) -> None:
    cleaned: list[str] = []

    async def loser(step: Step) -> None:
        try:
            await step.sleep("long", 100)
        finally:
            await step.do("clean up", lambda: cleaned.append("once"))

    async def run(event: Event, step: Step) -> str:
        raced = await step.race("r", {"loser": loser(step), "winner": step.sleep("z", 2)})
        assert len(cleaned) == 1
        await step.sleep("after", 10)
        return raced.winner

    status = await world.run_twice(run)
    assert (status.output, status.unasked, cleaned) == ("winner", (), ["once"])


async def test_a_shared_step_that_a_loser_has_begun_is_done_once(world: World) -> None:
    done: list[str] = []

    async def run(event: Event, step: Step) -> Any:
        @step.do("fetch")
        async def fetch() -> int:
            done.append("fetch")
            return 1

        @step.do("first")
        async def first(fetch: int) -> int:
            return fetch + 1

        @step.do("second")
        async def second(fetch: int) -> int:
            return fetch + 2

        async def branch() -> int:
            value = await first()
            await step.sleep("long", 100)
            return value

        raced = await step.race("r", {"slow": branch(), "limit": step.sleep("limit", 5)})
        await step.sleep("between", 10)
        value = await second()
        await step.sleep("after", 10)
        return [raced.winner, value]

    async with world.started(run) as instance:
        for _ in range(4):
            await world.later(4)
            await world.engine.replay()
        assert await instance.result() == ["limit", 3]
    assert done == ["fetch"]


async def test_a_race_may_be_a_branch_of_another(world: World) -> None:
    async def run(event: Event, step: Step) -> Any:
        inner = step.race("inner", {"a": step.sleep("a", 3), "b": step.sleep("b", 50)})
        raced = await step.race("outer", {"inner": inner, "c": step.sleep("c", 20)})
        await step.sleep("after", 100)
        return [raced.winner, raced.value.winner if raced.value else None]

    status = await world.run_twice(run)
    assert (status.output, status.unasked) == (["inner", "a"], ())


async def test_races_run_side_by_side(world: World) -> None:
    async def one(step: Step, number: int) -> str:
        raced = await step.race(
            f"r{number}",
            {"even": step.sleep(f"even{number}", 1 + number % 2), "odd": step.sleep(f"odd{number}", 1.5)},
        )
        return raced.winner

    async def run(event: Event, step: Step) -> Any:
        winners = await asyncio.gather(*(one(step, number) for number in range(20)))
        await step.sleep("after", 100)
        return winners

    assert (await world.run_twice(run)).output == ["even", "odd"] * 10


@pytest.mark.parametrize("times", [0, 1])
async def test_a_race_that_is_cancelled_cancels_its_branches(world: World, times: int) -> None:
    slow = Slow(world, 1_000)

    async def run(event: Event, step: Step) -> str:
        racing = asyncio.ensure_future(
            step.race("r", {"slow": step.do("s", slow), "late": step.sleep("late", 1_000)})
        )
        await step.sleep("a little", 3)
        racing.cancel()
        await asyncio.gather(racing, return_exceptions=True)
        assert slow.cancelled == 1, "the race ends after its branches"
        await step.sleep("after", 10)
        return "went on"

    async with world.started(run) as instance:
        await world.later(5)
        for _ in range(times):
            await world.engine.replay()
        assert await instance.result() == "went on"
    assert (slow.calls, slow.cancelled) == (1, 1)
    assert world.clock.now() < world.started_at + 100


async def test_nothing_ends_a_race_while_the_instance_is_paused(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        raced = await step.race("r", {"a": step.sleep("a", 10), "b": step.sleep("b", 20)})
        return raced.winner

    async with world.started(run) as instance:
        await world.later(5)
        await instance.pause()
        await world.later(100)
        assert (await instance.status()).status == "paused"
        await instance.resume()
        assert await instance.result() == "a"


async def test_a_race_that_waits_is_seen_as_waiting(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        return (await step.race("r", {"a": step.sleep("a", 10), "b": step.sleep("b", 20)})).winner

    async with world.started(run) as instance:
        await world.later(5)
        assert (await instance.status()).status == "waiting"


async def test_a_terminated_race_leaves_nothing_running(world: World) -> None:
    slow = Slow(world, 100)

    async def run(event: Event, step: Step) -> str:
        return (await step.race("r", {"a": step.do("s", slow), "b": step.sleep("b", 200)})).winner

    async with world.started(run) as instance:
        await world.later(5)
        await instance.terminate()
        await world.later(1)
        assert (slow.calls, slow.cancelled) == (1, 1)


async def test_a_race_that_is_rewound_is_run_again(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        raced = await step.race("r", {"go": step.wait_for_event("w", "go"), "limit": step.sleep("limit", 10)})
        return raced.winner

    async with world.started(run) as instance:
        assert (await ended(instance)).output == "limit"
        await instance.restart(from_step="r", kind="race")
        await world.later(2)
        await instance.send_event("go")
        assert await instance.result() == "go"


async def test_the_history_tells_who_has_won(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        return (await step.race("r", {"a": step.sleep("a", 1), "b": step.sleep("b", 2)})).winner

    async with world.started(run) as instance:
        types = await history(instance)
        [won] = [event async for event in instance.subscribe(filter=["race_completed"])]
    assert (won.step_name, won.winner) == ("r-1", "a")
    assert [type for type in types if "race" in type or "sleep" in type] == [
        "race_started",
        "sleep_started",
        "sleep_started",
        "sleep_completed",
        "race_completed",
    ]


WRONG: dict[str, Any] = {
    "has no branches": lambda step: step.race("r", {}),
    "give a dict": lambda step: step.race("r", [step.sleep("z", 1)]),
    "give a coroutine": lambda step: step.race("r", {"a": step.sleep("z", 1), "b": 5}),
    "one coroutine twice": lambda step: step.race("r", dict.fromkeys("ab", step.sleep("z", 1))),
    "'forget'": lambda step: step.race("r", {"a": step.sleep("z", 1)}, losers="forget"),
    "called 1": lambda step: step.race("r", {1: step.sleep("z", 1)}),
    "invalid characters": lambda step: step.race("", {"a": step.sleep("z", 1)}),
}


@pytest.mark.parametrize("said", WRONG)
async def test_a_race_that_is_called_wrongly_says_so(world: World, said: str) -> None:
    async def run(event: Event, step: Step) -> str:
        with pytest.raises(WorkflowError, match=said):
            await WRONG[said](step)
        return "went on"

    assert (await world.run(run)).output == "went on"


async def test_a_branch_that_the_code_no_longer_has_pauses_the_instance(durable: World) -> None:
    def flow(*names: str) -> Any:
        async def run(event: Event, step: Step) -> str:
            raced = await step.race("r", {name: step.sleep(name, n + 1) for n, name in enumerate(names)})
            await step.sleep("after", 100)
            return raced.winner

        return run

    async with durable.started(flow("a", "b")):
        await durable.later(5)
    async with durable.reopened(flow("b", "c")) as instance:
        await durable.later(100)  # a parked one is run when it wakes
        status = await instance.status()
        assert status.status == "paused"
        assert 'it was won by branch "a"' in str(status.reason)


async def test_losing_children_end_and_winning_ones_need_nobody_else(world: World) -> None:
    quick, never = child(doubled), child(forever)
    never.__name__ = "Never"

    async def run(event: Event, step: Step) -> Any:
        raced = await step.race(
            "r",
            {
                "quick": step.run_workflow("q", quick, 4),
                "left": step.run_workflow("l", never),
                "ended": step.run_workflow("e", never, on_parent_end="terminate"),
            },
        )
        return [raced.winner, raced.value]

    parent = workflow(run)
    async with world.open(parent, quick, never) as engine:
        instance = await engine.workflow(parent).create(id="p")
        assert await instance.result() == ["quick", 8]
        assert await statuses(engine, never) == ["waiting", "terminated"]


@pytest.mark.parametrize("seed", range(8))
async def test_results_do_not_depend_on_the_order_in_which_branches_end(world: World, seed: int) -> None:
    """Pitfall 17: names are taken when steps are called; crashes and the order of ends change nothing."""
    chance = random.Random(seed)
    order = chance.sample(range(6), 6)

    def work(number: int) -> int:
        return number * 10

    async def waited(step: Step, number: int) -> int:
        value = await step.do("threaded", work, number)
        await step.sleep(f"rest {number}", 1 + order[number])
        return value + await step.do(f"more {number}", lambda: number)

    async def run(event: Event, step: Step) -> Any:
        both = await asyncio.gather(*(waited(step, number) for number in range(6)))
        limits = {str(number): step.sleep("limit", 1 + order[number]) for number in range(6)}
        raced = await step.race("r", limits)
        return [both, int(raced.winner)]

    async with world.started(run) as instance:
        for _ in range(6):
            await world.later(chance.uniform(0, 2))
            await world.engine.replay()
        assert await instance.result() == [[number * 11 for number in range(6)], order.index(0)]


@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("nested", [True, False])
async def test_steps_of_a_race_are_undone_those_of_losers_too(
    world: World, decided: bool, nested: bool
) -> None:
    undone: list[str] = []
    under_way: list[asyncio.Future[Any]] = []

    def reserved(step: Step, name: str, seconds: float) -> Coroutine[Any, Any, float]:
        return step.do(name, Slow(world, seconds), rollback=lambda done: undone.append(name))

    async def branch(step: Step) -> float:
        return await reserved(step, "function", 50)

    async def run(event: Event, step: Step) -> None:
        first = await reserved(step, "before", 1)
        loser = branch(step) if nested else reserved(step, "loser", 50)
        racing = step.race("r", {"loser": loser, "winner": reserved(step, "winner", 5 if decided else 60)})
        if decided:
            await racing
        else:
            under_way.append(asyncio.ensure_future(racing))
            await step.sleep("z", 10)
        raise ValueError(f"as wished {first}")

    status = await world.run(run)
    assert status.rollback is not None
    assert status.rollback.outcome == "complete"
    assert sorted(undone) == sorted(["before", "function" if nested else "loser", "winner"])
