"""Turns: one at a time for each key, first come, first served, and nothing is kept."""

from __future__ import annotations

import asyncio

import pytest

from workflows.turns import Turns

pytestmark = pytest.mark.anyio


async def turns_go_by(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_one_at_a_time_in_the_order_of_coming() -> None:
    turns, seen = Turns(), list[str]()

    async def work(name: str) -> None:
        async with turns.of(1):
            seen.append(f"{name} in")
            await turns_go_by()
            seen.append(f"{name} out")

    await asyncio.gather(*map(work, "abc"))
    assert seen == ["a in", "a out", "b in", "b out", "c in", "c out"]
    assert turns._taken == {}


async def test_others_are_not_held_up() -> None:
    turns = Turns()
    async with turns.of(1), turns.of(2):
        assert not turns.take_now(1)
        assert turns.take_now(3)
        turns.give(3)
    assert turns._taken == {}


async def test_a_turn_that_was_handed_over_is_not_taken_by_who_comes_meanwhile() -> None:
    turns = Turns()
    await turns.take(1)
    second = asyncio.create_task(turns.take(1))
    await turns_go_by()
    turns.give(1)
    assert not turns.take_now(1)
    await second
    turns.give(1)
    assert turns._taken == {}


@pytest.mark.parametrize("given", [False, True])
async def test_who_is_cancelled_while_it_waits_passes_its_turn_on(given: bool) -> None:
    turns = Turns()
    await turns.take(1)
    cancelled, last = asyncio.create_task(turns.take(1)), asyncio.create_task(turns.take(1))
    await turns_go_by()
    if given:
        turns.give(1)
        cancelled.cancel()
    else:
        cancelled.cancel()
        await turns_go_by()
        turns.give(1)
    await last
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    turns.give(1)
    assert turns._taken == {}
