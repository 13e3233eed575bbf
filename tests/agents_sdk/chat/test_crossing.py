"""What clients and server send at the same time, and what comes in another order than usual."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
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

pytestmark = pytest.mark.anyio

RESPONSE = "cf_agent_use_chat_response"
MESSAGES = "cf_agent_chat_messages"
RESUMING = "cf_agent_stream_resuming"
PENDING = "cf_agent_stream_pending"
NONE = "cf_agent_stream_resume_none"
CLEAR = "cf_agent_chat_clear"


class Calling(Echo):
    """Calls a tool when it hears `call`, and then says what follows."""

    async def _chunks(self, text: str) -> AsyncIterator[dict[str, Any]]:
        if self.turns[-1].continuation:
            text = "more"
        async for chunk in super()._chunks(text.removeprefix("call ")):
            if chunk["type"] == "finish" and text.startswith("call"):
                yield {"type": "tool-input-available", "toolCallId": "c1", "toolName": "look", "input": {}}
            yield chunk


@pytest.fixture
def gates() -> Gates:
    return Gates()


@pytest.fixture
async def address(gates: Gates, tmp_path: Path) -> AsyncIterator[str]:
    app = AgentsApp([Echo, Calling], data=tmp_path, env=gates)
    async with served(app) as address:
        yield address


def texts(frame: dict[str, Any]) -> list[str]:
    return [text_of(message) for message in frame["messages"]]


async def give(client: Any, probe: str | None = None) -> None:
    result = {"type": "cf_agent_tool_result", "toolCallId": "c1", "output": 7, "autoContinue": True}
    await client.send(result)
    if probe is not None:
        await client.send({"type": "cf_agent_stream_resume_request", "probeId": probe})


async def test_who_submits_before_it_hears_of_others_sees_its_question_again(address: str) -> None:
    async with talking(address, "ann") as ann, talking(address, "bob") as bob:
        await bob.send({"type": MESSAGES, "messages": [user("k1", "a word")]})
        await until(ann, MESSAGES)  # which bob's view has, and ann's, for now, has not
        await ask(ann, "r1", user("u1", "hello"))
        frames = await until(ann, RESPONSE, done=True)
        assert texts(frames[0]) == ["a word", "hello"]
        assert frames[-2]["type"] == RESPONSE, "but not the transcript with its answer"


async def test_who_submits_before_it_hears_of_a_clear_sees_what_is_there(address: str) -> None:
    async with talking(address, "ann") as ann, talking(address, "bob") as bob:
        await ask(ann, "r1", user("u1", "one"))
        *_, transcript, _ = await until(bob, RESPONSE, done=True)
        await ann.send({"type": CLEAR})
        await until(bob, CLEAR)
        await ask(bob, "r2", *transcript["messages"], user("u2", "two"))
        frames = await until(bob, RESPONSE, done=True)
        assert texts(frames[0]) == ["two"]
        await bob.send({"type": MESSAGES, "messages": [user("k1", "three")]})
        assert texts((await until(bob, MESSAGES))[-1])[-1] == "three"


async def test_who_was_away_when_all_was_cleared_brings_nothing_back(gates: Gates, tmp_path: Path) -> None:
    async with served(AgentsApp([Echo], data=tmp_path, env=gates)) as address, talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one"))
        await until(ann, RESPONSE, done=True)
        await ask(ann, "r2", user("u1", "one"), user("u2", "two gate:x"))
        await gates.reached("gate:x")
        async with talking(address, "bob", first=[RESUMING]) as bob:
            await bob.send({"type": "cf_agent_stream_resume_ack", "id": "r2"})
            [start, *_] = chunks_in(await until(bob, RESPONSE, replayComplete=True))
            async with httpx.AsyncClient() as http:
                shown = (await http.get(f"http://{address}/agents/echo/a/get-messages")).json()
        shown.append(user(start["messageId"], "two ") | {"role": "assistant"})
        await ann.send({"type": CLEAR})
        await until(ann, RESPONSE, done=True)
    async with served(AgentsApp([Echo], data=tmp_path, env=gates)) as address, talking(address, "bob") as bob:
        await ask(bob, "r3", *shown, user("u3", "three"))
        frames = await until(bob, RESPONSE, done=True)
        assert texts(frames[0]) == ["three"]
        assert await stored(address) == [("user", "three"), ("assistant", "three ")]


async def test_who_submits_only_what_was_cleared_is_answered_nothing(address: str) -> None:
    async with talking(address, "ann") as ann, talking(address, "bob") as bob:
        await ask(ann, "r1", user("u1", "one"))
        await until(ann, RESPONSE, done=True)
        await ann.send({"type": CLEAR})
        await until(bob, CLEAR)
        await ask(bob, "r2", user("u1", "one"), trigger="regenerate-message")
        transcript, end = await bob.next(2)
        assert (transcript["messages"], end["id"], end["outcome"]) == ([], "r2", "skipped")
        await ask(bob, "r3", trigger="submit-message")  # nothing at all is something else
        assert (await until(bob, RESPONSE, done=True, id="r3"))[-1].get("outcome") != "skipped"


async def test_what_was_stored_again_after_a_clear_counts(address: str) -> None:
    async with talking(address, "ann") as ann, talking(address, "bob") as bob:
        await ask(ann, "r1", user("u1", "one"))
        *_, transcript, _ = await until(bob, RESPONSE, done=True)
        await ann.send({"type": CLEAR})
        await until(bob, CLEAR)
        await bob.send({"type": MESSAGES, "messages": transcript["messages"]})  # it is taken back
        await until(ann, MESSAGES)
        await ask(ann, "r2", user("u1", "one"), trigger="regenerate-message")
        assert words(await until(ann, RESPONSE, done=True)) == "one "
        assert [text for _, text in await stored(address)] == ["one", "one "]


async def test_the_latest_clears_are_known(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_sdk.chat.cleared._MOST", 2)
    lately, old, last = user("u1", "a"), user("u2", "b"), user("u3", "c")
    async with talking(address, "ann") as ann, talking(address, "bob") as bob:
        for messages in ([lately], [old], [lately], [last]):
            await bob.send({"type": MESSAGES, "messages": messages})
            await until(ann, MESSAGES)
            await ann.send({"type": CLEAR})
            await until(bob, CLEAR)
        await ask(bob, "r1", lately, old, last, user("u4", "d"))
        await until(bob, RESPONSE, done=True)
        assert [text for _, text in await stored(address)] == ["b", "d", "d "]


async def test_a_submitter_that_waits_for_another_answer_gets_its_own(address: str, gates: Gates) -> None:
    async with talking(address, "ann", chat="calling") as ann:
        await ask(ann, "r1", user("u1", "call now"))
        await until(ann, RESPONSE, done=True)
        answer = await stored(address, chat="calling")
        await ask(ann, "r2", user("u1", "call now"), user("u2", "pre:x hello"))
        await gates.reached("pre:x")
        await give(ann, "p1")
        await until(ann, PENDING)
        gates.open("pre:x")
        frames = await until(ann, RESPONSE, done=True, id="r2")
        assert words(frames) == "pre:x hello "
        [*_, resuming] = await until(ann, RESUMING)
        assert resuming["id"] != "r2"
        assert answer == [("user", "call now"), ("assistant", "now ")]


async def test_an_answer_goes_on_where_clients_show_that_it_does(address: str, gates: Gates) -> None:
    """They append to the last answer, whichever call was answered."""
    async with talking(address, "ann", chat="calling") as ann, talking(address, "bob", chat="calling") as bob:
        await ask(ann, "r1", user("u1", "call now"))
        await until(bob, RESPONSE, done=True)
        await ask(ann, "r2", user("u1", "call now"), user("u2", "next gate:x"))
        await gates.reached("gate:x")
        await give(ann)
        gates.open("gate:x")
        *_, transcript, _ = await until(bob, RESPONSE, done=True, continuation=True)
        assert texts(transcript) == ["call now", "now ", "next gate:x", "next more "]


async def test_who_leaves_without_an_ack_gets_the_transcript_later(address: str, gates: Gates) -> None:
    async with talking(address, "ann") as ann:
        async with talking(address, "bob") as bob:
            await ask(ann, "r1", user("u1", "one gate:x two"))
            await gates.reached("gate:x")
            await until(bob, RESPONSE, seq=2)
        async with talking(address, "bob", first=[RESUMING]):
            gates.open("gate:x")
            await until(ann, RESPONSE, done=True)
        async with talking(address, "bob") as bob:
            await bob.send({"type": "cf_agent_stream_resume_request", "probeId": "p1"})
            transcript, none = await bob.next(2)
            assert texts(transcript) == ["one gate:x two", "one two "]
            assert none["type"] == NONE


async def test_who_has_not_acknowledged_has_the_answer_before_it_goes_on(address: str, gates: Gates) -> None:
    async with talking(address, "ann", chat="calling") as ann:
        await ask(ann, "r1", user("u1", "call gate:x now"))
        await gates.reached("gate:x")
        async with talking(address, "bob", chat="calling", first=[RESUMING]) as bob:
            await give(ann)
            gates.open("gate:x")
            await until(ann, RESPONSE, done=True, id="r1")
            await give(ann)
            frames = await until(bob, RESPONSE, done=True, continuation=True)
            first = next(at for at, one in enumerate(frames) if one.get("continuation"))
            assert [one["type"] for one in frames[:first] if one.get("done")] == [RESPONSE]
            assert any(one["type"] == MESSAGES for one in frames[:first])


async def test_an_ack_behind_a_clear_brings_nothing_back(address: str, gates: Gates) -> None:
    async with talking(address, "ann") as ann:
        await ask(ann, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
        async with talking(address, "bob", first=[RESUMING]) as bob:
            await ann.send({"type": CLEAR})
            await until(bob, CLEAR)
            await bob.send({"type": "cf_agent_stream_resume_ack", "id": "r1"})
            frames = await until(bob, RESPONSE, done=True)
            assert words(frames) == ""
