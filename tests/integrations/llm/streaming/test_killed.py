"""kill -9 in mid-stream, again and again: who comes back by an offset sees a reset, and no word twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from integrations.llm.testing import Asked, Reply, ScriptedModel

KILLS = 40 if os.environ.get("TORTURE") else 2
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60 + 60 * KILLS)]


async def life(path: Path, url: str, offset: int, pieces: int | None) -> list[Any]:
    """What a process says that is killed after so many pieces of its own; None: it comes to its end.

    What the one before has kept and not said comes first, up to the reset.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integrations.llm.streaming.killed", str(path), url, str(offset)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said: list[bytes] = []
    own = offset == 0
    while pieces is None or pieces > 0:
        line = await process.stdout.readline()
        if not line:
            break
        said.append(line)
        piece = json.loads(line)[-1]
        if pieces is not None:
            pieces -= own and piece is not None
        own = own or piece is None
    if pieces is not None:
        process.kill()
    said += (await process.stdout.read()).splitlines(keepends=True)
    assert await process.wait() == (0 if pieces is None else -9)
    return [json.loads(line) for line in said if line.endswith(b"\n")]


async def test_who_reads_by_offset_sees_no_word_twice(tmp_path: Path) -> None:
    chance = random.Random(os.environ.get("SEED", "1"))

    def answer(_: Asked) -> Reply:
        number = len(model.asked)
        words = " ".join(f"{number}.{word}" for word in range(120))
        return Reply(words, chunk_delay=0.004 if number <= KILLS else 0)

    read: list[tuple[int, int, str | None]] = []
    async with ScriptedModel(answer) as model:
        for _ in range(KILLS):
            offset = read[-1][0] if read else 0
            read += await life(tmp_path / "a.db", model.url, offset, chance.randint(1, 4))
        *rest, [text] = await life(tmp_path / "a.db", model.url, read[-1][0], None)
        read += rest
    assert len(model.asked) == KILLS + 1
    assert [offset for offset, _, _ in read] == list(range(1, len(read) + 1))
    shown, current = "", 1
    for _, attempt, piece in read:
        if piece is None:
            assert attempt > current
            shown, current = "", attempt
        else:
            assert attempt == current
            shown += piece
            expected = " ".join(f"{attempt}.{word}" for word in range(120))
            assert expected.startswith(shown), "each attempt by itself, from its first word on"
    assert shown == text == " ".join(f"{KILLS + 1}.{word}" for word in range(120))
    assert sum(piece is None for _, _, piece in read) == KILLS
