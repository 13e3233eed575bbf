"""A call that ends its process each time is found, and given up; the others are called."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflows.timers.killer import HOUR, INNOCENT, KILLERS
from tests.workflows.timers.ticking import ticking
from workflows.timers.realm import Timer

pytestmark = pytest.mark.anyio
INNOCENTS = {f"innocent {number}" for number in range(INNOCENT)}
GIVEN_UP = (
    "EndsItsProcess: 3 processes in a row have died while it was called, the last one with no other overdue "
    "call under way: see what it does, then redrive it"
)


def live(folder: Path, kind: str, life: int, *, dies: bool) -> list[str]:
    command = [sys.executable, "-m", "tests.workflows.timers.killer", str(folder), kind, str(life)]
    ended = subprocess.run(command, capture_output=True, check=False, text=True, timeout=30)
    assert ended.returncode == (7 if dies else 0), ended.stderr
    return ended.stdout.splitlines()


def called(said: list[str]) -> set[str]:
    return {line.removeprefix("calls ") for line in said if line.startswith("calls ")}


@pytest.mark.parametrize("kind", KILLERS)
def test_after_three_deaths_of_which_it_was_alone_in_the_last(tmp_path: Path, kind: str) -> None:
    live(tmp_path, kind, 0, dies=False)
    for life in (1, 2):
        together = live(tmp_path, kind, life, dies=True)
        assert called(together) == {*INNOCENTS, "killer"}
        assert not [line for line in together if line.startswith("ended")]

    alone = live(tmp_path, kind, 3, dies=True)
    assert alone[-1] == "calls killer"
    before = alone[:-1]
    assert before == [  # one after the other, each to its end
        word for one in sorted(called(before)) for word in (f"calls {one}", f"ended {one}")
    ]

    after = live(tmp_path, kind, 4, dies=False)
    assert called(before) | called(after) == INNOCENTS
    assert {line.removeprefix("ended ") for line in before + after if line.startswith("ended")} == INNOCENTS
    state = "dead" if kind == "once" else "pending"
    vain = 3 if kind == "once" else 0
    assert after[-1] == f"{state} killer, {vain} in vain: {GIVEN_UP}"


async def test_a_process_that_ends_in_order_was_not_ended_by_what_it_called(tmp_path: Path) -> None:
    async def hang(timer: Timer) -> None:
        began.set()
        await asyncio.Event().wait()

    async with ticking(tmp_path / "timers.db", quarantine_after=3) as world:
        timer = await world.timers.add("ann", "greets", HOUR)
    for hours in range(2, 8):
        began = asyncio.Event()
        async with ticking(tmp_path / "timers.db", down=hours * HOUR, quarantine_after=3) as world:
            world.then = hang
            await began.wait()
            assert world.calls[-1].vain == 1
            await world.timers.close(0)
    async with ticking(tmp_path / "timers.db", down=9 * HOUR, quarantine_after=3) as world:
        await world.clock.sleep(1)
        assert [call.id for call in world.calls] == [timer.id]
        assert await world.timers.find() == []


async def test_an_error_is_no_death(tmp_path: Path) -> None:
    async def fail(timer: Timer) -> None:
        raise RuntimeError("no")

    async with ticking(tmp_path / "timers.db", quarantine_after=3) as world:
        await world.timers.add("ann", "greets", HOUR)
    for hours in range(2, 5):
        async with ticking(tmp_path / "timers.db", down=hours * HOUR, quarantine_after=3) as world:
            world.then = fail
            await world.clock.sleep(1)
            [timer] = await world.timers.find()
            assert (timer.attempt, timer.vain) == (hours - 1, 0)
