"""Clients that come in the middle of an answer: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import AgentsApp
from tests.agents_sdk.chat.chats import (
    Echo,
    Gates,
    ask,
    chunks_in,
    stored,
    talking,
    text_of,
    until,
    user,
    words,
)
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

RESPONSE = "cf_agent_use_chat_response"
MESSAGES = "cf_agent_chat_messages"
RESUMING = "cf_agent_stream_resuming"
PENDING = "cf_agent_stream_pending"
NONE = "cf_agent_stream_resume_none"


async def probe(client: Client, id: str = "p1") -> None:
    await client.send({"type": "cf_agent_stream_resume_request", "probeId": id})


async def ack(client: Client, id: str) -> None:
    await client.send({"type": "cf_agent_stream_resume_ack", "id": id})


def seqs(frames: list[dict[str, Any]]) -> list[int]:
    return [frame["seq"] for frame in frames if "seq" in frame]


async def test_who_comes_later_gets_all_chunks_and_then_the_live_ones(address: str, gates: Gates) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one gate:x two gate:y three"))
        await gates.reached("gate:x")
        async with talking(address, "bob", first=[RESUMING]) as bob:
            await probe(bob)
            assert await bob.next() == [{"type": RESUMING, "id": "r1", "probeId": "p1"}]
            gates.open("gate:x")
            await gates.reached("gate:y")  # nothing of it may reach bob before his ACK
            await ack(bob, "r1")
            replay = await until(bob, RESPONSE, replayComplete=True)
            assert all(frame["replay"] for frame in replay)
            assert replay[-1] == {
                "type": RESPONSE, "id": "r1", "body": "", "done": False,
                "replay": True, "replayComplete": True,
            }  # fmt: skip
            gates.open("gate:y")
            live = await until(bob, RESPONSE, done=True)
            assert seqs(replay + live) == list(range(7))
            assert words(replay) == "one two "
            assert words(live) == "three "
            assert live[-2]["type"] == MESSAGES
            assert not live[-1].get("replay")


async def test_who_follows_an_answer_may_ask_again_without_an_acknowledgement(
    gates: Gates, tmp_path: Path
) -> None:
    app = AgentsApp([Echo], data=tmp_path, env=gates, clock=VirtualClock())
    async with served(app) as address, talking(address, "ann") as ann, talking(address, "bob") as bob:
        await ask(ann, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
        assert words(await until(bob, RESPONSE, seq=2)) == "one "
        await probe(bob)
        assert await bob.next() == [{"type": RESUMING, "id": "r1", "probeId": "p1"}]
        gates.open("gate:x")
        assert words(await until(bob, RESPONSE, done=True)) == "one two "  # anew, after a second


async def test_who_comes_before_the_first_chunk_waits_for_it(address: str, gates: Gates) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "pre:x hello"))
        await gates.reached("pre:x")
        async with talking(address, "bob", first=[PENDING]) as bob:
            await probe(bob)
            assert await bob.next() == [{"type": PENDING, "id": "r1", "probeId": "p1"}]
            gates.open("pre:x")
            assert await bob.next() == [{"type": RESUMING, "id": "r1"}]
            await ack(bob, "r1")
            frames = await until(bob, RESPONSE, done=True)
            assert seqs(frames) == list(range(6))


@pytest.mark.parametrize("said", ["pre:x throws", "none"])
async def test_who_waits_for_an_answer_that_does_not_come_is_told_so(
    address: str, gates: Gates, said: str
) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "first gate:x"))
        await gates.reached("gate:x")
        await ask(ann, "r2", user("u1", "first gate:x"), user("u2", "none"))
        async with talking(address, "bob", first=[RESUMING]) as bob:
            await ack(bob, "r1")
            await until(bob, RESPONSE, replayComplete=True)
            gates.open("gate:x")
            await until(bob, RESPONSE, done=True, id="r1")
            assert (await until(bob, RESPONSE, done=True))[-1]["outcome"] == "completed"


async def test_a_parked_client_is_told_when_the_turn_ends_without_a_stream(
    address: str, gates: Gates
) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "pre:x hello"))
        await gates.reached("pre:x")
        async with talking(address, "bob", first=[PENDING]) as bob:
            await ann.send({"type": "cf_agent_chat_request_cancel", "id": "r1"})
            assert await bob.next() == [{"type": NONE}]
            assert (await bob.next())[0]["outcome"] == "aborted"


async def test_without_an_answer_there_is_nothing_to_resume(address: str) -> None:
    async with talking(address, "ann") as ann:
        await probe(ann)
        assert await ann.next() == [{"type": NONE, "reason": "idle", "probeId": "p1"}]
        await ack(ann, "unknown")
        assert await ann.next() == [
            {"type": RESPONSE, "id": "unknown", "body": "", "done": True, "replay": True}
        ]


async def test_an_ack_of_another_answer_than_the_one_under_way_is_ignored(address: str, gates: Gates) -> None:
    async with talking(address, "ann") as ann, talking(address, "bob") as bob:
        await ask(ann, "r1", user("u1", "hello gate:x"))
        await gates.reached("gate:x")
        await ack(bob, "r0")
        gates.open("gate:x")
        frames = await until(bob, RESPONSE, done=True)
        assert {frame.get("id", "r1") for frame in frames} == {"r1"}
        assert seqs(frames) == list(range(5))


async def test_the_submitter_never_waits_for_an_ack(address: str, gates: Gates) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one gate:x two"))
        await probe(ann)
        await gates.reached("gate:x")
        await probe(ann, "p2")
        gates.open("gate:x")
        frames = await until(ann, RESPONSE, done=True)
        nones = [frame for frame in frames if frame["type"] == NONE]
        assert [(frame["reason"], frame["probeId"]) for frame in nones] == [("idle", "p1"), ("idle", "p2")]
        assert seqs(frames) == list(range(6))
        assert frames[-2]["type"] == MESSAGES, "it may have lost what it had"


async def test_a_submitter_that_comes_anew_resumes(address: str, gates: Gates) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
    async with talking(address, "ann", first=[RESUMING]) as again:
        await ack(again, "r1")
        gates.open("gate:x")
        frames = await until(again, RESPONSE, done=True)
        assert words(frames) == "one two "
        assert seqs(frames) == list(range(6))


async def test_a_reply_shorter_than_the_round_trip_is_not_lost(address: str, gates: Gates) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
        async with talking(address, "bob", first=[RESUMING]) as bob:
            gates.open("gate:x")
            await until(ann, RESPONSE, done=True)
            assert len(await stored(address)) == 2
            await ack(bob, "r1")
            frames = await until(bob, RESPONSE, done=True)
            assert words(frames) == "one two "
            assert seqs(frames) == list(range(6))
            assert [frame["type"] for frame in frames[-2:]] == [MESSAGES, RESPONSE]
            assert frames[-1]["replay"]
            assert frames[-1]["messageIds"] == ["u1"]


@pytest.mark.parametrize(("limit", "value"), [("_LARGE", 600), ("_MOST", 2)])
async def test_of_the_answers_that_have_ended_the_latest_are_remembered(
    address: str, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(f"agents_sdk.chat.resume.{limit}", value)
    said = {"r1": "one", "r2": "two " + "x" * 300, "r3": "three " + "x" * 1_000}
    async with talking(address, "ann") as ann, talking(address, "bob") as bob:
        for request, text in said.items():
            await ask(ann, request, user(request, text))
            await until(bob, RESPONSE, done=True, id=request)
        for request, remembered in [("r1", ""), ("r2", f"{said['r2']} "), ("r3", f"{said['r3']} ")]:
            await ack(bob, request)
            assert words(await until(bob, RESPONSE, done=True, id=request)) == remembered


async def test_who_never_acknowledges_gets_the_end_after_a_while(gates: Gates, tmp_path: Path) -> None:
    clock = VirtualClock()
    app = AgentsApp([Echo], data=tmp_path, env=gates, clock=clock)
    async with served(app) as address, talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
        async with talking(address, "bob", first=[RESUMING]) as bob:
            gates.open("gate:x")
            frames = await until(bob, RESPONSE, done=True)
            assert [frame["type"] for frame in frames] == [MESSAGES, RESPONSE]
            assert chunks_in(frames) == []


async def answered(address: str, count: int) -> None:
    async with asyncio.timeout(5):
        while len(await stored(address)) < count:  # noqa: ASYNC110  # nobody is told who is away
            await asyncio.sleep(0.01)


async def test_who_was_away_at_the_end_of_an_answer_gets_the_transcript_once(
    address: str, gates: Gates
) -> None:
    async with talking(address, "ann") as ann, talking(address, "bob") as bob:
        await ask(ann, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
        await until(bob, RESPONSE, seq=2)
    gates.open("gate:x")
    await answered(address, 2)
    for name in ("ann", "bob"):
        async with talking(address, name) as one:
            await probe(one, "back")
            transcript, none = await one.next(2)
            assert [text_of(message) for message in transcript["messages"]] == ["one gate:x two", "one two "]
            assert none == {"type": NONE, "reason": "idle", "probeId": "back"}
            await probe(one, "again")
            assert await one.next() == [{"type": NONE, "reason": "idle", "probeId": "again"}]
    async with talking(address, "new") as new:  # has fetched the messages
        await probe(new)
        assert await new.next() == [{"type": NONE, "reason": "idle", "probeId": "p1"}]


async def test_who_got_the_end_of_an_answer_gets_no_transcript(address: str) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one"))
        await until(ann, RESPONSE, done=True)
    async with talking(address, "ann") as ann:
        await probe(ann)
        assert await ann.next() == [{"type": NONE, "reason": "idle", "probeId": "p1"}]
