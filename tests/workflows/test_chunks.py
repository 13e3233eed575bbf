"""The verbs of the ledgers for chunks, where no workflow shows them: fences, pages, deletions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from workflows import Fenced, Store
from workflows.backend import NewInstance
from workflows.change import Change
from workflows.entry import Entry, Key, Kind, State
from workflows.ledger import Birth, Ledger
from workflows.lifecycle import Command
from workflows.memory.ledger import MemoryLedger
from workflows.sqlite.ledger import SqliteLedger
from workflows.streams.chunks import PAGE_BYTES, PAGE_PARTS, Chunk
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


Verb = Callable[[Ledger, int], Awaitable[object]]


@asynccontextmanager
async def opened(path: Path | None) -> AsyncIterator[Ledger]:
    """A ledger with one instance, whose incarnation and epoch are 1; without a path it is in memory."""
    clock = VirtualClock()
    async with await Store.open(path or ":memory:", clock=clock) as store:
        made = await SqliteLedger.over(store) if path is not None else MemoryLedger()
        await made.insert([Birth(NewInstance("Flow", "i", b"{}"), clock.now(), free=True)])
        yield made


@pytest.fixture(params=["memory", "sqlite"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    async with opened(tmp_path / "chunks.db" if request.param == "sqlite" else None) as made:
        yield made


def append(ledger: Ledger, part: bytes, *, attempt: int = 1, ordinal: int = 1) -> asyncio.Future[int]:
    return ledger.chunks.append(1, 1, ordinal, attempt=attempt, part=part)


async def rows(ledger: Ledger, attempt: int = 1, ordinal: int = 1) -> list[bytes]:
    return await ledger.chunks.rows(1, ordinal, attempt=attempt, first=1, count=100)


@pytest.mark.parametrize(
    "verb",
    [
        lambda ledger, epoch: ledger.chunks.append(1, epoch, 1, attempt=1, part=b"x"),
        lambda ledger, epoch: ledger.chunks.start_over(1, epoch, 1, attempt=2),
        lambda ledger, epoch: ledger.chunks.spool(1, epoch, 1, attempt=1, first=1, rows=[b"x"]),
        lambda ledger, epoch: ledger.chunks.discard(1, epoch, 1),
    ],
)
async def test_an_older_lease_writes_nothing(ledger: Ledger, verb: Verb) -> None:
    await append(ledger, b"kept")
    await ledger.chunks.spool(1, 1, 1, attempt=1, first=1, rows=[b"kept"])
    await ledger.claim([1])
    with pytest.raises(Fenced):
        await verb(ledger, 1)
    assert await ledger.chunks.parts(1, 1, 0) == [Chunk(1, 1, b"kept")]
    assert await rows(ledger) == [b"kept"]


async def test_pitfall_11_places_are_given_in_the_order_of_the_calls(ledger: Ledger) -> None:
    assert await asyncio.gather(*(append(ledger, b"x") for _ in range(50))) == list(range(1, 51))
    assert await append(ledger, b"of another step", ordinal=2) == 1


async def test_a_mark_follows_parts_of_an_earlier_attempt_and_nothing_else(ledger: Ledger) -> None:
    await ledger.chunks.start_over(1, 1, 1, attempt=2)
    assert await ledger.chunks.parts(1, 1, 0) == []
    await append(ledger, b"a", attempt=2)
    for attempt in (2, 3, 3, 4):
        await ledger.chunks.start_over(1, 1, 1, attempt=attempt)
    marks = [Chunk(2, 3, None), Chunk(3, 4, None)]
    assert await ledger.chunks.parts(1, 1, 0) == [Chunk(1, 2, b"a"), *marks]


async def test_a_page_ends_by_number_or_by_size_and_has_one_part_at_least(ledger: Ledger) -> None:
    for part in [b""] * (PAGE_PARTS + 1) + [bytes(PAGE_BYTES - 1), b"xy", b"z", bytes(2 * PAGE_BYTES)]:
        await append(ledger, part)
    places: list[list[int]] = [[0]]
    while page := await ledger.chunks.parts(1, 1, places[-1][-1]):
        places.append([chunk.place for chunk in page])
    first = PAGE_PARTS
    assert [(page[0], page[-1]) for page in places[1:]] == [
        (1, first),
        (first + 1, first + 3),
        (first + 4, first + 5),
    ]


async def test_rows_of_a_result_are_read_by_number_and_attempt(ledger: Ledger) -> None:
    await append(ledger, b"a part does not disturb them")
    await ledger.chunks.spool(1, 1, 1, attempt=1, first=1, rows=[b"1", b"2", b"3"])
    await ledger.chunks.spool(1, 1, 1, attempt=1, first=4, rows=[b"4"])
    assert await ledger.chunks.rows(1, 1, attempt=1, first=2, count=2) == [b"2", b"3"]
    assert await ledger.chunks.rows(1, 1, attempt=1, first=4, count=9) == [b"4"]
    assert await rows(ledger, attempt=2) == []
    await ledger.chunks.discard(1, 1, 1)
    assert await rows(ledger) == []
    assert len(await ledger.chunks.parts(1, 1, 0)) == 1


async def test_a_step_is_located_by_its_key(ledger: Ledger) -> None:
    key = Key(Kind.DO, "s", 2)
    assert await ledger.chunks.locate(1, key) is None
    entry = Entry(key, 7, State.RUNNING, 1)
    await ledger.put(1, 1, Entry(Key(Kind.SLEEP, "s", 2), 6, State.DONE, result=b"null"), consume=None)
    await ledger.put(1, 1, entry, consume=None)
    assert await ledger.chunks.locate(1, key) == (7, False)
    entry.state, entry.result = State.DONE, b"null"
    await ledger.put(1, 1, entry, consume=None)
    assert await ledger.chunks.locate(1, key) == (7, True)
    assert await ledger.chunks.locate(2, key) is None


@pytest.mark.parametrize(
    ("command", "left"), [("rewind", [2, 0, 0]), ("restart", [0, 0, 0]), ("delete", [0, 0, 0])]
)
async def test_the_chunks_of_deleted_entries_go(ledger: Ledger, command: Command, left: list[int]) -> None:
    for ordinal in (1, 2, 3):
        key = Key(Kind.DO, f"s{ordinal}", 1)
        await ledger.put(1, 1, Entry(key, ordinal, State.DONE, 1, result=b"null"), consume=None)
        await append(ledger, b"x", ordinal=ordinal)
        await ledger.chunks.spool(1, 1, ordinal, attempt=1, first=1, rows=[b"x"])
    step = Key(Kind.DO, "s2", 1) if command == "rewind" else None
    await ledger.transition(1, Change(command, 0.0, 10, step=step))
    counts = [len(await ledger.chunks.parts(1, n, 0)) + len(await rows(ledger, ordinal=n)) for n in (1, 2, 3)]
    assert counts == left
