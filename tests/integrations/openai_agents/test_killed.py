"""Agents whose process is killed in mid-run: what is recorded is not done again, and the end is the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from integrations.llm.testing import Asked, Reply, ScriptedModel
from tests.integrations.nursery import Nursery
from tests.integrations.openai_agents.travelling import FINAL, TURNS, script, turn

pytestmark = pytest.mark.anyio

RESULT = f"result {[FINAL, 'guide', len(TURNS), 15 * len(TURNS)]}"
USED = ["used book Paris", "used weather Paris", "used weather Rome"]
STEPS = [
    "travel-1",
    *(f"travel/model {number}-1" for number in range(1, len(TURNS) + 1)),
    *("travel/weather call_1-1", "travel/weather call_2-1", "travel/book call_3-1"),
]


@pytest.fixture(scope="module")
async def nursery() -> AsyncIterator[Nursery]:
    async with Nursery("tests.integrations.openai_agents.kill_program") as nursery:
        yield nursery


def used(lines: Sequence[str]) -> list[str]:
    return sorted(line for line in lines if line.startswith("used"))


async def test_undisturbed(nursery: Nursery, tmp_path: Path) -> None:
    async with ScriptedModel(script) as model:
        lines = await (await nursery.fork(str(tmp_path / "1.db"), model.url, "")).ended()
    assert RESULT in lines
    assert used(lines) == USED
    recorded = [line for line in lines if line.startswith("recorded")]
    assert sorted(recorded) == sorted(f"recorded {name}" for name in STEPS)


@pytest.mark.parametrize("held", range(len(TURNS)))
async def test_while_the_model_is_asked(nursery: Nursery, tmp_path: Path, held: int) -> None:
    first = True

    def holding(asked: Asked) -> Reply:
        nonlocal first
        if turn(asked) == held and first:
            first = False
            return Reply("lost", hold=asyncio.Event())
        return script(asked)

    async with ScriptedModel(holding) as model:
        life = await nursery.fork(str(tmp_path / "1.db"), model.url, "")
        await model.was_asked(held + 1)
        life.kill()
        before = await life.ended()
        after = await (await nursery.fork(str(tmp_path / "1.db"), model.url, "")).ended()
    assert RESULT in after
    assert used([*before, *after]) == USED
    assert len(model.asked) == len(TURNS) + 1
    assert model.asked[held].body == model.asked[held + 1].body


@pytest.mark.parametrize(
    ("stuck", "recorded"),
    [("weather Rome", ["travel/weather call_1-1"]), ("book Paris", ["travel/model 3-1"])],
)
async def test_while_a_tool_works(
    nursery: Nursery, tmp_path: Path, stuck: str, recorded: Sequence[str]
) -> None:
    async with ScriptedModel(script) as model:
        life = await nursery.fork(str(tmp_path / "1.db"), model.url, stuck)
        await life.said(f"used {stuck}", *(f"recorded {name}" for name in recorded))
        life.kill()
        before = await life.ended()
        asked = len(model.asked)
        after = await (await nursery.fork(str(tmp_path / "1.db"), model.url, "")).ended()
    assert RESULT in after
    assert used([*before, *after]) == sorted([*USED, f"used {stuck}"])  # the one that was cut off, twice
    assert len(model.asked) == len(TURNS)
    assert 0 < asked < len(TURNS)
