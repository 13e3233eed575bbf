"""What is written is acknowledged after COMMIT, together with its neighbours, and fails alone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.workflows.sqlite.pairs import PAIR, insert, keys, opened
from workflows import failpoint
from workflows.clock import SystemClock
from workflows.errors import StoreError, StoreFailed
from workflows.sqlite.store import Statement, Store

pytestmark = pytest.mark.anyio


async def commits_during(store: Store, action: Callable[[], Awaitable[object]]) -> int:
    """How often the writer committed while `action` went on, as SQLite itself tells it."""
    seen: list[str] = []
    await store.write(lambda connection: connection.set_trace_callback(seen.append))
    seen.clear()
    await action()
    done = seen.count("COMMIT")
    await store.write(lambda connection: connection.set_trace_callback(None))
    return done


@pytest.mark.parametrize("place", ["file", ":memory:"])
async def test_what_is_written_can_be_read(path: Path, place: str) -> None:
    async with opened(path if place == "file" else place) as store:
        assert await store.write(insert(1, b"one")) == 1
        assert await store.read("SELECT key, value FROM pair") == [(1, b"one")]


async def test_an_operation_answers_with_what_it_returned(path: Path) -> None:
    async with opened(path) as store:
        await asyncio.gather(*(store.write(insert(key)) for key in range(5)))
        assert await store.write(Statement("DELETE FROM pair WHERE key > ?", (2,))) == 2
        assert await store.write(lambda c: c.execute("SELECT count(*) FROM pair").fetchone()) == (3,)


async def test_it_is_acknowledged_after_commit(path: Path) -> None:
    async with opened(path) as store:
        for key in range(20):
            await store.write(insert(key))
            with sqlite3.connect(path) as other:
                assert other.execute("SELECT max(key) FROM pair").fetchone() == (key,)
            other.close()


async def test_one_after_another_is_one_commit_each(path: Path) -> None:
    async def one_by_one(store: Store) -> None:
        for key in range(10):
            await store.write(insert(key))

    async with opened(path) as store:
        assert await commits_during(store, lambda: one_by_one(store)) == 10


async def test_all_writes_of_one_turn_are_one_commit(path: Path) -> None:
    async with opened(path) as store:
        together = lambda: asyncio.gather(*(store.write(insert(key)) for key in range(500)))  # noqa: E731
        assert await commits_during(store, together) == 1
        assert await keys(store) == list(range(500))


async def test_what_waits_during_a_commit_is_the_next_group(path: Path) -> None:
    async def writer(store: Store, first: int) -> None:
        for key in range(first, first + 20):
            await store.write(insert(key))

    async with opened(path) as store:
        many = lambda: asyncio.gather(*(writer(store, first) for first in range(0, 1000, 20)))  # noqa: E731
        assert await commits_during(store, many) <= 40
        assert await keys(store) == list(range(1000))


@pytest.mark.parametrize(("rows", "size"), [(10_000, 1), (40, 1024 * 1024)])
async def test_a_group_is_bounded(path: Path, rows: int, size: int) -> None:
    async with opened(path) as store:
        all_at_once = lambda: asyncio.gather(*(store.write(insert(key, bytes(size))) for key in range(rows)))  # noqa: E731
        assert 3 <= await commits_during(store, all_at_once) <= 6
        assert await keys(store) == list(range(rows))


async def test_a_failed_operation_fails_alone(path: Path) -> None:
    async with opened(path) as store:
        await store.write(insert(3))
        outcomes = await asyncio.gather(
            *(store.write(insert(key)) for key in range(6)), return_exceptions=True
        )
        assert [type(outcome).__name__ for outcome in outcomes] == ["int"] * 3 + ["IntegrityError"] + [
            "int"
        ] * 2
        assert await keys(store) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "error", [LookupError("mine"), KeyboardInterrupt(), StopIteration(), RecursionError()]
)
async def test_whatever_it_raises_reaches_its_waiter_and_is_undone(path: Path, error: BaseException) -> None:
    def half_done(connection: sqlite3.Connection) -> None:
        insert(1)(connection)
        raise error

    async with opened(path) as store:
        future, neighbour = store.write(half_done), store.write(insert(2))
        await asyncio.wait([future])
        assert await neighbour == 1
        assert type(future.exception()) is (RuntimeError if isinstance(error, StopIteration) else type(error))
        assert await keys(store) == [2]


async def test_an_operation_is_all_or_nothing_when_it_is_alone(path: Path) -> None:
    def twice(connection: sqlite3.Connection) -> None:
        insert(1)(connection)
        insert(1)(connection)

    async with opened(path) as store:
        with pytest.raises(sqlite3.IntegrityError):
            await store.write(twice)
        assert await keys(store) == []


async def test_a_cancelled_waiter_is_still_written(path: Path) -> None:
    async with opened(path) as store:
        queued, in_the_thread = (
            store.write(insert(1)),
            asyncio.ensure_future(asyncio.wait_for(store.write(insert(2)), 9)),
        )
        queued.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        in_the_thread.cancel()
        await store.write(insert(3))
        assert await keys(store) == [1, 2, 3]


async def test_an_operation_that_commits_by_itself_is_told(path: Path) -> None:
    async with opened(path) as store:
        with pytest.raises(StoreError, match="no transaction is active"):
            await store.write(lambda connection: connection.execute("COMMIT"))
        await store.write(insert(1))


async def test_producers_wait_for_room_in_the_order_of_their_calls(path: Path) -> None:
    async def produce(store: Store, key: int) -> None:
        await store.room()
        begun.append(key)
        longest.append(len(begun) - len(done))
        await store.write(insert(key))
        done.append(key)

    begun: list[int] = []
    done: list[int] = []
    longest: list[int] = []
    async with opened(path) as store:
        flood = [store.write(insert(-key - 1)) for key in range(13_000)]
        producers = [asyncio.ensure_future(produce(store, key)) for key in range(20_000)]
        await asyncio.sleep(0)
        assert begun == []
        producers[7].cancel()
        await asyncio.wait(producers)
        assert begun == [key for key in range(20_000) if key != 7]
        assert max(longest) <= 20_000
        assert all(future.done() for future in flood)


async def test_whoever_waits_for_room_hears_of_the_end(path: Path) -> None:
    store = await Store.open(path, clock=SystemClock())
    await store.migrate("pairs", [PAIR])
    flood = [store.write(insert(key)) for key in range(13_000)]
    waiting = asyncio.ensure_future(store.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await store.close()
    await waiting
    assert not store.health.ok
    assert {future.result() for future in flood} == {1}


async def test_a_mistake_of_the_writer_itself_leaves_nobody_waiting(path: Path) -> None:
    async with opened(path) as store:
        failpoint.arm("store.taken", "raise")
        try:
            futures = [store.write(insert(key)) for key in range(3)]
            await asyncio.wait(futures)
        finally:
            failpoint.disarm()
        assert {type(future.exception()) for future in futures} == {StoreFailed}
        with pytest.raises(StoreFailed, match=r"failed \(store.taken\) and stopped"):
            store.write(insert(9))


async def test_a_reader_cannot_write(path: Path) -> None:
    async with opened(path) as store, opened(":memory:") as memory:
        for each in (store, memory):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await each.read("INSERT INTO pair(key) VALUES(1) RETURNING key")
            await each.write(insert(1))
