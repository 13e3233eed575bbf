"""What is promised of messages to many, whether the server takes frames or messages."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from agents_sdk import Connections, protocol
from agents_sdk.connection import Closing
from agents_sdk.sockets.chain import Link, Stretch
from tests.agents_sdk.far_end import FarEnd, settled, turns

pytestmark = pytest.mark.anyio

MIB = "m" * (1 << 20)

Opened = Callable[..., Awaitable[FarEnd]]


@pytest.fixture(params=[pytest.param(True, id="frames"), pytest.param(False, id="messages")])
def frames(request: pytest.FixtureRequest) -> bool:
    taken: bool = request.param
    return taken


@pytest.fixture
def everybody() -> Connections:
    return Connections()


@pytest.fixture
def opened(everybody: Connections, frames: bool) -> Opened:
    async def one(id: str, unsettled: Callable[[], Awaitable[object] | None] = settled) -> FarEnd:
        far = await FarEnd(id, frames=frames, unsettled=unsettled).open()
        everybody.add(far.connection)
        return far

    return one


async def test_all_get_all_in_order_with_what_is_their_own(everybody: Connections, opened: Opened) -> None:
    a, b = await opened("a"), await opened("b")
    a.connection.send("only a")
    everybody.broadcast("1 é")
    everybody.broadcast(b"\x002")
    b.connection.send("only b")
    everybody.broadcast("x" * 200)
    a.connection.send(b"y" * 70_000)
    everybody.broadcast("")
    await turns()
    assert a.got == ["only a", "1 é", b"\x002", "x" * 200, b"y" * 70_000, ""]
    assert b.got == ["1 é", b"\x002", "only b", "x" * 200, ""]
    assert (a.connection.queued, b.connection.queued) == (0, 0)


async def test_who_is_excluded_gets_the_rest_in_order(everybody: Connections, opened: Opened) -> None:
    a, b, c = await opened("a"), await opened("b"), await opened("c")
    everybody.broadcast("1", without=["a"])
    everybody.broadcast("2")
    a.connection.send("own")
    everybody.broadcast("3", without="a")
    everybody.broadcast("4", without=["a", "b"])
    everybody.send("5", without=[b.connection])
    everybody.broadcast("6")
    assert [one.connection.queued for one in (a, b, c)] == [4 * 103, 4 * 103, 6 * 103]
    await turns()
    assert a.got == ["2", "own", "5", "6"]
    assert b.got == ["1", "2", "3", "6"]
    assert c.got == ["1", "2", "3", "4", "5", "6"]
    assert [one.connection.queued for one in (a, b, c)] == [0, 0, 0]


async def test_who_is_not_told_gets_only_what_is_sent(everybody: Connections, opened: Opened) -> None:
    a, b = await opened("a"), await opened("b")
    b.connection.told = False
    everybody.tell(protocol.StateChange(state={"n": 1}))
    everybody.tell(protocol.StateChange(state={"n": 2}), without=["a"])
    everybody.broadcast("for all")
    await turns()
    assert a.got == ['{"type":"cf_agent_state","state":{"n":1}}', "for all"]
    assert b.got == ["for all"]


async def test_who_comes_gets_what_is_told_from_then_on(everybody: Connections, opened: Opened) -> None:
    await opened("a")
    everybody.broadcast("before")
    b = await opened("b")
    everybody.broadcast("after")
    everybody.remove(b.connection)
    everybody.broadcast("without b")
    b.connection.send("own")
    await turns()
    assert b.got == ["after", "own"]


async def test_what_was_sent_before_joining_comes_first(everybody: Connections, frames: bool) -> None:
    a = FarEnd("a", frames=frames)
    everybody.add(FarEnd("b", frames=frames).connection)
    everybody.broadcast("not for a")
    a.connection.send("first")
    everybody.add(a.connection)
    everybody.broadcast("second")
    await a.open()
    await turns()
    assert a.got == ["first", "second"]


async def test_nothing_leaves_before_the_commit_of_what_was_changed_before(
    everybody: Connections, opened: Opened
) -> None:
    commits: list[asyncio.Future[None]] = []
    a = await opened("a", lambda: commits[-1] if commits and not commits[-1].done() else None)
    commits.append(asyncio.get_running_loop().create_future())
    everybody.broadcast("of the first change")
    await turns()
    commits.append(asyncio.get_running_loop().create_future())
    everybody.broadcast("of the second change")
    a.connection.close(4000)
    await turns()
    assert a.got == []
    commits[0].set_result(None)
    await turns()
    assert a.got == ["of the first change"]
    commits[1].set_result(None)
    await turns()
    assert a.got == ["of the first change", "of the second change", 4000]


async def test_a_close_comes_after_what_is_queued_and_nothing_after_it(
    everybody: Connections, opened: Opened
) -> None:
    a = await opened("a")
    everybody.broadcast("1")
    a.connection.send("2")
    everybody.broadcast("3")
    a.connection.close(4001, "enough")
    queued = a.connection.queued
    everybody.broadcast("late")
    everybody.broadcast("late", without="a")
    a.connection.send("late")
    assert a.connection.queued == queued
    await turns()
    assert a.got == ["1", "2", "3", 4001]


async def test_what_waits_is_written_together(everybody: Connections, frames: bool, opened: Opened) -> None:
    a, b, c = await opened("a"), await opened("b"), await opened("c")
    for number in range(300):
        everybody.broadcast(f"{number} " + "x" * 100)
    for number in range(300):
        b.connection.send(f"own {number}")
    await turns()
    assert [str(one).split()[0] for one in a.got] == [str(number) for number in range(300)]
    assert b.got == [*a.got, *(f"own {number}" for number in range(300))]
    assert a.latest is c.latest  # put together once
    assert (a.writes, b.writes) == ((1, 2) if frames else (300, 600))


async def test_no_more_than_64_kib_are_written_along(everybody: Connections, opened: Opened) -> None:
    a = await opened("a")
    a.room.clear()
    for _ in range(10):
        everybody.broadcast("x" * 30_000)
    await turns()
    before = a.connection.queued
    a.room.set()
    await turns(1)
    a.room.clear()
    everybody.broadcast("y" * 1_000_000)
    a.room.set()
    await turns()
    assert before > 300_000
    assert a.got == ["x" * 30_000] * 10 + ["y" * 1_000_000]
    if a.writes != len(a.got):
        assert a.writes == 6


async def test_an_idle_broadcast_waits_for_nothing(everybody: Connections, opened: Opened) -> None:
    a = await opened("a")
    everybody.broadcast("at once")
    await turns(3)
    assert a.got == ["at once"]


async def test_others_have_their_turns_while_many_are_written_to(
    everybody: Connections, opened: Opened
) -> None:
    many = [await opened(str(number)) for number in range(350)]
    everybody.broadcast("1")
    reached: list[int] = []
    for number in range(2, 9):
        await turns(1)
        reached.append(sum(one.writes > 0 for one in many))
        everybody.broadcast(str(number))
    await turns()
    assert max(after - before for before, after in pairwise(reached)) == 100
    assert all(one.got == [str(number) for number in range(1, 9)] for one in many)


async def test_who_does_not_read_is_closed_and_the_others_get_all(
    everybody: Connections, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf, reads = await opened("deaf"), await opened("reads")
    deaf.room.clear()
    for _ in range(5):
        everybody.broadcast(MIB)
        await turns(4)
    assert deaf.connection.is_open  # for a moment
    monkeypatch.setattr("agents_sdk.connection._PATIENCE", -1)
    everybody.broadcast(MIB)
    await turns(4)
    assert deaf.connection.closing == Closing(1013, "too slow")
    assert (deaf.connection.queued, deaf.connection.dropped) == (0, True)
    assert reads.got == [MIB] * 6


async def test_who_has_been_idle_is_not_taken_for_one_that_does_not_read(
    everybody: Connections, opened: Opened
) -> None:
    a = await opened("a")  # nothing was ever taken by it
    for _ in range(6):
        everybody.broadcast(MIB[:-1000])
    assert a.connection.is_open
    await turns()
    assert len(a.got) == 6


async def test_no_more_than_64_mib_wait_for_one_that_does_not_read(
    everybody: Connections, opened: Opened
) -> None:
    deaf, reads = await opened("deaf"), await opened("reads")
    deaf.room.clear()
    most = 0
    for _ in range(70):
        everybody.broadcast(MIB)
        most = max(most, deaf.connection.queued)
        await turns(4)
    assert deaf.connection.closing == Closing(1013, "too slow")
    assert 63 << 20 < most < 65 << 20
    assert len(reads.got) == 70


async def test_what_many_have_not_read_is_kept_once_and_let_go_with_the_slowest(
    everybody: Connections, opened: Opened
) -> None:
    many = [await opened(str(number)) for number in range(20)]
    for one in many:
        one.room.clear()
    tracemalloc.start()
    try:
        for number in range(100):
            everybody.broadcast(f"{number:10}" * 1_000)
        await turns()
        assert all(one.connection.queued > 1_000_000 for one in many)
        assert tracemalloc.get_traced_memory()[0] < 3_000_000
        for one in many[1:]:
            one.room.set()
        await turns()
        assert all(len(one.got) == 100 for one in many[1:])
        for one in many:
            one.got.clear()
            one.latest = b""
        assert alive(Link) >= 100
        many[0].connection.drop(Closing(1006))
        await turns()
        gc.collect()
        assert (alive(Link) < 50, alive(Stretch)) == (True, 0)
        assert tracemalloc.get_traced_memory()[0] < 300_000
    finally:
        tracemalloc.stop()


async def test_there_is_room_again_when_the_client_has_taken_enough(
    everybody: Connections, opened: Opened
) -> None:
    a = await opened("a")
    a.room.clear()
    everybody.broadcast(MIB)
    everybody.broadcast(MIB)
    waiting = asyncio.create_task(a.connection.room())
    await turns()
    assert not waiting.done()
    a.room.set()
    await turns()
    assert waiting.done()


async def test_nobody_waits_for_room_of_one_that_has_gone(everybody: Connections, opened: Opened) -> None:
    a, b = await opened("a"), await opened("b")
    for one in (a, b):
        one.room.clear()
    everybody.broadcast(MIB)
    waiting = [asyncio.create_task(one.connection.room()) for one in (a, b)]
    await turns()
    a.connection.close()
    b.connection.drop(Closing(1006))
    await turns()
    assert [one.done() for one in waiting] == [True, True]
    await asyncio.wait_for(a.connection.room(), 1)


def alive(kind: type) -> int:
    return sum(type(one) is kind for one in gc.get_objects())
