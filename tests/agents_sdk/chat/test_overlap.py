"""Messages that are submitted while an answer is under way, by the policy of the class."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents_sdk import AgentsApp, Debounce, InvalidAgent
from agents_sdk.chat.chat import Chat
from tests.agents_sdk.chat.chats import Echo, Gates, ask, stored, talking, text_of, until, user, words
from tests.agents_sdk.served import served
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

RESPONSE = "cf_agent_use_chat_response"
MESSAGES = "cf_agent_chat_messages"
FIRST = user("u1", "one gate:x")


class Latest(Echo):
    message_concurrency = "latest"
    turn_limit = 1


class Merge(Echo):
    message_concurrency = "merge"


class Drop(Echo):
    message_concurrency = "drop"


class Short(Echo):
    turn_limit = 1


class Pause(Echo):
    message_concurrency = Debounce(2.0)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def app(gates: Gates, clock: VirtualClock, tmp_path: Path) -> AgentsApp:
    return AgentsApp([Latest, Merge, Drop, Short, Pause], data=tmp_path, env=gates, clock=clock)


@pytest.fixture
async def address(app: AgentsApp) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


@pytest.mark.parametrize("chat", ["latest", "pause"])
async def test_only_the_latest_of_those_that_wait_is_answered(
    address: str, app: AgentsApp, gates: Gates, chat: str
) -> None:
    async with talking(address, "ann", chat=chat) as ann, talking(address, "bob", chat=chat) as bob:
        await ask(ann, "r1", FIRST)
        await gates.reached("gate:x")
        await ask(bob, "r2", FIRST, user("u2", "two"))
        await until(ann, MESSAGES)
        await ask(ann, "r3", FIRST, user("u3", "three"))
        skipped = (await until(bob, RESPONSE, done=True))[-1]
        assert skipped == {
            "type": RESPONSE, "id": "r2", "body": "", "done": True, "outcome": "skipped",
            "messageIds": ["u1", "u2"],
        }  # fmt: skip
        gates.open("gate:x")
        frames = await until(ann, RESPONSE, done=True, id="r3")
        assert "skipped" not in [frame.get("outcome") for frame in frames], "only its client is told"
        agent = await app.get_agent(Latest if chat == "latest" else Pause, "a")
        assert await agent.ctx.part(Chat).rows.turns() == [], "it is not answered in the next life either"
    assert [text for _, text in await stored(address, chat=chat)] == [
        "one gate:x", "one ", "two", "three", "three ",
    ]  # fmt: skip


async def test_those_that_wait_become_one(address: str, gates: Gates) -> None:
    async with talking(address, "ann", chat="merge") as ann, talking(address, "bob", chat="merge") as bob:
        await ask(ann, "r1", FIRST)
        await gates.reached("gate:x")
        await ask(bob, "r2", FIRST, user("u2", "two"))
        await until(ann, MESSAGES)
        await until(ann, MESSAGES)
        await ask(ann, "r3", FIRST, user("u3", "three"))
        [transcript] = (await until(ann, MESSAGES))[-1:]
        assert [text_of(message) for message in transcript["messages"]] == ["one gate:x", "two\n\nthree"]
        assert (await until(bob, RESPONSE, done=True))[-1]["outcome"] == "skipped"
        gates.open("gate:x")
        frames = await until(ann, RESPONSE, done=True, id="r3")
        assert words([frame for frame in frames if frame.get("id") == "r3"]) == "two three "
    assert len(await stored(address, chat="merge")) == 4


@pytest.mark.parametrize("trigger", ["submit-message", "regenerate-message"])
async def test_more_than_may_wait_is_refused(address: str, gates: Gates, trigger: str) -> None:
    async with talking(address, "ann", chat="short") as ann, talking(address, "bob", chat="short") as bob:
        await ask(ann, "r1", FIRST)
        await gates.reached("gate:x")
        await ask(ann, "r2", FIRST, user("u2", "two"))
        await until(bob, MESSAGES)
        await until(bob, MESSAGES)
        await until(bob, MESSAGES)
        await ask(bob, "r3", FIRST, user("u2", "two"), user("u3", "three"), trigger=trigger)
        frames = await until(bob, RESPONSE, id="r3")
        assert [text_of(one) for one in frames[-2]["messages"]] == ["one gate:x", "one ", "two"]
        assert frames[-1]["body"].startswith("Too many questions wait")
        assert (frames[-1]["error"], frames[-1]["done"]) == (True, True)
        gates.open("gate:x")
        await until(ann, RESPONSE, done=True, id="r2")
        await ask(bob, "r4", FIRST, user("u2", "two"), user("u3", "three"))
        await until(bob, RESPONSE, done=True, id="r4")
    said = [text for role, text in await stored(address, chat="short") if role == "user"]
    assert said == ["one gate:x", "two", "three"]


async def test_turns_of_the_agent_itself_may_wait(address: str, app: AgentsApp, gates: Gates) -> None:
    short = await app.get_agent(Short, "a")
    turns = [asyncio.create_task(short.save_messages([FIRST])) for _ in range(4)]
    await gates.reached("gate:x")
    gates.open("gate:x")
    assert [one.status for one in await asyncio.gather(*turns)] == ["completed"] * 4


async def test_what_comes_in_between_is_refused(address: str, gates: Gates) -> None:
    async with talking(address, "ann", chat="drop") as ann, talking(address, "bob", chat="drop") as bob:
        await ask(ann, "r1", FIRST)
        await gates.reached("gate:x")
        for _ in range(6):  # the transcript twice, and the chunks so far
            [seen] = await bob.next()
            if seen.get("seq") == 2:
                break
        await ask(bob, "r2", FIRST, user("u2", "two"))
        transcript, skipped = await bob.next(2)
        assert [text_of(message) for message in transcript["messages"]] == ["one gate:x", "one "]
        assert (skipped["id"], skipped["outcome"], skipped["done"]) == ("r2", "skipped", True)
        gates.open("gate:x")
        await until(ann, RESPONSE, done=True)
        await ask(bob, "r3", user("u3", "later"))
        assert words(await until(bob, RESPONSE, done=True, id="r3"))
    assert [text for _, text in await stored(address, chat="drop")] == [
        "one gate:x",
        "one ",
        "later",
        "later ",
    ]


async def test_a_pause_is_waited_for(address: str, app: AgentsApp, gates: Gates, clock: VirtualClock) -> None:
    async with talking(address, "ann", chat="pause") as ann, talking(address, "bob", chat="pause") as bob:
        await ask(bob, "r1", FIRST)
        await gates.reached("gate:x")
        before = clock.now()
        await ask(ann, "r2", FIRST, user("u2", "two"))
        await until(bob, MESSAGES)  # it is stored, and waits
        gates.open("gate:x")
        await until(ann, RESPONSE, done=True, id="r2")
    assert (await app.get_agent(Pause, "a")).began[1] - before >= 2


async def test_an_answer_is_given_again(address: str) -> None:
    async with talking(address, "ann", chat="drop") as ann, talking(address, "bob", chat="drop") as bob:
        await ask(ann, "r1", user("u1", "hello"))
        first = (await until(bob, RESPONSE, done=True))[-2]["messages"][1]["id"]
        await ask(ann, "r2", user("u1", "hello"), trigger="regenerate-message")
        *_, transcript, _ = await until(bob, RESPONSE, done=True, id="r2")
        assert [message["role"] for message in transcript["messages"]] == ["user", "assistant"]
        assert transcript["messages"][1]["id"] != first


@pytest.mark.parametrize("chat", ["drop", "merge", "pause"])
async def test_to_answer_again_waits_for_its_turn_whatever_overlaps(
    address: str, app: AgentsApp, gates: Gates, chat: str
) -> None:
    async with talking(address, "ann", chat=chat) as ann, talking(address, "bob", chat=chat) as bob:
        await ask(ann, "r1", FIRST)
        await gates.reached("gate:x")
        await ask(bob, "r2", FIRST, trigger="regenerate-message")
        await until(ann, MESSAGES)
        if chat != "drop":
            await ask(ann, "r3", FIRST, user("u3", "three"))
        gates.open("gate:x")
        last = "r2" if chat == "drop" else "r3"
        frames = await until(bob, RESPONSE, done=True, id=last)
        ends = {frame["id"]: frame.get("outcome") for frame in frames if frame.get("done")}
        assert ends == dict.fromkeys(["r1", "r2", last])


def test_an_unknown_policy_is_refused(tmp_path: Path) -> None:
    class Odd(Echo):
        message_concurrency = "never"  # type: ignore[assignment]  # what is refused

    with pytest.raises(InvalidAgent, match="message_concurrency"):
        AgentsApp([Odd], data=tmp_path)


async def test_what_was_deleted_as_too_old_does_not_come_back_as_new(tmp_path: Path) -> None:
    class Short(Echo):
        max_persisted_messages = 3

    async with served(AgentsApp([Short], data=tmp_path)) as address:
        async with talking(address, "ann", chat="short") as ann:
            shown = []
            for number in range(1, 5):
                shown.append(user(f"u{number}", f"question{number}"))
                await ask(ann, f"r{number}", *shown)
                frames = await until(ann, RESPONSE, done=True)
                id = next(json.loads(frame["body"])["messageId"] for frame in frames if frame.get("seq") == 0)
                text = {"type": "text", "text": words(frames), "state": "done"}
                shown.append({"id": id, "role": "assistant", "parts": [text]})
        assert [text.strip() for _, text in await stored(address, chat="short")] == [
            "question3", "question4", "question4",
        ]  # fmt: skip


async def test_a_client_cannot_set_back_what_is_stored(address: str) -> None:
    async with talking(address, "ann", chat="drop") as ann, talking(address, "bob", chat="drop") as bob:
        await ask(ann, "r1", user("u1", "hello"))
        answer = (await until(bob, RESPONSE, done=True))[-2]["messages"][1]
        partial = {**answer, "parts": [{"type": "text", "text": "hel", "state": "streaming"}]}
        await ann.send({"type": MESSAGES, "messages": [partial]})
        [frame] = await bob.next()
        assert frame["messages"] == [user("u1", "hello"), answer]
