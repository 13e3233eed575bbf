"""Chunks get to the disk behind the stream, all of them, in order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from agents_sdk.chat.log import ChunkLog
from agents_sdk.chat.rows import ChatRows
from agents_sdk.storage import CHAT
from workflows import Store
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def rows(clock: VirtualClock) -> AsyncIterator[ChatRows]:
    async with await Store.open(":memory:", clock=clock) as store:
        await store.migrate(CHAT.component, CHAT.steps)
        yield ChatRows(store, 1)


async def kept(rows: ChatRows) -> list[list[int]]:
    return [json.loads(row) for row in await rows.chunks("r1")]


async def test_ten_chunks_are_written_at_once_and_the_rest_soon(rows: ChatRows, clock: VirtualClock) -> None:
    log = ChunkLog(rows, "r1", clock)
    for number in range(12):
        log.put(str(number))
    await rows.settled()
    assert await kept(rows) == [[*range(10)]]
    began = clock.now()
    await clock.sleep(0.2)
    await rows.settled()
    assert await kept(rows) == [[*range(10)], [10, 11]]
    assert clock.now() - began == pytest.approx(0.2)


async def test_a_faster_stream_makes_larger_writes(rows: ChatRows, clock: VirtualClock) -> None:
    log = ChunkLog(rows, "r1", clock)
    for number in range(300):
        log.put(str(number))
    await log.flush()
    written = await kept(rows)
    assert [number for row in written for number in row] == [*range(300)]
    assert len(written) == 2


async def test_several_writes_follow_one_another(rows: ChatRows, clock: VirtualClock) -> None:
    log = ChunkLog(rows, "r1", clock)
    for number in range(100):
        log.put(str(number))
        if not number % 7:
            await rows.settled()
    log.cut_off()
    log.put("never")
    await rows.settled()
    written = await kept(rows)
    assert [number for row in written for number in row] == [*range(100)]
    assert len(written) > 3


async def test_what_an_attempt_has_left_goes_with_the_first_write(
    rows: ChatRows, clock: VirtualClock
) -> None:
    first = ChunkLog(rows, "r1", clock)
    first.put("1")
    await first.flush()
    second = ChunkLog(rows, "r1", clock)
    second.replace()
    assert await kept(rows) == [[1]]
    second.put("2")
    await second.flush()
    assert await kept(rows) == [[2]]


async def test_a_closed_log_writes_nothing(rows: ChatRows, clock: VirtualClock) -> None:
    log = ChunkLog(rows, "r1", clock)
    log.put("1")
    log.close()
    log.put("2")
    await clock.sleep(1)
    assert await kept(rows) == []
