"""An instance that ends its process again and again is told apart from the others, and paused."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, named, workflow
from workflows import Engine, WorkflowError, WorkflowInstance

pytestmark = pytest.mark.anyio

DEADLY = ("run", "first step", "second step", "compensation")


class Deaths:
    """A file whose processes die; what they had written goes on in the next world."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.began: list[str] = []
        """Whose deadly or endless step began in the present life, in order."""
        self.healed = False
        self._folder = folder
        self._count = 0
        self._changed = asyncio.Event()

    async def kill(self, name: str = "killer") -> None:
        """What a step does that ends the process, as far as it comes: nobody hears of it again."""
        if self.healed:
            return
        self.began.append(name)
        self._changed.set()
        await asyncio.Event().wait()

    async def work(self, name: str, seconds: float) -> str:
        """A step that takes its time."""
        self.began.append(name)
        self._changed.set()
        await self.world.clock.sleep(seconds)
        return name

    async def until(self, *began: str) -> None:
        """Returns once these have begun, and no others."""
        async with asyncio.timeout(20):
            while len(self.began) < len(began):
                self._changed.clear()
                await self._changed.wait()
        assert tuple(self.began) == began

    async def live(
        self,
        flow: Any,
        act: Callable[[Engine], Awaitable[Any]] | None = None,
        *,
        dies: bool = True,
        **options: Any,
    ) -> None:
        """One life, in which `act` is done before it ends."""
        self.began, self._count = [], self._count + 1
        flows = flow if isinstance(flow, tuple) else (flow,)
        after = self.world
        async with self.world.open(*flows, **options) as engine:
            if act is None:
                await self.until("killer")
            else:
                await act(engine)
            if dies:
                after = self.world.as_killed(self._folder / f"life{self._count}")
        self.world = after


@pytest.fixture
def deaths(durable: World, tmp_path: Path) -> Deaths:
    """On every backend that outlives its process, hot and parked."""
    return Deaths(durable, tmp_path)


def killer(deaths: Deaths, where: str = "first step") -> Any:
    """A workflow that ends its process in `run()` itself, in a step, or while it is rolled back."""

    async def run(event: Event, step: Step) -> str:
        if where == "run":
            await deaths.kill()
        if where == "second step":
            await step.do("before", lambda: None)
        if where == "compensation":
            await step.do("before", lambda: None, rollback=undo)
            raise ValueError("undo")
        await step.do("kill", deaths.kill)
        return "survived"

    async def undo(ctx: Any) -> None:
        await deaths.kill()

    return named("Killer", workflow(run))


def first(deaths: Deaths, flow: Any) -> Callable[[Engine], Awaitable[None]]:
    """The first life of the killer alone."""

    async def create(engine: Engine) -> None:
        await engine.workflow(flow).create(id="k")
        await deaths.until("killer")

    return create


async def quarantined(instance: WorkflowInstance, processes: int = 3) -> str:
    """Fails unless it was paused; why."""
    async with asyncio.timeout(20):
        async for event in instance.subscribe():
            if event.type == "workflow_paused" and (await instance.status()).status == "paused":
                break
    status = await instance.status()
    assert status.reason is not None
    assert status.reason.startswith(f"{processes} processes in a row died while it ran")
    return status.reason


def held_by(world: World) -> list[Any]:
    """Which process has taken up what, and how many did so in vain; read from a file that nobody has open."""
    with closing(sqlite3.connect(world.path)) as file:
        return file.execute("SELECT name, process, claims FROM instance ORDER BY id").fetchall()


async def test_what_is_parked_paused_or_ended_is_nobodys(deaths: Deaths) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.wait_for_event("w", "go")

    flow = workflow(run)

    async def create(engine: Engine) -> None:
        for id in ("waits", "paused", "ended"):
            await engine.workflow(flow).create(id=id)
        await engine.workflow(flow).get("paused").pause()
        await engine.workflow(flow).get("ended").terminate()
        await deaths.world.later(1)

    await deaths.live(flow, create)
    waits, *others = held_by(deaths.world)
    assert waits == ("waits", None if deaths.world.park else 1, 1)
    assert others == [("paused", None, 1), ("ended", None, 1)]


