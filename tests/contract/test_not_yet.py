"""`NotYet`: a step that cannot begin is called again, which uses up none of its retries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import ONCE, Event, Step, World, ended
from workflows import NotYet

pytestmark = pytest.mark.anyio


class Turn:
    """Comes at `at`; a step before asks again every `after` seconds."""

    def __init__(self, world: World, at: float, after: float = 60.0) -> None:
        self.world = world
        self.at = world.started_at + at
        self.after = after
        self.asked: list[float] = []

    def __call__(self) -> str:
        now = self.world.clock.now()
        self.asked.append(now - self.world.started_at)
        if now < self.at:
            raise NotYet("it is not my turn", after=self.after)
        return "done"


async def test_it_is_called_again_though_no_retry_is_left(world: World) -> None:
    turn = Turn(world, at=180)

    async def run(event: Event, step: Step) -> Any:
        return await step.do("s", turn, retries=ONCE)

    async with world.started(run) as instance:
        events = [event async for event in instance.subscribe()]
        assert (await instance.status()).output == "done"
    assert turn.asked == [0, 60, 120, 180]
    waits = [event for event in events if event.type == "attempt_errored"]
    assert [event.retry_delay for event in waits] == [60, 60, 60]
    assert {event.error and event.error.name for event in waits} == {"NotYet"}


async def test_failures_in_between_use_up_retries_as_ever(world: World) -> None:
    calls: list[int] = []

    def fails() -> None:
        calls.append(len(calls))
        if len(calls) % 2:
            raise NotYet("wait", after=1)
        raise ConnectionError

    async def run(event: Event, step: Step) -> Any:
        await step.do("s", fails, retries={"limit": 2, "delay": 1})

    assert (await world.run(run)).status == "errored"
    assert len(calls) == 6  # three failed, three had to wait


async def test_the_instance_waits_meanwhile_also_past_a_crash(world: World, tmp_path: Path) -> None:
    if world.path == ":memory:":
        pytest.skip("what is in memory does not outlive its process")
    turn = Turn(world, at=1, after=3_600)

    async def run(event: Event, step: Step) -> Any:
        return await step.do("s", turn, retries=ONCE)

    async with world.started(run) as instance:
        await world.later(100)
        assert (await instance.status()).status == "waiting"
        again = world.as_killed(tmp_path / "killed")
        await instance.terminate()
    turn.world = again
    async with again.reopened(run) as instance:
        assert (await ended(instance)).output == "done"
    assert again.clock.now() - world.started_at == pytest.approx(3_600)


@pytest.mark.parametrize("after", [-1, float("inf"), float("nan")])
def test_a_wait_that_is_none_is_refused(after: float) -> None:
    with pytest.raises(ValueError, match="give seconds, 0 or more"):
        NotYet("x", after=after)
