"""A process that is killed between a request and its answer: what is paid again, and what is not."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from integrations.llm.testing import Reply, ScriptedModel

pytestmark = pytest.mark.anyio


async def started(file: Path, model: ScriptedModel, mode: str) -> asyncio.subprocess.Process:
    program = ["-m", "tests.integrations.llm.kill_program", str(file), model.url, mode]
    return await asyncio.create_subprocess_exec(sys.executable, *program, stdout=asyncio.subprocess.PIPE)


async def killed(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


async def said(process: asyncio.subprocess.Process) -> str:
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode().strip()


async def test_in_the_background_an_answer_is_paid_once(tmp_path: Path) -> None:
    hold = asyncio.Event()
    async with ScriptedModel([Reply("in line 3", hold=hold)]) as model:
        first = await started(tmp_path / "k.db", model, "background")
        await model.was_looked_at(1)  # by then its id is recorded
        await killed(first)
        hold.set()
        second = await started(tmp_path / "k.db", model, "background")
        assert await said(second) == "in line 3, attempt 1"
    assert len(model.asked) == 1
    assert model.cancelled == []


async def test_else_it_is_asked_and_paid_again(tmp_path: Path) -> None:
    """What the documentation says of it."""
    lost = Reply("lost", hold=asyncio.Event())
    async with ScriptedModel([lost, "in line 3"]) as model:
        first = await started(tmp_path / "k.db", model, "foreground")
        await model.was_asked(1)
        await asyncio.sleep(0.5)  # an attempt is marked as started after 250 ms
        await killed(first)
        second = await started(tmp_path / "k.db", model, "foreground")
        assert await said(second) == "in line 3, attempt 2"
    assert len(model.asked) == 2
