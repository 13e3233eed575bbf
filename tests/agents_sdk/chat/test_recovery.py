"""Turns that a SIGKILL cut off are answered all the same, and no word of it is there twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents_sdk.chat.chat import Chat
from tests.agents_sdk.chat.chats import ask, chunks_in, stored, talking, text_of, until, user, words
from tests.agents_sdk.chat.killed import Mortal, Script, app
from tests.agents_sdk.served import served
from tests.mortal import mortal

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

RESPONSE = "cf_agent_use_chat_response"
MESSAGES = "cf_agent_chat_messages"
RESUMING = "cf_agent_stream_resuming"
PENDING = "cf_agent_stream_pending"
RECOVERING = "cf_agent_chat_recovering"


def kill(folder: Path, *said: str) -> None:
    """Asks in a process of its own, which is killed in the answer."""
    command = [sys.executable, "-m", "tests.agents_sdk.chat.killed", str(folder), *said]
    with mortal(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "kill me\n"
        child.send_signal(signal.SIGKILL)


async def test_an_answer_that_is_given_again_is_not_doubled(tmp_path: Path) -> None:
    kill(tmp_path, "one", "two", "gate:x", "three")
    script = Script(["one", "gate:y", "two", "three", "gate:z"])
    async with served(app(tmp_path, script)) as address:
        assert await stored(address, chat="mortal") == [
            ("user", "one two gate:x three"),
            ("assistant", "one two "),
        ]
        await script.reached("gate:y")  # less than was shown is not shown
        async with talking(address, "ann", chat="mortal", first=[PENDING, RECOVERING]) as ann:
            script.open("gate:y")
            [resuming] = await ann.next()
            assert resuming["type"] == RESUMING
            await ann.send({"type": "cf_agent_stream_resume_ack", "id": resuming["id"]})
            frames = await until(ann, RESPONSE, replayComplete=True)
            script.open("gate:z")
            frames += await until(ann, RECOVERING, recovering=False)
            assert words(frames) == "one two three "
            [start] = [chunk for chunk in chunks_in(frames) if chunk["type"] == "start"]
            *_, transcript, done, _ = frames
            assert transcript["messages"][1]["id"] == start["messageId"]
            assert not any(frame.get("continuation") for frame in frames)
            assert done["messageIds"] == ["u1"]
        assert await stored(address, chat="mortal") == [
            ("user", "one two gate:x three"), ("assistant", "one two three "),
        ]  # fmt: skip


async def test_what_it_says_anew_takes_the_place_of_what_was_said(tmp_path: Path) -> None:
    kill(tmp_path, "one", "two", "gate:x")
    async with app(tmp_path, Script(["one", "other"])) as agents:
        agent = await agents.get_agent(Mortal, "a")
        await agent.ctx.part(Chat).turns.stable()
        before, after = agent.kept[1], agent.messages[1]
        assert (text_of(before), before["parts"][0]["state"]) == ("one two ", "streaming")
        assert (text_of(after), after["parts"][0]["state"]) == ("one other ", "done")
        assert before["id"] == after["id"]
        assert len(agent.messages) == 2
        [turn], [recovery] = agent.turns, agent.recoveries
        assert [message["id"] for message in turn.messages] == ["u1"], "the partial is not shown to it"
        assert (recovery.attempt, recovery.text) == (1, "one two ")


async def test_what_was_shown_last_is_what_is_kept(tmp_path: Path) -> None:
    kill(tmp_path, "one", "two", "gate:x")
    kill(tmp_path, "other", "gate:x")
    async with app(tmp_path, Script(["give-in"])) as agents:
        agent = await agents.get_agent(Mortal, "a")
        await agent.ctx.part(Chat).turns.stable()
        assert [text_of(message) for message in agent.messages] == ["one two gate:x", "other "]


async def test_an_agent_may_keep_what_was_said(tmp_path: Path) -> None:
    kill(tmp_path, "one", "two", "gate:x")
    async with app(tmp_path, Script(["give-in"])) as agents:
        agent = await agents.get_agent(Mortal, "a")
        await agent.ctx.part(Chat).turns.stable()
        assert agent.messages[1]["parts"] == [{"type": "text", "text": "one two ", "state": "done"}]
        assert agent.turns == []
    async with app(tmp_path, Script(["never"])) as agents:
        agent = await agents.get_agent(Mortal, "a")
        assert agent.recoveries == []


async def test_a_turn_of_which_nothing_was_said_keeps_its_request(tmp_path: Path) -> None:
    kill(tmp_path, "gate:x")
    async with app(tmp_path, Script(["hello"])) as agents:
        agent = await agents.get_agent(Mortal, "a")
        await agent.ctx.part(Chat).turns.stable()
        assert agent.turns[0].request_id == agent.recoveries[0].request_id
        assert text_of(agent.messages[1]) == "hello "


async def test_what_waits_for_a_human_is_not_given_again(tmp_path: Path) -> None:
    kill(tmp_path, "one", "may:x", "gate:x")
    async with app(tmp_path, Script(["never"])) as agents:
        agent = await agents.get_agent(Mortal, "a")
        await agent.ctx.part(Chat).turns.stable()
        text, call = agent.messages[1]["parts"]
        assert (text["state"], call["state"]) == ("done", "approval-requested")
        assert agent.turns == []
        assert agent.recoveries == []


async def test_a_call_that_a_client_has_answered_is_not_made_again(tmp_path: Path) -> None:
    kill(tmp_path, "one", "call:c1", "gate:x")
    async with app(tmp_path, Script(["done"])) as agents:
        agent = await agents.get_agent(Mortal, "a")
        await agent.ctx.part(Chat).turns.stable()
        [turn] = agent.turns
        assert turn.continuation
        said, call, more = agent.messages[1]["parts"]
        assert (said["text"], call["output"], more["text"]) == ("one ", 7, "done ")
    async with app(tmp_path, Script(["never"])) as agents:
        assert (await agents.get_agent(Mortal, "a")).kept == agent.messages


async def test_agents_that_owe_an_answer_are_woken(tmp_path: Path) -> None:
    kill(tmp_path, "one", "gate:x")
    script = Script(["gate:y"])
    async with app(tmp_path, script):
        await script.reached("gate:y")  # nobody has asked for the agent
        script.open("gate:y")


async def test_a_continuation_goes_on_from_what_preceded_it(tmp_path: Path) -> None:
    kill(tmp_path, "then", "one", "two", "gate:x")
    script = Script(["one", "gate:x", "other"])
    async with served(app(tmp_path, script)) as address:
        assert await stored(address, chat="mortal") == [("user", "hello"), ("assistant", "hello ")]
        await script.reached("gate:x")
        async with talking(address, "ann", chat="mortal", first=[MESSAGES, RESUMING, RECOVERING]) as ann:
            await ann.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})
            transcript, resuming = await ann.next(2)
            assert text_of(transcript["messages"][1]) == "hello "
            await ann.send({"type": "cf_agent_stream_resume_ack", "id": resuming["id"]})
            script.open("gate:x")
            frames = await until(ann, RECOVERING, recovering=False)
            assert words(frames) == "one other "
            assert all(frame["continuation"] for frame in frames if frame["type"] == RESPONSE)
        assert await stored(address, chat="mortal") == [("user", "hello"), ("assistant", "hello one other ")]


async def test_who_was_away_when_it_was_given_again_gets_the_transcript(tmp_path: Path) -> None:
    kill(tmp_path, "one", "two", "gate:x")
    script = Script(["one", "gate:y", "two", "three"])
    async with served(app(tmp_path, script)) as address:
        assert len(await stored(address, chat="mortal")) == 2
        await script.reached("gate:y")
        async with talking(address, "bob", chat="mortal", first=[PENDING, RECOVERING]) as bob:
            script.open("gate:y")  # bob is there sooner, and sees the answer
            [resuming] = await bob.next()
            await bob.send({"type": "cf_agent_stream_resume_ack", "id": resuming["id"]})
            await until(bob, RECOVERING, recovering=False)
        async with talking(address, "ann", chat="mortal") as ann:
            await ann.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})
            transcript, none = await ann.next(2)
            assert [text_of(message) for message in transcript["messages"]][1] == "one two three "
            assert none["reason"] == "idle"


async def test_a_turn_that_ends_each_process_is_given_up(tmp_path: Path) -> None:
    for _ in range(4):
        kill(tmp_path, "one", "two", "gate:x")
    async with served(app(tmp_path, Script(["three"]))) as address:
        async with talking(address, "ann", chat="mortal") as ann:
            await ann.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})
            [resuming] = await ann.next()
            assert (resuming["type"], resuming["probeId"]) == (RESUMING, "p")
            await ann.send({"type": "cf_agent_stream_resume_ack", "id": resuming["id"]})
            frames = await until(ann, RESPONSE, done=True)
            assert words(frames) == "one two "
            assert frames[-1]["error"]
            assert frames[-1]["body"] == "The answer was interrupted and could not be completed."
        assert await stored(address, chat="mortal") == [("user", "one two gate:x"), ("assistant", "one two ")]
        async with talking(address, "ann", chat="mortal") as ann:
            await ask(ann, "r2", user("u2", "next"))
            await until(ann, RESPONSE, done=True)
            await ann.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})
            assert (await ann.next())[0]["reason"] == "idle"
