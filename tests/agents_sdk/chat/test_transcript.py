"""The messages of a chat: their order in memory is the one on the disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import pytest

from agents_sdk.chat.log import ChunkLog
from agents_sdk.chat.rows import ChatRows
from agents_sdk.chat.stream import Stream
from agents_sdk.chat.transcript import Transcript
from agents_sdk.storage import CHAT
from tests.agents_sdk.chat.chats import user
from workflows import Store, SystemClock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rows() -> AsyncIterator[ChatRows]:
    async with await Store.open(":memory:", clock=SystemClock()) as store:
        await store.migrate(CHAT.component, CHAT.steps)
        yield ChatRows(store, 1)


def transcript(rows: ChatRows, most: int | None = None) -> Transcript:
    return Transcript(rows, sanitized=lambda message: message, most=lambda: most)


def ids(one: Transcript) -> str:
    return " ".join(message["id"] for message in one.messages)


async def reloaded(rows: ChatRows) -> str:
    again = transcript(rows)
    await again.load()
    return ids(again)


def named(names: str) -> list[dict[str, object]]:
    return [user(name, name) for name in names.split()]


async def test_an_answer_stands_behind_its_question(rows: ChatRows) -> None:
    one = transcript(rows)
    await rows.write(one.put(named("u1 u2 u3")))
    await rows.write(one.put(named("a1"), after="u1"))
    await rows.write(one.put(named("a3"), after="u3"))
    await rows.write(one.put(named("a2"), after="u2"))
    assert ids(one) == await reloaded(rows) == "u1 a1 u2 a2 u3 a3"
    assert [message["id"] for message in one.until("u2")] == ["u1", "a1", "u2"]
    assert one.until("gone") == one.until(None) == one.messages


async def test_a_message_is_changed_in_its_place(rows: ChatRows) -> None:
    one = transcript(rows)
    await rows.write(one.put(named("u1 u2")))
    await rows.write(one.put([user("u1", "x" * (3 << 20))], after="u2"))
    await rows.write(one.put([user("u1", "short")]))
    assert ids(one) == await reloaded(rows) == "u1 u2"
    assert one.get("u1") == user("u1", "short")


async def test_the_oldest_go_and_others_by_name(rows: ChatRows) -> None:
    one = transcript(rows, 2)
    await rows.write([*one.put(named("u1 u2 u3")), *one.trim()])
    assert ids(one) == await reloaded(rows) == "u2 u3"
    await rows.write(one.remove(["u2", "never"]))
    assert ids(one) == await reloaded(rows) == "u3"


@pytest.mark.parametrize(
    ("known", "shown", "most", "becomes"),
    [
        ("", "g u1", None, "g u1"),
        ("u1 a1", "u1 a1 u2", None, "u1 a1 u2"),
        ("u1 a1 w2", "u1 a1 u2", None, "u1 a1 w2 u2"),  # another client was faster
        ("u1 a1", "g u1 a1", None, "g u1 a1"),
        ("u1 a1", "g u1 x a1 u2", None, "g u1 x a1 u2"),
        ("u2 a2", "u1 a1 u2 a2 u3", 3, "u2 a2 u3"),
        ("u2 a2", "u1 a1 u3", 9, "u2 a2 u1 a1 u3"),  # nothing that it shows is here: all of it is new
    ],
)
async def test_what_a_client_shows(
    rows: ChatRows, known: str, shown: str, most: int | None, becomes: str
) -> None:
    one = transcript(rows, most)
    await rows.write(one.put(named(known)))
    await rows.write(one.take_over(named(shown), order=shown.split()))
    assert ids(one) == await reloaded(rows) == becomes


async def test_many_rows_are_one_message(rows: ChatRows) -> None:
    long: Sequence[dict[str, object]] = [user("u1", "ä" * (1 << 20)), user("u2", "b")]
    one = transcript(rows)
    await rows.write(one.put(long))
    again = transcript(rows)
    await again.load()
    assert again.messages == long


async def test_however_many_come_between_two_they_stay_in_order(rows: ChatRows) -> None:
    one = transcript(rows)
    await rows.write(one.put(named("u1 u2 u3")))
    many = " ".join(f"m{number}" for number in range(150))
    order = f"u1 u2 {many} u3"
    await rows.write(one.take_over(named(order), order.split()))
    assert ids(one) == order
    assert await reloaded(rows) == order


async def test_a_second_answer_stands_behind_the_first(rows: ChatRows) -> None:
    one = transcript(rows)
    await rows.write(one.put(named("u1 u2")))
    for name in ("a1", "a2"):
        answer: dict[str, object] = {"id": name, "role": "assistant", "parts": []}
        await rows.write(one.put([answer], after=one.answered("u1")))
    assert ids(one) == await reloaded(rows) == "u1 a1 a2 u2"


async def test_what_is_stored_while_it_is_read_is_in_it(rows: ChatRows) -> None:
    one = transcript(rows)
    await rows.write(one.put(named("u1")))
    reading = asyncio.create_task(one.load())
    await asyncio.sleep(0)
    more = rows.write(one.put(named("u2")))
    await asyncio.gather(reading, more)
    assert ids(one) == "u1 u2"


async def test_what_was_flushed_is_on_the_disk_however_much_it_is(rows: ChatRows) -> None:
    for count in range(1, 22):
        log = ChunkLog(rows, f"r{count}", SystemClock())
        for _ in range(count):
            log.put("{}")
        await log.flush()
        assert rows._last is not None
        assert rows._last.done()
        assert sum(len(json.loads(body)) for body in await rows.chunks(f"r{count}")) == count
        log.close()


async def test_what_is_held_is_never_sent_when_its_answer_has_ended(rows: ChatRows) -> None:
    sent: list[str] = []
    stream = Stream(
        "r1",
        {"id": "a1", "role": "assistant", "parts": []},
        continuation=False,
        origin=None,
        owner=None,
        began=lambda one: sent.append(one.request),
        send=lambda _, frame: sent.append(frame),
        log=ChunkLog(rows, "r1", SystemClock()),
    )
    stream.begin_anew(lambda _: True)
    stream.put({"type": "start"})
    stream.close()
    stream.release()
    assert sent == []
