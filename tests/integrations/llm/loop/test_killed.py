"""kill -9 in mid-loop: what was recorded is neither paid nor done again."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from integrations.llm.testing import Asked, Reply, ScriptedModel
from tests.integrations.llm.loop.looping import call, calling, sound

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

FIRST = calling(
    call("quick", '{"number": 1}', "a"),
    call("slow", id="b"),
    call("pay", id="c"),
    call("quick", '{"number": 2}', "d"),
)


@asynccontextmanager
async def life(*arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """A process, killed at the end if it has not ended by itself; what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integrations.llm.loop.killed", *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def lines(said: asyncio.StreamReader, *wanted: str) -> None:
    """Returns when all of these were said."""
    missing = set(wanted)
    while missing:
        line = await said.readline()
        assert line, f"it ended without {missing}"
        missing.discard(line.decode().strip())


async def test_what_is_recorded_is_neither_paid_nor_done_again(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    never = asyncio.Event()
    held = {1, 3}  # requests during which the process is killed

    def answer(asked: Asked) -> Reply:
        sound(asked)
        hold = never if len(model.asked) in held else None
        if len(asked.body["messages"]) == 1:
            return Reply("", tool_calls=FIRST.tool_calls, finish_reason="tool_calls", hold=hold)
        return Reply("done", hold=hold)

    async with ScriptedModel(answer) as model:
        arguments = str(tmp_path / "a.db"), model.url, str(notes)
        async with life(*arguments):
            await model.was_asked(1)
        async with life(
            *arguments
        ) as said:  # killed while one tool runs, two have ended, and one waits for a human
            await lines(said, "loop/model-1", "loop/call 1.1-1", "loop/call 1.3-1", "loop/call 1.4-1")
        assert Counter(notes.read_text().splitlines()) == {"quick 1": 1, "quick 2": 1, "slow": 1}
        async with life(*arguments, "approve"):  # killed while the model is asked with all results
            await model.was_asked(3)
        async with life(*arguments) as said:
            await lines(said, "ended: done")
    assert Counter(notes.read_text().splitlines()) == {"quick 1": 1, "quick 2": 1, "slow": 2, "pay": 1}
    assert len(model.asked) == 2 + len(held)
    assert model.asked[2].body == model.asked[3].body
    results = [one["content"] for one in model.asked[3].body["messages"] if one["role"] == "tool"]
    assert results == ["quick 1", "slow", "paid", "quick 2"]
