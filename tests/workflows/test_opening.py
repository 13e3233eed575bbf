"""Engines that cannot open, and classes and options that cannot be taken."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import Event, Step, World, ended, named, workflow
from workflows import (
    Engine,
    EngineClosed,
    Store,
    StoreError,
    WorkflowError,
    WorkflowFailed,
    WorkflowFatalError,
)
from workflows.clock import SystemClock

pytestmark = pytest.mark.anyio


async def nothing(event: Event, step: Step) -> None: ...


async def test_a_file_of_a_newer_release_is_refused_and_let_go(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "a.db", [workflow(nothing)])
    async with engine:
        await engine.store.write(lambda file: file.execute("UPDATE schema SET version = 99"))
    for _ in range(2):
        with pytest.raises(StoreError, match="open it with the newer release"):
            await engine.open()
    async with await Store.open(tmp_path / "a.db", clock=SystemClock()):
        pass


async def test_a_closed_engine_does_not_replay() -> None:
    with pytest.raises(EngineClosed, match="not open"):
        await Engine(":memory:", [workflow(nothing)]).replay()


@pytest.mark.parametrize("name", ["Straße", "a b", "x" * 65])
def test_a_class_whose_name_cannot_be_kept_is_refused(name: str) -> None:
    with pytest.raises(WorkflowError, match="is not a workflow name: use ASCII letters"):
        Engine(":memory:", [named(name, workflow(nothing))])


class Precise(float):
    """As numpy.float64: a float that JSON does not know."""


@pytest.mark.parametrize("number", [timedelta(seconds=20), Precise(20), "20 seconds"])
async def test_options_may_be_any_duration_and_hold_after_a_replay(tmp_path: Path, number: Any) -> None:
    world, calls = World(str(tmp_path / "a.db")), list[float]()

    async def fail() -> None:
        calls.append(world.clock.now())
        raise ValueError

    async def run(event: Event, step: Step) -> None:
        await step.do("s", fail, retries={"limit": 1, "delay": number}, timeout=number)

    assert (await world.run_twice(run)).status == "errored"
    assert [at - calls[0] for at in calls] == [0, 20]


@pytest.mark.parametrize("retries", [5, "twice", [("limit", 1)]])
async def test_retries_that_are_no_dict_are_refused(retries: Any) -> None:
    async def run(event: Event, step: Step) -> str:
        with pytest.raises(WorkflowFatalError, match="must be a dict with limit and delay"):
            await step.do("s", lambda: 1, retries=retries)
        return "went on"

    assert (await World(":memory:").run(run)).output == "went on"


async def test_a_terminated_instance_has_no_result() -> None:
    async def run(event: Event, step: Step) -> None:
        await step.wait_for_event("w", "never")

    async with World(":memory:").started(run) as instance:
        await instance.terminate()
        with pytest.raises(WorkflowFailed, match=r'Flow "i" is terminated$'):
            await instance.result()
        assert (await ended(instance)).error is None


@pytest.mark.parametrize("path", [":memory:", "a.db"])
async def test_a_handle_of_a_closed_engine_says_so(tmp_path: Path, path: str) -> None:
    async def run(event: Event, step: Step) -> None:
        await step.wait_for_event("w", "never")

    async with World(path if path == ":memory:" else str(tmp_path / path)).started(run) as instance:
        pass
    for use in (instance.result, instance.status, instance.terminate, lambda: ended(instance)):
        with pytest.raises(EngineClosed):
            await use()


@pytest.mark.parametrize("path", [":memory:", "a.db"])
async def test_whoever_asks_while_the_engine_is_being_closed_is_answered_or_told(
    tmp_path: Path, path: str
) -> None:
    """At whatever moment: nobody hears of the file, and nobody takes the silence for an end."""

    async def run(event: Event, step: Step) -> None:
        await step.wait_for_event("w", "never")

    world = World(path if path == ":memory:" else str(tmp_path / path))
    asked: list[asyncio.Future[object]] = []
    async with world.open(workflow(run)) as engine:
        binding = engine.workflow("Flow")
        instance = await binding.create(id="i")

        async def followed() -> None:
            async for _ in instance.subscribe():
                pass

        closing = asyncio.ensure_future(engine.close())
        while not closing.done():
            asks = (instance.status, instance.result, followed, binding.list, instance.export)
            asked += [asyncio.ensure_future(ask()) for ask in asks]
            await asyncio.sleep(0)
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [one for one in told if isinstance(one, Exception) and not isinstance(one, EngineClosed)] == []
    assert None not in told  # that would be a subscription which has ended