@pytest.mark.parametrize("where", DEADLY)
async def test_it_is_paused_after_three_processes_and_after_three_more_once_it_is_resumed(
    deaths: Deaths, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    flow = killer(deaths, where)

    async def paused(engine: Engine) -> None:
        instance = engine.workflow(flow).get("k")
        reason = await quarantined(instance)
        assert "resume() tries it again, terminate() ends it" in reason
        assert deaths.began == []
        assert caplog.text.count(f'Killer "k" is paused: {reason}') == 1
        caplog.clear()

    async def resumed(engine: Engine) -> None:
        await paused(engine)
        await engine.workflow(flow).get("k").resume()
        await deaths.until("killer")
        assert (await engine.workflow(flow).get("k").status()).reason is None

    await deaths.live(flow, first(deaths, flow))
    for _ in range(3 if where in ("second step", "compensation") else 2):  # a life in which something ended
        await deaths.live(flow)
    await deaths.live(flow, resumed)
    for _ in range(2):
        await deaths.live(flow)
    await deaths.live(flow, paused)


@pytest.mark.parametrize("command", ["terminate", "restart", "delete"])
async def test_it_can_be_ended_or_begun_anew(deaths: Deaths, command: str) -> None:
    flow = killer(deaths)

    async def act(engine: Engine) -> None:
        instance = engine.workflow(flow).get("k")
        await quarantined(instance)
        await getattr(instance, command)()
        if command == "restart":
            await deaths.until("killer")
        left = [one.status for one in (await engine.workflow(flow).list()).instances]
        assert left == {"terminate": ["terminated"], "restart": ["running"], "delete": []}[command]

    await deaths.live(flow, first(deaths, flow))
    for _ in range(2):
        await deaths.live(flow)
    await deaths.live(flow, act)
    if command == "restart":
        for _ in range(2):
            await deaths.live(flow)
        await deaths.live(flow, lambda engine: quarantined(engine.workflow(flow).get("k")), dies=False)


async def test_the_number_of_processes_can_be_chosen(deaths: Deaths) -> None:
    flow = killer(deaths)

    await deaths.live(flow, first(deaths, flow), quarantine_after=None)
    for _ in range(5):
        await deaths.live(flow, quarantine_after=None)
    await deaths.live(flow, quarantine_after=8)
    await deaths.live(flow, quarantine_after=8)
    await deaths.live(
        flow, lambda engine: quarantined(engine.workflow(flow).get("k"), 8), quarantine_after=8, dies=False
    )


async def test_a_process_that_ends_in_order_begins_the_count_anew(deaths: Deaths) -> None:
    flow = killer(deaths)

    await deaths.live(flow, first(deaths, flow))
    await deaths.live(flow)
    await deaths.live(flow, lambda engine: deaths.until("killer"), dies=False)
    for _ in range(3):
        await deaths.live(flow)
    await deaths.live(flow, lambda engine: quarantined(engine.workflow(flow).get("k")), dies=False)


async def test_a_command_begins_the_count_anew(deaths: Deaths) -> None:
    flow = killer(deaths)

    async def command(engine: Engine) -> None:
        await deaths.until("killer")
        await engine.workflow(flow).get("k").pause()
        await engine.workflow(flow).get("k").resume()

    await deaths.live(flow, first(deaths, flow))
    await deaths.live(flow)
    await deaths.live(flow, command)
    for _ in range(2):
        await deaths.live(flow)
    await deaths.live(flow, lambda engine: quarantined(engine.workflow(flow).get("k")), dies=False)


def mixed(deaths: Deaths, seconds: float) -> tuple[Any, Any]:
    """A killer, and workflows with a step that takes so long."""

    async def run(event: Event, step: Step) -> str:
        done: str = await step.do("work", deaths.work, event.instance_id, seconds, timeout="1 hour")
        return done

    return killer(deaths), named("Worker", workflow(run))


def all_of(flows: tuple[Any, Any], deaths: Deaths) -> Callable[[Engine], Awaitable[None]]:
    """The first life: a worker, the killer, and another worker."""
    flow, worker = flows

    async def create(engine: Engine) -> None:
        await engine.workflow(worker).create(id="a")
        await engine.workflow(flow).create(id="k")
        await engine.workflow(worker).create(id="b")
        await deaths.until("a", "killer", "b")

    return create


def again(*began: str) -> Callable[[Deaths], Callable[[Engine], Awaitable[None]]]:
    """A life in which these begin."""
    return lambda deaths: lambda engine: deaths.until(*began)


async def test_suspects_are_tried_one_at_a_time(deaths: Deaths, caplog: pytest.LogCaptureFixture) -> None:
    flows = mixed(deaths, 1)
    flow, worker = flows

    async def rest(engine: Engine) -> None:
        assert await engine.workflow(worker).get("b").result() == "b"
        await quarantined(engine.workflow(flow).get("k"))
        assert deaths.began == ["b"]

    await deaths.live(flows, all_of(flows, deaths))
    await deaths.live(flows, again("a", "killer", "b")(deaths))
    started = deaths.world.clock.now()
    await deaths.live(flows, again("a", "killer")(deaths))
    assert (
        "3 instance(s) may have ended the process several times: they are taken up one at a time"
        in caplog.text
    )
    assert 1 <= deaths.world.clock.now() - started < 3  # the killer came when the step of the other had ended
    await deaths.live(flows, rest, dies=False)


async def test_one_that_takes_long_is_not_blamed_for_what_comes_after_it(deaths: Deaths) -> None:
    flows = mixed(deaths, 500)
    flow, worker = flows

    async def rest(engine: Engine) -> None:
        for id in "ab":
            assert await engine.workflow(worker).get(id).result() == id
        await quarantined(engine.workflow(flow).get("k"), 4)

    await deaths.live(flows, all_of(flows, deaths))
    await deaths.live(flows, again("a", "killer", "b")(deaths))
    started = deaths.world.clock.now()
    await deaths.live(flows, again("a", "killer")(deaths))
    assert 10 <= deaths.world.clock.now() - started < 12
    await deaths.live(flows, again("killer")(deaths))  # it came last, so it is the first one to be alone
    await deaths.live(flows, rest, dies=False)


async def test_one_that_kills_late_is_found_as_its_time_alone_grows(deaths: Deaths) -> None:
    """Two that take minutes, and one that ends the process half a minute after it has begun."""
    _, worker = mixed(deaths, 500)

    async def late(event: Event, step: Step) -> None:
        await step.do("kill", kill)

    async def kill() -> None:
        await deaths.work("late", 30)
        await deaths.kill()

    flows = named("Killer", workflow(late)), worker

    async def create(engine: Engine) -> None:
        await engine.workflow(flows[0]).create(id="k")
        for id in "ab":
            await engine.workflow(worker).create(id=id)
        await deaths.until("late", "a", "b", "killer")

    async def rest(engine: Engine) -> None:
        await quarantined(engine.workflow(flows[0]).get("k"), 6)
        for id in "ab":
            assert await engine.workflow(worker).get(id).result() == id

    await deaths.live(flows, create)
    await deaths.live(flows, again("late", "a", "b", "killer")(deaths))
    await deaths.live(flows, again("late", "a", "b", "killer")(deaths))  # each is tried for 10 seconds
    await deaths.live(
        flows, again("b", "late", "a", "killer")(deaths)
    )  # for 20, and the last one comes first
    await deaths.live(flows, again("a", "late", "killer")(deaths))  # for 40
    await deaths.live(flows, again("late", "killer")(deaths))
    await deaths.live(flows, rest, dies=False)


async def test_one_that_takes_very_long_is_not_blamed_for_being_there(deaths: Deaths) -> None:
    flows = mixed(deaths, 1_000)

    async def create(engine: Engine) -> None:
        await engine.workflow(flows[1]).create(id="a")
        await deaths.until("a")

    async def lives(engine: Engine) -> None:
        await deaths.until("a")
        await deaths.world.later(700)

    async def rest(engine: Engine) -> None:
        assert await engine.workflow(flows[1]).get("a").result() == "a"

    await deaths.live(flows, create)
    await deaths.live(flows, again("a")(deaths))
    for _ in range(2):
        await deaths.live(flows, lives)
    await deaths.live(flows, again("a")(deaths))
    await deaths.live(flows, rest, dies=False)


async def test_one_that_has_just_come_further_is_looked_at_before_a_suspect(deaths: Deaths) -> None:
    """Suspects wait until the others have come further: those are tried by that."""
    _, worker = mixed(deaths, 500)

    async def run(event: Event, step: Step) -> None:
        await step.do("before", lambda: None)
        await step.do("kill", kill)

    async def kill() -> None:
        await deaths.world.clock.sleep(1)
        await deaths.kill()

    flow = named("Killer", workflow(run))

    async def create(engine: Engine) -> None:
        await engine.workflow(worker).create(id="a")
        await deaths.until("a")

    async def both(engine: Engine) -> None:
        await engine.workflow(flow).create(id="k")
        await deaths.until("a", "killer")

    async def rest(engine: Engine) -> None:
        await quarantined(engine.workflow(flow).get("k"), 4)
        assert await engine.workflow(worker).get("a").result() == "a"

    await deaths.live((flow, worker), create)
    await deaths.live((flow, worker), both)
    for _ in range(2):
        await deaths.live((flow, worker))  # before the other one's turn, which gets no blame
    await deaths.live((flow, worker), again("a", "killer")(deaths))
    await deaths.live((flow, worker))
    await deaths.live((flow, worker), rest, dies=False)


async def test_who_waits_is_never_blamed(deaths: Deaths) -> None:
    async def run(event: Event, step: Step) -> str:
        await step.do("before", lambda: None)
        await step.sleep("z", "30 days")
        return "woken"

    flow, sleeper = killer(deaths), named("Sleeper", workflow(run))

    async def create(engine: Engine) -> None:
        for number in range(20):
            await engine.workflow(sleeper).create(id=f"s{number}")
        await deaths.world.later(1)
        await dies(engine)

    async def dies(engine: Engine) -> None:
        deaths.began = []
        await engine.workflow(flow).create()
        await deaths.until("killer")

    async def wakes(engine: Engine) -> None:
        for number in range(20):
            instance = engine.workflow(sleeper).get(f"s{number}")
            assert await instance.result() == "woken"
            status = await instance.status()
            assert status.finished_at is not None
            slept = status.finished_at - status.created_at
            assert slept.total_seconds() == pytest.approx(30 * 86_400, abs=1)

    await deaths.live((flow, sleeper), create)
    for _ in range(7):
        await deaths.live((flow, sleeper), dies)
    deaths.healed = True
    await deaths.live((flow, sleeper), wakes, dies=False)


async def test_who_has_no_slot_is_not_blamed(deaths: Deaths) -> None:
    flows = mixed(deaths, 1)
    flow, worker = flows

    async def create(engine: Engine) -> None:
        await engine.workflow(flow).create(id="k")
        for id in "ab":
            await engine.workflow(worker).create(id=id)
        await deaths.until("killer")

    async def rest(engine: Engine) -> None:
        for id in "ab":
            assert await engine.workflow(worker).get(id).result() == id
        await quarantined(engine.workflow(flow).get("k"))
        assert deaths.began == []

    await deaths.live(flows, create, concurrency=1)
    await deaths.live(flows, concurrency=1)
    rows = held_by(deaths.world)
    assert [(id, claims) for id, process, claims in rows if process is not None] == [("k", 2)]
    # Those that were queued have never run; now they come first, and the suspect waits for the only slot.
    await deaths.live(flows, lambda engine: deaths.until("a", "b", "killer"), concurrency=1)
    await deaths.live(flows, rest, dies=False, concurrency=1)


async def test_a_suspect_can_be_ended_before_its_turn(deaths: Deaths) -> None:
    flows = mixed(deaths, 500)
    flow, worker = flows

    async def end(engine: Engine) -> None:
        await engine.workflow(flow).get("k").terminate()
        for id in "ab":
            assert await engine.workflow(worker).get(id).result() == id
        assert (await engine.workflow(flow).get("k").status()).status == "terminated"
        assert deaths.began == ["a", "b"]

    await deaths.live(flows, all_of(flows, deaths))
    await deaths.live(flows, again("a", "killer", "b")(deaths))
    await deaths.live(flows, end, dies=False)


async def test_running_again_in_one_process_counts_nothing(world: World) -> None:
    calls: list[int] = []

    async def work() -> str:
        calls.append(1)
        await world.clock.sleep(100)
        return "done"

    async def run(event: Event, step: Step) -> str:
        return str(await step.do("work", work))

    async with world.started(run) as instance:
        for _ in range(6):
            await world.later(1)
            await world.engine.replay()
        assert (await ended(instance)).output == "done"
    assert len(calls) == 7


@pytest.mark.parametrize("after", [0, 2, "3", True, 3.0])
def test_less_than_three_processes_prove_nothing(world: World, after: Any) -> None:
    with pytest.raises(
        WorkflowError, match=r"quarantine_after is .*: give a whole number, 3 or more, or None"
    ):
        world.open(quarantine_after=after)
