"""F12: poison. Whatever the code of one instance does, its own end says so, and all others go on."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.contract.world import Event, Step, workflow
from tests.fault.exiting import GOOD, STEPS
from tests.fault.poisons import HUNDRED_MB, POISONS, Poison, never
from workflows import Engine, InstanceStatus

pytestmark = pytest.mark.anyio

NEIGHBOURS = 8
ROUNDS = 20


@dataclass
class Neighbours:
    """Instances that do no harm: steps on the loop and in threads, waits, and an event at the end."""

    calls: int = 0

    async def body(self, event: Event, step: Step) -> int:
        total = 0
        for number in range(ROUNDS):
            total += await step.do(f"loop {number}", self.on_the_loop)
        total += await step.do("thread", self.in_a_thread)
        await step.sleep("short", 0.05)
        received = await step.wait_for_event("go", "go", timeout=60)
        return total + int(received.payload)

    async def on_the_loop(self) -> int:
        self.calls += 1
        await asyncio.sleep(0)
        return 1

    def in_a_thread(self) -> int:
        self.calls += 1
        return 1


def programs(poison: Poison) -> tuple[Any, Any, Neighbours]:
    """The workflow that has the poison, the one that has not, and what is known of the latter."""
    neighbours = Neighbours()

    async def run(event: Event, step: Step) -> Any:
        await step.do("before", lambda: None)
        given = {} if poison.retries is None else {"retries": poison.retries}
        return await step.do("poison", poison.function, timeout=poison.timeout, **given)

    good = type("Good", (workflow(neighbours.body),), {})
    return type("Bad", (workflow(run),), {}), good, neighbours


async def over(engine: Engine, flow: Any) -> InstanceStatus:
    """How the one instance has ended, which has been waited for."""
    instance = engine.workflow(flow).get("bad")
    async with asyncio.timeout(30):
        async for _ in instance.subscribe():
            pass
    return await instance.status()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Any:
    never.clear()
    yield
    never.set()


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
async def test_only_the_instance_suffers_that_has_the_poison(poison: Poison, tmp_path: Path) -> None:
    bad, good, neighbours = programs(poison)
    async with Engine(tmp_path / "engine.db", workflows=[bad, good]) as engine:
        others = [await engine.workflow(good).create() for _ in range(NEIGHBOURS)]
        await engine.workflow(bad).create(id="bad")
        late = await engine.workflow(good).create()
        status = await over(engine, bad)
        for instance in (*others, late):
            await instance.send_event("go", 100)
        async with asyncio.timeout(30):
            results = [await instance.result() for instance in (*others, late)]
        assert engine.health.ok
    assert results == [ROUNDS + 1 + 100] * (NEIGHBOURS + 1)
    assert neighbours.calls == (ROUNDS + 1) * (NEIGHBOURS + 1)
    assert (status.error.name if status.error else None) == poison.error
    assert status.status == ("complete" if poison.error is None else "errored")
    async with Engine(tmp_path / "engine.db", workflows=[bad, good]) as engine:  # and it stays so
        assert await engine.workflow(bad).get("bad").status() == status
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < HUNDRED_MB / 10  # noqa: ASYNC240


def lived(database: Path, word: str) -> subprocess.CompletedProcess[str]:
    """One life of a program whose step ends the process when the word is `exit`."""
    command = [sys.executable, "-m", "tests.fault.exiting", str(database), word]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_step_that_ends_the_process_costs_the_others_a_restart_and_nothing_else(tmp_path: Path) -> None:
    database = tmp_path / "engine.db"
    for _ in range(2):
        assert lived(database, "exit").returncode == 7
    healed = lived(database, "healed")
    assert healed.returncode == 0, healed.stderr
    report = json.loads(healed.stdout.splitlines()[-1])
    assert report.pop("bad") == ["complete", "healed", None]
    assert report == {f"good-{number}": ["complete", STEPS, None] for number in range(GOOD)}
    calls = Counter(database.with_suffix(".calls").read_text(encoding="utf-8").splitlines())
    assert len(calls) == GOOD * STEPS
    assert max(calls.values()) <= 3  # a call whose record was on its way is repeated in the next life
    assert sum(calls.values()) <= GOOD * (STEPS + 2)
