"""Fibers: what was under way is known, however it ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, Fiber, FiberContext, InvalidFiber, NotRunning
from workflows import Store
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

HOUR = 3_600
Env = dict[str, Any]


class Weaver(Agent[Env, list[Any]]):
    initial_state: list[Any] = []

    async def on_start(self) -> None:
        self.env["log"].append("start")
        self.began = asyncio.Event()
        self.go = asyncio.Event()

    async def on_error(self, error: Exception) -> None:
        self.env["log"].append(f"error: {error}")

    async def on_fiber_recovered(self, fiber: Fiber) -> Any:
        self.env["told"].append(fiber)
        self.env["log"].append(f"told {fiber.name}")
        if self.env["hook"] is None:
            return None
        return await self.env["hook"](self, fiber)

    async def weave(self, name: str = "cloth") -> str:
        return await self.run_fiber(name, self.work)

    async def begin(self, name: str = "cloth", **options: Any) -> Fiber:
        return await self.start_fiber(name, self.work, **options)

    async def work(self, ctx: FiberContext) -> str:
        self.ctx_of_fiber = ctx
        self.found = ctx.snapshot
        await ctx.stash({"rows": 1})
        await ctx.stash({"rows": 2})
        assert ctx.snapshot == {"rows": 2}
        self.began.set()
        await self.go.wait()
        if ctx.name == "torn":
            raise RuntimeError("the thread is torn")
        return f"{ctx.name} is woven"

    async def call(self, verb: str, *arguments: Any, **options: Any) -> Any:
        return await getattr(self.fibers, verb)(*arguments, **options)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def env() -> Env:
    return {"log": [], "told": [], "hook": None}


@pytest.fixture
async def weavers(tmp_path: Path, clock: VirtualClock, env: Env) -> AsyncIterator[AgentsApp]:
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env) as weavers:
        yield weavers


async def kept(folder: Path, clock: VirtualClock) -> list[tuple[Any, ...]]:
    """The fibers in the file of an app that does not run."""
    async with await Store.open(folder / "agents.db", clock=clock) as store:
        return await store.read("SELECT name, status, owed FROM agent_fiber ORDER BY number")


async def odd(ctx: FiberContext) -> None:
    await ctx.stash(object())


async def leave(folder: Path, clock: VirtualClock, env: Env, *, retained: bool = False) -> None:
    """A fiber that is cut off by the end of its app."""
    async with AgentsApp([Weaver], data=folder, clock=clock, env=env) as weavers:
        weaver = await weavers.get_agent(Weaver, "a")
        if retained:
            await weaver.begin(key="k", metadata={"for": "ann"})
        weaving = None if retained else asyncio.create_task(weaver.weave())
        await weaver.began.wait()
    if weaving is not None:
        with pytest.raises(NotRunning, match="was cut off by its end"):
            await weaving
    env["log"].clear()


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.05)


async def test_a_fiber_gives_what_its_function_returns(tmp_path: Path, clock: VirtualClock, env: Env) -> None:
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env) as weavers:
        weaver = await weavers.get_agent(Weaver, "a")
        weaver.go.set()
        assert await weaver.weave() == "cloth is woven"
        assert weaver.found is None
        with pytest.raises(RuntimeError, match="the thread is torn"):
            await weaver.weave("torn")
        with pytest.raises(InvalidFiber, match="cannot be the snapshot of a fiber"):
            await weaver.run_fiber("odd", odd)
        assert await weaver.fibers.list() == []
    assert await kept(tmp_path, clock) == []
    assert env["log"] == ["start"]


async def test_whoever_is_cancelled_leaves_nothing(tmp_path: Path, clock: VirtualClock, env: Env) -> None:
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env) as weavers:
        weaver = await weavers.get_agent(Weaver, "a")
        weaving = asyncio.create_task(weaver.weave())
        await weaver.began.wait()
        weaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await weaving
        weaving = asyncio.create_task(weaver.weave())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        weaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await weaving
    assert await kept(tmp_path, clock) == []


async def test_a_fiber_keeps_its_agent_alive(tmp_path: Path, clock: VirtualClock, env: Env) -> None:
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env, idle_after=60) as weavers:
        weaver = await weavers.get_agent(Weaver, "a")
        await weaver.start_fiber("long", lambda ctx: clock.sleep(HOUR))
        del weaver
        await clock.sleep(HOUR - 1)
        await weavers.get_agent(Weaver, "a")
        assert env["log"] == ["start"]
        await clock.sleep(HOUR)
        await weavers.get_agent(Weaver, "a")
        assert env["log"] == ["start", "start"]


async def test_an_interrupted_fiber_is_told_before_the_start_and_forgotten(
    tmp_path: Path, clock: VirtualClock, env: Env
) -> None:
    await leave(tmp_path, clock, env)
    assert await kept(tmp_path, clock) == [("cloth", "running", 1)]
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env):
        await clock.sleep(1)  # nobody asks for the agent
    assert env["log"] == ["told cloth", "start"]
    [fiber] = env["told"]
    assert (fiber.name, fiber.status, fiber.snapshot, fiber.retained) == (
        "cloth",
        "interrupted",
        {"rows": 2},
        False,
    )
    assert fiber.created <= datetime.fromtimestamp(clock.now(), UTC)
    assert await kept(tmp_path, clock) == []


async def test_a_hook_that_raises_is_called_again(tmp_path: Path, clock: VirtualClock, env: Env) -> None:
    at: list[float] = []

    async def fail_twice(weaver: Weaver, fiber: Fiber) -> None:
        at.append(clock.now())
        if len(at) < 3:
            raise RuntimeError("not yet")

    await leave(tmp_path, clock, env)
    env["hook"] = fail_twice
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env, idle_after=1):
        await clock.sleep(60)
        assert [round(later - at[0]) for later in at] == [0, 2, 6]
    failed = ["told cloth", "error: not yet"]
    assert env["log"] == [*failed, "start", *failed, "told cloth"]
    assert await kept(tmp_path, clock) == []


@pytest.mark.parametrize(("max_age", "calls"), [(100.0, 7), (0, 8)])
async def test_a_hook_that_always_raises_is_given_up_after_a_day(
    tmp_path: Path,
    clock: VirtualClock,
    env: Env,
    monkeypatch: pytest.MonkeyPatch,
    max_age: float,
    calls: int,
) -> None:
    async def fail(weaver: Weaver, fiber: Fiber) -> None:
        raise RuntimeError("never")

    await leave(tmp_path, clock, env, retained=True)
    monkeypatch.setattr(Weaver, "fiber_recovery_max_age", max_age)
    env["hook"] = fail
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env) as weavers:
        await clock.sleep(300)  # 2 + 4 + 8 + 16 + 32 + 64 seconds make six more calls
        assert len(env["told"]) == calls
        weaver = await weavers.get_agent(Weaver, "a")
        fiber = await weaver.fibers.get_by_key("k")
        assert fiber is not None
        assert (fiber.status, fiber.error) == ("interrupted", "RuntimeError: never")
        await clock.sleep(HOUR)
        assert (len(env["told"]) == calls) is bool(max_age)
        if not max_age:
            told = len(env["told"])
            await clock.sleep(HOUR)
            assert len(env["told"]) - told == HOUR / 300
            assert await weaver.fibers.resolve(fiber.id, "aborted")
            told = len(env["told"])
            await clock.sleep(HOUR)
            assert len(env["told"]) == told  # somebody has said what became of it
    assert [owed for _, _, owed in await kept(tmp_path, clock)] == [0]


async def test_a_stop_does_not_wait_for_the_next_attempt(
    tmp_path: Path, clock: VirtualClock, env: Env, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(weaver: Weaver, fiber: Fiber) -> None:
        raise RuntimeError("never")

    await leave(tmp_path, clock, env)
    caplog.clear()
    env["hook"] = fail
    for _ in range(2):
        async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env):
            await clock.sleep(3)
    assert len(env["told"]) == 3  # at each start, and two seconds after the first
    assert "was still at work" not in caplog.text


async def test_a_hook_that_hangs_does_not_hold_up_the_start_for_ever(
    tmp_path: Path, clock: VirtualClock, env: Env
) -> None:
    async def hang(weaver: Weaver, fiber: Fiber) -> None:
        await clock.sleep(HOUR)
        env["log"].append("heard")

    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env) as weavers:
        weaver = await weavers.get_agent(Weaver, "a")
        for name in ("cloth", "linen"):
            await weaver.begin(name)
        await weaver.began.wait()
    env["log"].clear()
    env["hook"] = hang
    began = clock.now()
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env) as weavers:
        await weavers.get_agent(Weaver, "a")
        assert clock.now() - began == pytest.approx(10)
        await clock.sleep(2 * HOUR)
    assert env["log"] == ["told cloth", "start", "told linen", "heard", "heard"]


async def test_a_hook_may_begin_the_work_anew(tmp_path: Path, clock: VirtualClock, env: Env) -> None:
    async def anew(weaver: Weaver, fiber: Fiber) -> None:
        await weaver.set_state([fiber.snapshot])
        await weaver.start_fiber("again", lambda ctx: ctx.stash(1))

    await leave(tmp_path, clock, env)
    env["hook"] = anew
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env) as weavers:
        weaver = await weavers.get_agent(Weaver, "a")
        await clock.sleep(1)
        assert weaver.state == [{"rows": 2}]
        assert [fiber.status for fiber in await weaver.fibers.list(name="again")] == ["completed"]


async def test_what_is_started_is_retained(weavers: AgentsApp, clock: VirtualClock, env: Env) -> None:
    weaver = await weavers.get_agent(Weaver, "a")
    fiber = await weaver.begin(metadata={"for": "ann"}, key="k")
    assert (fiber.status, fiber.accepted, fiber.started) == ("pending", True, None)
    assert fiber.metadata == {"for": "ann"}
    await weaver.began.wait()
    again = await weaver.begin("other", key="k")
    assert (again.id, again.name, again.accepted, again.status) == (fiber.id, "cloth", False, "running")
    assert (await weaver.begin(id=fiber.id)).accepted is False
    weaver.go.set()
    done = await weaver.begin(key="k", wait=True)
    assert (done.accepted, done.status, done.snapshot, done.error) == (False, "completed", {"rows": 2}, None)
    assert done.ended is not None
    torn = await weaver.begin("torn", wait=True)
    assert (torn.status, torn.error) == ("error", "RuntimeError: the thread is torn")
    assert env["log"] == ["start", "error: the thread is torn"]
    assert [one.id for one in await weaver.fibers.list()] == [fiber.id, torn.id]
    assert [one.id for one in await weaver.fibers.list(after=fiber.id)] == [torn.id]
    assert [one.id for one in await weaver.fibers.list(status="completed")] == [fiber.id]
    assert await weaver.fibers.get("nope") is None
    other = await weavers.get_agent(Weaver, "b")
    assert await other.fibers.get(fiber.id) is None
    assert (await other.begin(key="k")).accepted is True


async def test_what_a_cancelled_caller_has_started_runs(weavers: AgentsApp, clock: VirtualClock) -> None:
    weaver = await weavers.get_agent(Weaver, "a")
    starting = asyncio.create_task(weaver.begin(key="k"))
    await asyncio.sleep(0)  # it is on its way to the file
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await asyncio.wait_for(weaver.began.wait(), 5)
    weaver.go.set()
    assert (await weaver.begin(key="k", wait=True)).status == "completed"


async def test_a_cancelled_fiber_is_aborted(weavers: AgentsApp, clock: VirtualClock) -> None:
    weaver = await weavers.get_agent(Weaver, "a")
    waiting = asyncio.create_task(weaver.begin(key="k", wait=True))
    await weaver.began.wait()
    assert await weaver.fibers.cancel_by_key("k")
    aborted = await waiting
    assert (aborted.status, weaver.ctx_of_fiber.cancelled) == ("aborted", True)
    assert (await weaver.fibers.cancel(aborted.id), await weaver.fibers.cancel_by_key("?")) == (False, False)


async def test_a_fiber_that_does_not_heed_stays_aborted(weavers: AgentsApp, clock: VirtualClock) -> None:
    weaver = await weavers.get_agent(Weaver, "a")

    async def stubborn(ctx: FiberContext) -> None:
        while not ctx.cancelled:
            try:
                await clock.sleep(HOUR)
            except asyncio.CancelledError:
                await clock.sleep(1)

    fiber = await weaver.start_fiber("stubborn", stubborn)
    await clock.sleep(1)
    assert await weaver.fibers.cancel(fiber.id)
    await clock.sleep(HOUR)
    found = await weaver.fibers.get(fiber.id)
    assert found is not None
    assert found.status == "aborted"


async def test_a_retained_fiber_is_interrupted_until_somebody_knows(
    tmp_path: Path, clock: VirtualClock, env: Env
) -> None:
    await leave(tmp_path, clock, env, retained=True)
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env) as weavers:
        weaver = await weavers.get_agent(Weaver, "a")
        fiber = await weaver.begin(key="k")
        assert (fiber.status, fiber.accepted, fiber.snapshot) == ("interrupted", False, {"rows": 2})
        assert (env["told"][0].metadata, env["told"][0].key) == ({"for": "ann"}, "k")
        assert await weaver.fibers.delete() == 0
        assert await weaver.fibers.resolve(fiber.id, "error", error="lost")
        assert await weaver.fibers.resolve(fiber.id) is False
        found = await weaver.fibers.get(fiber.id)
        assert found is not None
        assert (found.status, found.error) == ("error", "lost")
        assert await weaver.fibers.delete(before=found.ended) == 0
        assert await weaver.fibers.delete(fiber.id) == 1
        assert await weaver.fibers.list() == []
    assert len(env["told"]) == 1


async def test_the_hook_may_say_what_became_of_it(tmp_path: Path, clock: VirtualClock, env: Env) -> None:
    async def done(weaver: Weaver, fiber: Fiber) -> str:
        return "completed" if len(env["told"]) > 1 else "whatever"

    await leave(tmp_path, clock, env, retained=True)
    env["hook"] = done
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env):
        await clock.sleep(5)
    assert env["log"][1] == (
        'error: on_fiber_recovered returned \'whatever\': it may return None, "completed", "aborted", "error"'
    )
    assert await kept(tmp_path, clock) == [("cloth", "completed", 0)]


class Late(Agent[Env, None]):
    async def on_stop(self) -> None:
        for begin in (self.run_fiber, self.start_fiber):
            try:
                await begin("late", self.work)
            except NotRunning as error:
                self.env["log"].append(str(error))

    async def work(self, ctx: FiberContext) -> None:
        self.env["log"].append("worked")


async def test_nothing_is_begun_at_the_end_of_a_life(tmp_path: Path, clock: VirtualClock, env: Env) -> None:
    async with AgentsApp([Late], data=tmp_path, clock=clock, env=env) as app:
        await app.get_agent(Late, "a")
    assert [text.partition(":")[0] for text in env["log"]] == ["the agent is stopping"] * 2
    assert await kept(tmp_path, clock) == []


class Mill(Agent[Env, None]):
    async def weaver(self) -> Weaver:
        return await self.sub_agent(Weaver, "w")

    async def stop_weaving(self) -> bool:
        return await self.children.abort(Weaver, "w")


async def test_an_abort_interrupts(tmp_path: Path, clock: VirtualClock, env: Env) -> None:
    async with AgentsApp([Mill], sub_agents=[Weaver], data=tmp_path, clock=clock, env=env) as mills:
        mill = await mills.get_agent(Mill, "a")
        weaver = await mill.weaver()
        weaving = asyncio.create_task(weaver.weave())
        await weaver.began.wait()
        del weaver
        assert await mill.stop_weaving()
        with pytest.raises(NotRunning, match="was aborted"):
            await weaving
        await clock.sleep(5)  # nobody asks for it
    assert env["log"] == ["start", "told cloth", "start"]


async def test_a_destroyed_agent_has_no_fibers(tmp_path: Path, clock: VirtualClock, env: Env) -> None:
    async with AgentsApp([Weaver], data=tmp_path, clock=clock, env=env) as weavers:
        weaver = await weavers.get_agent(Weaver, "a")
        await weaver.begin()
        await weaver.began.wait()
        weaver.go.set()
        await weaver.destroy()
    assert await kept(tmp_path, clock) == []


@pytest.mark.parametrize(
    ("verb", "options", "why"),
    [
        ("start", {"id": ""}, "empty id or key"),
        ("start", {"metadata": object()}, "cannot be the metadata of a fiber"),
        ("resolve", {"id": "x", "status": "running"}, "'running' is no end of a fiber"),
        ("delete", {"status": ["running"]}, "cannot be deleted"),
    ],
)
async def test_what_does_not_fit_is_refused(
    weavers: AgentsApp, verb: str, options: dict[str, Any], why: str
) -> None:
    weaver = await weavers.get_agent(Weaver, "a")
    call = weaver.begin(**options) if verb == "start" else weaver.call(verb, **options)
    with pytest.raises(InvalidFiber, match=why):
        await call
    assert await weaver.fibers.list() == []
