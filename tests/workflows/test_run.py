"""Runs that are let go while steps are under way, and files that take no more writes."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, history
from workflows import EngineClosed, StoreError, WorkflowFailed, WorkflowInstance

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    return World(":memory:")


async def fill(world: World) -> None:
    """From now on the disk is full."""
    world.engine.store.patience = 0
    [[pages]] = await world.engine.store.read("PRAGMA page_count")
    await world.engine.store.write(lambda file: file.execute(f"PRAGMA max_page_count={pages + 4}"))


async def until_refused(instance: WorkflowInstance) -> None:
    for _ in range(1_000):
        await instance.pause()
        await instance.resume()


@pytest.mark.parametrize("path", [":memory:", "a.db"])
async def test_a_restart_amid_quick_steps_takes_the_run_away(tmp_path: Path, path: str) -> None:
    world, runs = World(path if path == ":memory:" else str(tmp_path / path)), list[int]()

    async def run(event: Event, step: Step) -> int:
        runs.append(1)
        while len(runs) == 1:
            await step.do("quick", lambda: 1)
        return len(runs)

    async with world.started(run, step_limit=10**9) as instance:
        await instance.restart()
        assert (await ended(instance)).output == 2


async def test_a_step_that_ends_after_terminate_records_nothing(world: World) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def polite() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            over.set()
        return "too late"

    async def run(event: Event, step: Step) -> str:
        return await step.do("s", polite)

    async with world.started(run) as instance:
        await begun.wait()
        await instance.terminate()
        with pytest.raises(WorkflowFailed, match="is terminated"):
            await instance.result()
        await over.wait()
        assert (await history(instance))[-3:] == ["step_started", "attempt_started", "workflow_terminated"]


async def test_a_loop_around_a_step_does_not_spin_after_terminate(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("workflows.driver._GRACE", 0.01)
    refused, over = list[int](), asyncio.Event()

    async def run(event: Event, step: Step) -> None:
        while not over.is_set():
            try:
                await step.wait_for_event("w", "go")
            except asyncio.CancelledError:
                refused.append(1)

    with caplog.at_level(logging.WARNING, "workflows"):
        async with world.started(run) as instance:
            await world.later(1)
            await instance.terminate()
    over.set()
    assert len(refused) <= 3
    assert f'Flow "i" ignores its cancellation at {__file__}' in caplog.text


async def test_a_step_that_is_cancelled_twice_is_cut_once(world: World) -> None:
    async def run(event: Event, step: Step) -> str:
        waiting = asyncio.ensure_future(step.sleep("w", 100))
        await step.sleep("z", 1)
        for _ in range(3):
            waiting.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await step.sleep("more", 10)
        return "went on"

    assert (await world.run_twice(run)).output == "went on"


async def test_a_step_that_is_cancelled_while_paused_does_not_disturb_resume(world: World) -> None:
    paused, go = asyncio.Event(), asyncio.Event()

    async def run(event: Event, step: Step) -> str:
        await paused.wait()
        blocked = [asyncio.ensure_future(step.do(name, lambda: 1)) for name in ("a", "b")]
        await asyncio.sleep(0)
        await go.wait()
        blocked[0].cancel()
        return str(await blocked[1])

    async with world.started(run) as instance:
        await asyncio.sleep(0)
        await instance.pause()
        paused.set()
        await asyncio.sleep(0.001)
        go.set()
        await instance.resume()
        assert (await ended(instance)).output == "1"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_who_asks_for_a_run_that_broke_off_learns_why(tmp_path: Path, when: str) -> None:
    world, full, left = World(str(tmp_path / "a.db")), asyncio.Event(), asyncio.Event()

    async def run(event: Event, step: Step) -> None:
        try:
            await full.wait()
            doomed = asyncio.ensure_future(step.do("large", lambda: "x" * 500_000))
            await asyncio.Event().wait()
        finally:
            left.set()
            assert doomed.done()

    async with world.started(run) as instance:
        await fill(world)
        early = asyncio.gather(instance.result(), ended(instance), return_exceptions=True)
        await asyncio.sleep(0)
        full.set()
        await left.wait()
        seen = await early
        if when == "after":
            seen = await asyncio.gather(instance.result(), ended(instance), return_exceptions=True)
        assert [isinstance(one, StoreError) and "full" in str(one) for one in seen] == [True, True]


async def test_a_cut_that_cannot_be_written_breaks_the_run_off(tmp_path: Path) -> None:
    world, full = World(str(tmp_path / "a.db")), asyncio.Event()

    async def run(event: Event, step: Step) -> None:
        stuck = [asyncio.ensure_future(step.do(f"{n:0200}", asyncio.Event().wait)) for n in range(200)]
        await asyncio.sleep(0)
        await full.wait()
        for one in stuck:
            one.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        await step.wait_for_event("w", "never")

    async with world.started(run) as instance:
        await fill(world)
        full.set()
        with pytest.raises(StoreError, match="full"):
            await instance.result()


async def test_a_command_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    world = World(str(tmp_path / "a.db"))

    async def run(event: Event, step: Step) -> Any:
        return (await step.wait_for_event("w", "go")).payload

    async with world.started(run) as instance:
        world.engine.store.patience = 0
        await world.engine.store.write(lambda file: file.execute("PRAGMA max_page_count=1"))
        with pytest.raises(StoreError, match="full"):
            await until_refused(instance)
        assert (await instance.status()).status in ("running", "waiting", "paused")


async def test_subscribers_learn_that_the_engine_was_closed(world: World) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.wait_for_event("w", "never")

    async with world.started(run) as instance:
        following = asyncio.ensure_future(ended(instance))
        await world.later(1)
    with pytest.raises(EngineClosed, match="goes on when opened"):
        await following


async def test_two_may_wait_for_one_end(world: World) -> None:
    async def run(event: Event, step: Step) -> int:
        return len((await step.wait_for_event("w", "go")).type)

    async with world.started(run) as instance:
        waiting = [asyncio.ensure_future(instance.result()) for _ in range(3)]
        await world.later(1)
        waiting.pop().cancel()
        await instance.send_event("go")
        assert await asyncio.gather(*waiting) == [2, 2]
