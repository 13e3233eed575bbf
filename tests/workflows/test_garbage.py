"""The collector of reference cycles looks less often while engines are open, and as before afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from workflows import Engine

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
