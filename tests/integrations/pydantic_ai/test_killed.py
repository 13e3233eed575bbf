"""An agent whose process is killed in mid-run: what is recorded is not done again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from integrations.llm.testing import Asked, Reply, ScriptedModel
from tests.integrations.nursery import Nursery
from tests.integrations.pydantic_ai.travelling import BANK, RESULT, TURNS, USED, asks_bank, script, turn

pytestmark = pytest.mark.anyio

END = f"result {RESULT} {len(TURNS)}"
STEPS = [
    "travel-1",
    *("travel/model 1-1", "travel/weather call_1-1", "travel/weather call_2-1", "travel/model 2-1"),
    *("travel/ask_the_bank call_3/model 1-1", "travel/ask_the_bank call_3/rate call_5-1"),
    *("travel/ask_the_bank call_3/model 2-1", "travel/ask_the_bank call_3-1", "travel/model 3-1"),
]


@pytest.fixture(scope="module")
async def nursery() -> AsyncIterator[Nursery]:
    async with Nursery("tests.integrations.pydantic_ai.kill_program") as nursery:
        yield nursery


def used(lines: Sequence[str]) -> list[str]:
    return sorted(line for line in lines if line.startswith("used"))


async def test_undisturbed(nursery: Nursery, tmp_path: Path) -> None:
    async with ScriptedModel(script) as model:
        lines = await (await nursery.fork(str(tmp_path / "1.db"), model.url, "")).ended()
    assert END in lines
    assert used(lines) == USED
    recorded = [line for line in lines if line.startswith("recorded")]
    assert sorted(recorded) == sorted(f"recorded {name}" for name in STEPS)


@pytest.mark.parametrize(("bank", "held", "before"), [(False, 0, 1), (True, 1, 4), (False, 2, 5)])
async def test_while_the_model_is_asked(
    nursery: Nursery, tmp_path: Path, held: int, before: int, *, bank: bool
) -> None:
    first = True

    def holding(asked: Asked) -> Reply:
        nonlocal first
        if asks_bank(asked) is bank and turn(asked) == held and first:
            first = False
            return Reply("lost", hold=asyncio.Event())
        return script(asked)

    async with ScriptedModel(holding) as model:
        life = await nursery.fork(str(tmp_path / "1.db"), model.url, "")
        await model.was_asked(before)
        life.kill()
        lines = await life.ended()
        after = await (await nursery.fork(str(tmp_path / "1.db"), model.url, "")).ended()
    assert END in after
    assert used([*lines, *after]) == USED
    assert len(model.asked) == len(TURNS) + len(BANK) + 1
    assert model.asked[before - 1].body == model.asked[before].body


@pytest.mark.parametrize(
    ("stuck", "recorded"),
    [
        ("used weather Rome", ["travel/weather call_1-1"]),
        ("used rate", ["travel/ask_the_bank call_3/model 1-1"]),
    ],
)
async def test_while_a_tool_works(
    nursery: Nursery, tmp_path: Path, stuck: str, recorded: Sequence[str]
) -> None:
    async with ScriptedModel(script) as model:
        life = await nursery.fork(str(tmp_path / "1.db"), model.url, stuck)
        await life.said(stuck, *(f"recorded {name}" for name in recorded))
        life.kill()
        before = await life.ended()
        after = await (await nursery.fork(str(tmp_path / "1.db"), model.url, "")).ended()
    assert END in after
    assert used([*before, *after]) == sorted([*USED, stuck])  # the one that was cut off, twice
    assert len(model.asked) == len(TURNS) + len(BANK)
