"""The waking of parked instances: each when it is due, however small the window over them is."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from workflows.backend import NewInstance
from workflows.change import Change
from workflows.ledger import Birth, Ledger
from workflows.lifecycle import Command
from workflows.memory.ledger import MemoryLedger
from workflows.sqlite.ledger import SqliteLedger
from workflows.sqlite.store import Store
from workflows.testing import VirtualClock
from workflows.wakes import Wakes

pytestmark = pytest.mark.anyio


class Sleepers:
    """Instances of a ledger that are parked, claimed when they wake, and what has woken when."""

    def __init__(self, ledger: Ledger, clock: VirtualClock, *, window: int) -> None:
        self.ledger = ledger
        self.clock = clock
        self.wakes = Wakes(ledger, clock, self.rouse, window=window)
        self.woken: list[tuple[float, int]] = []
        self.most = 0
        self.began = clock.now()

    async def rouse(self, incarnations: list[int]) -> None:
        self.most = max(self.most, len(incarnations))
        for claim in await self.ledger.claim(incarnations):
            incarnation = claim.instance.ref.incarnation
            self.wakes.forget(incarnation)
            self.woken.append((self.clock.now() - self.began, incarnation))

    async def park(self, id: str, seconds: float, *types: str) -> int:
        birth = Birth(NewInstance("Flow", id, b""), self.began, free=True)
        [instance] = await self.ledger.insert([birth])
        assert instance is not None
        incarnation = instance.ref.incarnation
        assert await self.ledger.park(incarnation, 1, self.began + seconds, frozenset(types))
        self.wakes.parked(incarnation, self.began + seconds)
        return incarnation


@pytest.fixture(params=["memory", "sqlite"])
async def sleepers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sleepers]:
    clock = VirtualClock()
    async with await Store.open(tmp_path / "a.db", clock=clock) as store:
        ledger = MemoryLedger() if request.param == "memory" else await SqliteLedger.over(store)
        sleepers = Sleepers(ledger, clock, window=4)
        yield sleepers
        sleepers.wakes.close()


@pytest.mark.parametrize("opened", ["before", "after"])
async def test_each_wakes_when_it_is_due(sleepers: Sleepers, opened: str) -> None:
    chance = random.Random(1)
    dues = [chance.choice([5.0, 7.25, chance.uniform(0, 20)]) for _ in range(60)]
    if opened == "before":
        await sleepers.wakes.open(["Flow"])
    parked = [(due, await sleepers.park(f"i{n}", due)) for n, due in enumerate(dues)]
    if opened == "after":
        await sleepers.wakes.open(["Flow"])
    await sleepers.clock.sleep(30)
    assert [one for _, one in sleepers.woken] == [one for _, one in sorted(parked)]
    assert [when for when, _ in sleepers.woken] == pytest.approx(sorted(dues), abs=1e-6)
    sleepers.wakes.close()
    assert sleepers.clock._next_at() is None


async def test_one_that_is_parked_anew_at_the_edge_wakes_once(sleepers: Sleepers) -> None:
    await sleepers.wakes.open(["Flow"])
    parked = [await sleepers.park(f"i{n}", 10 + n) for n in range(12)]
    for claim in await sleepers.ledger.claim([parked[11]]):
        sleepers.wakes.forget(parked[11])
        assert await sleepers.ledger.park(parked[11], claim.epoch, sleepers.began + 10.5, frozenset())
        sleepers.wakes.parked(parked[11], sleepers.began + 10.5)
    await sleepers.clock.sleep(60)
    assert [one for _, one in sleepers.woken] == [parked[0], parked[11], *parked[1:11]]


async def test_what_waits_for_an_event_only_is_in_no_window(sleepers: Sleepers) -> None:
    await sleepers.wakes.open(["Flow"])
    incarnation = await sleepers.park("i", math.inf, "go")
    assert (len(sleepers.wakes._window), sleepers.clock._next_at()) == (0, None)
    assert (await sleepers.ledger.deliver(incarnation, "other", b"", 0.0)).wakes is False
    assert (await sleepers.ledger.deliver(incarnation, "go", b"", 0.0)).wakes is True
    assert (await sleepers.ledger.deliver(incarnation, "go", b"", 0.0)).wakes is False
    assert await sleepers.ledger.awake(["Flow"]) == [incarnation]
    sleepers.wakes.wake(incarnation)
    await asyncio.sleep(0.05)
    assert [one for _, one in sleepers.woken] == [incarnation]


async def test_a_park_is_refused_where_what_is_awaited_has_come(sleepers: Sleepers) -> None:
    birth = Birth(NewInstance("Flow", "i", b""), 0.0, free=True)
    await sleepers.ledger.insert([birth])
    await sleepers.ledger.deliver(1, "go", b"", 0.0)
    assert await sleepers.ledger.park(1, 1, math.inf, frozenset({"go"})) is False
    assert await sleepers.ledger.awake(["Flow"]) == [1]
    assert await sleepers.ledger.park(1, 1, math.inf, frozenset({"other"})) is True
    assert await sleepers.ledger.awake(["Flow"]) == []


async def test_those_of_other_workflows_rest(sleepers: Sleepers) -> None:
    await sleepers.park("i", 5)
    await sleepers.wakes.open(["Other"])
    await sleepers.clock.sleep(10)
    assert sleepers.woken == []
    assert await sleepers.ledger.unserved(["Other"]) == {"Flow": 1}


async def test_many_that_are_due_together_are_claimed_in_batches(
    sleepers: Sleepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.wakes._AT_ONCE", 10)
    parked = [await sleepers.park(f"i{n}", 5) for n in range(95)]
    await sleepers.wakes.open(["Flow"])
    await sleepers.clock.sleep(10)
    assert [one for _, one in sleepers.woken] == parked
    assert sleepers.most <= 10


async def test_a_clock_that_is_set_forward_wakes_what_it_has_passed(sleepers: Sleepers) -> None:
    await sleepers.wakes.open(["Flow"])
    first, _ = await sleepers.park("a", 100), await sleepers.park("b", 5_000)
    sleepers.clock.shift(-3_600)
    await asyncio.sleep(0)
    assert sleepers.woken == []
    sleepers.clock.shift(7_200)
    await sleepers.clock.sleep(1)
    assert [one for _, one in sleepers.woken] == [first]


@pytest.mark.parametrize("command", ["pause", "terminate", "delete"])
async def test_a_command_takes_a_row_out_of_those_that_wake(sleepers: Sleepers, command: Command) -> None:
    incarnation = await sleepers.park("i", 5, "go")
    await sleepers.ledger.transition(incarnation, Change(command, sleepers.began, 10))
    assert await sleepers.ledger.wakes(["Flow"], (-math.inf, 0), 10) == []
    assert await sleepers.ledger.awake(["Flow"]) == []


async def test_what_is_due_and_whose_event_has_come_share_a_batch(
    sleepers: Sleepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.wakes._AT_ONCE", 4)
    due = [await sleepers.park(f"d{n}", -1) for n in range(4)]
    called = [await sleepers.park(f"e{n}", math.inf, "go") for n in range(8)]
    for incarnation in called:
        await sleepers.ledger.deliver(incarnation, "go", b"", 0.0)
    await sleepers.wakes.open(["Flow"])
    sleepers.wakes.wake(*called)
    await sleepers.clock.sleep(1)
    order = [one for _, one in sleepers.woken]
    assert sorted(order[:4]) == sorted(due[:2] + called[:2])
    assert sorted(order) == sorted(due + called)
