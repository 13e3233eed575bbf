"""Budgets outlive kill -9: no answer that has been recorded is paid anew."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from integrations.llm.testing import Asked, Reply, ScriptedModel

pytestmark = pytest.mark.anyio


async def process(path: Path, url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integrations.llm.budget.killed",
        str(path),
        url,
        stdout=asyncio.subprocess.PIPE,
    )


async def test_a_process_that_is_killed_again_and_again_spends_no_more(tmp_path: Path) -> None:
    held = asyncio.Event()
    killed_at = {2, 5}  # while this request is under way

    def answer(asked: Asked) -> Reply:
        number = len(model.asked)
        return Reply("yes", hold=held if number in killed_at else None)

    async with ScriptedModel(answer) as model:
        for last in sorted(killed_at):
            running = await process(tmp_path / "a.db", model.url)
            await model.was_asked(last)
            running.kill()
            await running.wait()
        running = await process(tmp_path / "a.db", model.url)
        told, _ = await running.communicate()
        held.set()
    assert told == b"7\n"
    assert len(model.asked) == 7 + len(killed_at)  # those that were under way have no usage that is known
