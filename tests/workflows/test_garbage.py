"""The collector of reference cycles looks less often while engines are open, and as before afterwards."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def set_back() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def opened() -> Engine:
    return Engine(":memory:", workflows=[])


@pytest.mark.parametrize("usual", [700, 2_000])
async def test_it_looks_less_often_while_an_engine_is_open(usual: int) -> None:
    gc.set_threshold(usual, 11, 12)
    async with opened():
        assert gc.get_threshold() == (50_000, 11, 12)
        async with opened():
            assert gc.get_threshold() == (50_000, 11, 12)
        assert gc.get_threshold() == (50_000, 11, 12)
    assert gc.get_threshold() == (usual, 11, 12)


async def test_a_threshold_of_the_program_is_kept() -> None:
    gc.set_threshold(5_000)
    async with opened():
        assert gc.get_threshold()[0] == 5_000
        gc.set_threshold(6_000)
    assert gc.get_threshold()[0] == 6_000


class Waiting(WorkflowEntrypoint[None, None]):
    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> None:
        await step.wait_for_event("the end", "end")


async def test_the_more_runs_are_in_memory_the_less_often_it_looks() -> None:
    gc.set_threshold(700)
    async with Engine(":memory:", workflows=[Waiting]) as engine:
        binding = engine.workflow(Waiting)
        for first in range(0, 300, 100):
            await binding.create_batch([{"id": f"w{first + number}"} for number in range(100)])
        assert gc.get_threshold()[0] == 50_000 + 256 * 200
        await asyncio.gather(*(binding.get(f"w{number}").terminate() for number in range(300)))
        assert gc.get_threshold()[0] == 50_000
    assert gc.get_threshold()[0] == 700
