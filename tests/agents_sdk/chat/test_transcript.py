"""The messages of a chat: their order in memory is the one on the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from agents_sdk.chat.rows import ChatRows
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
