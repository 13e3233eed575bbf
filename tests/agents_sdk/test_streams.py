"""Streams of an agent: kept, and followed by readers from wherever they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, InvalidChunk, NotRunning, StreamChunk, StreamError
from agents_sdk.streams import Streams
from workflows import Store
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


class Teller(Agent[None, None]):
    async def on_start(self) -> None:
        self.life = object()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def app(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[AgentsApp]:
    async with AgentsApp([Teller], data=tmp_path, clock=clock, idle_after=60) as app:
        yield app


@pytest.fixture
async def streams(app: AgentsApp) -> Streams:
    return (await app.get_agent(Teller, "a")).streams


async def read(streams: Streams, name: str, **options: Any) -> list[Any]:
    """The values of a stream until it ends."""
    return [chunk.value async for chunk in streams.read(name, **options)]


async def test_history_then_live_then_the_end(streams: Streams) -> None:
    assert await streams.append("s", "a", {"b": [1, None]}) == 2
    got: asyncio.Queue[StreamChunk] = asyncio.Queue()

    async def follow() -> None:
        async for chunk in streams.read("s"):
            got.put_nowait(chunk)

    following = asyncio.create_task(follow())
    assert [await got.get(), await got.get()] == [StreamChunk(1, "a"), StreamChunk(2, {"b": [1, None]})]
    assert await streams.append("s", "c") == 3
    assert await got.get() == StreamChunk(3, "c")
    assert not following.done()
    assert (await streams.close("s"), await streams.close("s")) == (True, False)
    await following
    assert got.empty()
    with pytest.raises(StreamError, match='stream "s" has ended'):
        await streams.append("s", "d")
    assert await read(streams, "s", offset=2) == ["c"]
    assert await read(streams, "s", offset=3) == []


async def test_what_is_not_awaited_comes_in_the_order_of_the_calls(streams: Streams) -> None:
    offsets = await asyncio.gather(*(streams.append("s", n) for n in range(300)))
    assert offsets == list(range(1, 301))
    assert await read(streams, "s", live=False) == list(range(300))


async def test_a_slow_reader_gets_all_of_it_page_by_page(streams: Streams, clock: VirtualClock) -> None:
    large = "x" * 400_000
    got = 0

    async def follow() -> None:
        nonlocal got
        async for _ in streams.read("s"):
            await clock.sleep(0.001)
            got += 1

    following = asyncio.create_task(follow())
    for _ in range(5):
        await streams.append("s", large)
    for n in range(600):
        await streams.append("s", n)
    await streams.close("s")
    await following
    assert got == 605


async def test_what_a_cancelled_caller_has_appended_comes(streams: Streams, clock: VirtualClock) -> None:
    reading = streams.read("s")
    coming = asyncio.ensure_future(anext(reading))
    await clock.sleep(1)
    appending = asyncio.create_task(streams.append("s", "a"))
    await asyncio.sleep(0)  # it is on its way to the file
    appending.cancel()
    assert await asyncio.wait_for(coming, 5) == StreamChunk(1, "a")
    with pytest.raises(asyncio.CancelledError):
        await appending
    await reading.aclose()


async def test_a_reader_may_come_before_the_stream(streams: Streams) -> None:
    reading = asyncio.create_task(read(streams, "s"))
    await asyncio.sleep(0)
    assert await read(streams, "s", live=False) == []
    opened = await streams.open("s", metadata={"for": "ann"}, tag="t")
    assert await streams.open("s", tag="other") == opened
    await streams.append("s", 1)
    await streams.close("s")
    assert await reading == [1]


async def test_an_error_reaches_the_readers_behind_the_chunks(streams: Streams) -> None:
    await streams.append("s", 1)
    reading = streams.read("s")
    assert await anext(reading) == StreamChunk(1, 1)
    await streams.close("s", error="the model went away")
    with pytest.raises(StreamError, match='stream "s" has failed: the model went away'):
        await anext(reading)
    status = await streams.status("s")
    assert status is not None
    assert (status.state, status.error, status.last) == ("error", "the model went away", 1)


async def test_a_deleted_stream_is_over_for_its_readers(streams: Streams, clock: VirtualClock) -> None:
    await streams.append("s", 1, 2)
    reading = streams.read("s")
    assert [await anext(reading), await anext(reading)] == [StreamChunk(1, 1), StreamChunk(2, 2)]
    waiting = asyncio.create_task(read(streams, "s", offset=2))
    await clock.sleep(1)
    assert (await streams.delete("s"), await streams.delete("s")) == (True, False)
    with pytest.raises(StreamError, match="was deleted while it was read"):
        await waiting
    await streams.append("s", "another")
    with pytest.raises(StreamError, match="was deleted while it was read"):
        await anext(reading)
    with pytest.raises(StreamError, match="has 1 chunks, not 2: it is another one"):
        await read(streams, "s", offset=2)
    assert await read(streams, "s", live=False) == ["another"]


async def test_streams_are_listed_and_belong_to_their_agent(app: AgentsApp, streams: Streams) -> None:
    for name, tag in (("b", "t"), ("a", None), ("c", "t")):
        await streams.open(name, tag=tag)
    other = (await app.get_agent(Teller, "b")).streams
    assert (await other.list(), await other.status("a"), await other.delete("a")) == ([], None, False)
    await other.append("a", "theirs")
    assert [one.name for one in await streams.list()] == ["a", "b", "c"]
    assert [one.name for one in await streams.list(tag="t")] == ["b", "c"]
    assert [one.name for one in await streams.list(after="a", limit=1)] == ["b"]
    assert await read(streams, "a", live=False) == []


async def test_a_reader_that_waits_keeps_the_agent_alive(app: AgentsApp, clock: VirtualClock) -> None:
    agent = await app.get_agent(Teller, "a")
    life, streams = agent.life, agent.streams
    del agent
    reading = asyncio.create_task(read(streams, "s"))
    await clock.sleep(3_600)
    agent = await app.get_agent(Teller, "a")
    assert agent.life is life
    await agent.streams.append("s", 1)
    await agent.streams.close("s")
    assert await reading == [1]


async def test_a_stop_ends_the_readers_and_keeps_the_stream(tmp_path: Path, clock: VirtualClock) -> None:
    async with AgentsApp([Teller], data=tmp_path, clock=clock) as app:
        streams = (await app.get_agent(Teller, "a")).streams
        await streams.append("s", 1)
        reading = asyncio.create_task(read(streams, "s"))
        await clock.sleep(1)
    with pytest.raises(NotRunning, match='read "s" again, after offset 1'):
        await reading
    async with AgentsApp([Teller], data=tmp_path, clock=clock) as app:
        streams = (await app.get_agent(Teller, "a")).streams
        await streams.append("s", 2)
        assert await read(streams, "s", offset=1, live=False) == [2]


async def test_a_destroyed_agent_has_no_streams(tmp_path: Path, clock: VirtualClock) -> None:
    async with AgentsApp([Teller], data=tmp_path, clock=clock) as app:
        for name in "ab":
            await (await app.get_agent(Teller, name)).streams.append("s", 1, 2)
        await (await app.get_agent(Teller, "b")).streams.append("deleted", 1)
        await (await app.get_agent(Teller, "b")).streams.delete("deleted")
        await (await app.get_agent(Teller, "a")).destroy()
    async with await Store.open(tmp_path / "agents.db", clock=clock) as store:
        assert await store.read("SELECT count(*) FROM agent_stream") == [(1,)]
        assert await store.read("SELECT count(*) FROM agent_chunk") == [(2,)]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("s", object()), "cannot be the chunk of a stream"),
        (("s", 1, "x" * (1 << 20)), "the limit is 1048576"),
        (("s",), 'nothing was given for stream "s"'),
        (("", 1), "a name that is not empty"),
    ],
)
async def test_what_does_not_fit_is_refused(streams: Streams, arguments: tuple[Any, ...], why: str) -> None:
    with pytest.raises(InvalidChunk, match=why):
        await streams.append(*arguments)
    assert await streams.list() == []
