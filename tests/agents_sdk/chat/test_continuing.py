"""Tools of the client and approvals: the answer goes on in the same message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents_sdk import AgentsApp, ChatAgent, Turn
from tests.agents_sdk.chat.chats import Gates, ask, chunks_in, talking, text_of, until, user, words
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from workflows import SystemClock
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

RESPONSE = "cf_agent_use_chat_response"
MESSAGES = "cf_agent_chat_messages"
UPDATED = "cf_agent_message_updated"
RESUMING = "cf_agent_stream_resuming"
PENDING = "cf_agent_stream_pending"
NONE = "cf_agent_stream_resume_none"


class Tools(ChatAgent[Gates, Any]):
    """Calls the tools that are named; after their results it says what they gave."""

    async def on_start(self) -> None:
        self.turns: list[tuple[Turn, float]] = []

    async def on_chat_message(self, turn: Turn) -> AsyncIterator[dict[str, Any]]:
        self.turns.append((turn, self.ctx.clock.now()))
        yield {"type": "start"}
        yield {"type": "start-step"}
        if turn.continuation:
            gave = [
                part.get("output", part["state"])
                for part in turn.messages[-1]["parts"]
                if "toolCallId" in part
            ]
            yield {"type": "text-start", "id": "t1"}
            yield {"type": "text-delta", "id": "t1", "delta": f"gave {gave}"}
            await self.env.wait("gate:end")
            yield {"type": "text-end", "id": "t1"}
        for word in [] if turn.continuation else text_of(turn.messages[-1]).split():
            if word.startswith("gate:"):
                await self.env.wait(word)
                continue
            yield {
                "type": "tool-input-available",
                "toolCallId": word,
                "toolName": "look",
                "input": {"of": word},
            }
            if word.startswith("may"):
                yield {"type": "tool-approval-request", "toolCallId": word, "approvalId": f"a-{word}"}
        yield {"type": "finish-step"}
        yield {"type": "finish"}


@pytest.fixture
def gates() -> Gates:
    gates = Gates()
    gates.open("gate:end")
    return gates


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def app(gates: Gates, clock: VirtualClock, tmp_path: Path) -> AgentsApp:
    return AgentsApp([Tools], data=tmp_path, env=gates, clock=clock)


@pytest.fixture
async def address(app: AgentsApp) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


async def give(client: Client, call: str, output: Any, *, probe: str | None = None, **more: Any) -> None:
    frame = {"type": "cf_agent_tool_result", "toolCallId": call, "toolName": "look", "output": output}
    await client.send({**frame, "autoContinue": True, **more})
    if probe is not None:
        await client.send({"type": "cf_agent_stream_resume_request", "probeId": probe})


async def say(client: Client, *words: str, request: str = "r1") -> list[dict[str, Any]]:
    await ask(client, request, user("u1", " ".join(words)), clientTools=[{"name": "look"}], model="small")
    return await until(client, RESPONSE, done=True)


def output_in(frames: list[dict[str, Any]]) -> Any:
    [updated] = frames
    assert updated["type"] == UPDATED
    return updated["message"]["parts"][-1]["output"]


async def parts_of_answer(address: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient() as http:
        messages = (await http.get(f"http://{address}/agents/tools/a/get-messages")).json()
    assert [message["role"] for message in messages] == ["user", "assistant"]
    return list(messages[1]["parts"])


async def test_a_result_is_shown_and_the_answer_goes_on_for_its_client(
    address: str, app: AgentsApp, gates: Gates
) -> None:
    async with talking(address, "ann", chat="tools") as ann, talking(address, "bob", chat="tools") as bob:
        first = chunks_in(await say(ann, "c1"))[0]["messageId"]
        await until(bob, RESPONSE, done=True)
        gates.close("gate:end")  # else the virtual time for an ACK passes at once
        await give(ann, "c1", {"lat": 1}, probe="p1", clientTools=[{"name": "other"}])
        updated, pending, resuming = await ann.next(3)
        assert updated["type"] == UPDATED
        assert updated["message"]["id"] == first
        assert updated["message"]["parts"][1]["state"] == "output-available"
        assert pending == {"type": PENDING, "id": pending["id"], "probeId": "p1"}
        assert resuming == {"type": RESUMING, "id": pending["id"]}
        await ann.send({"type": "cf_agent_stream_resume_ack", "id": pending["id"]})
        frames = await until(ann, RESPONSE, replayComplete=True)
        gates.open("gate:end")
        frames += await until(ann, RESPONSE, done=True)
        assert [chunk["type"] for chunk in chunks_in(frames)][:2] == ["start", "start-step"]
        assert "messageId" not in chunks_in(frames)[0]
        assert all(frame["continuation"] for frame in frames if frame["type"] == RESPONSE)
        assert [frame["type"] for frame in frames[-2:]] == [MESSAGES, RESPONSE]
        assert "messageIds" not in frames[-1]
        seen = await until(bob, RESPONSE, done=True)
        assert words(seen) == "gave [{'lat': 1}]"
        assert seen[0]["type"] == UPDATED
    parts = await parts_of_answer(address)
    assert [part["type"] for part in parts] == ["step-start", "tool-look", "step-start", "text"]
    agent = await app.get_agent(Tools, "a")
    [(asked, _), (continued, _)] = agent.turns
    assert (continued.body, continued.client_tools) == ({"model": "small"}, [{"name": "other"}])
    assert asked.client_tools == [{"name": "look"}]
    assert continued.messages[-1]["id"] == first


async def test_more_results_have_a_moment_to_come(gates: Gates, tmp_path: Path) -> None:
    app = AgentsApp([Tools], data=tmp_path, env=gates)
    async with served(app) as address, talking(address, "ann", chat="tools") as ann:
        await say(ann, "c1")
        before = SystemClock().now()
        await give(ann, "c1", 1)
        await until(ann, RESPONSE, done=True)
        assert (await app.get_agent(Tools, "a")).turns[-1][1] - before >= 0.05


async def test_the_answer_waits_for_all_results_of_a_batch(address: str, app: AgentsApp) -> None:
    async with talking(address, "ann", chat="tools") as ann:
        await say(ann, "c1", "c2")
        await give(ann, "c1", 1, probe="p1")
        assert [frame["type"] for frame in await ann.next(2)] == [UPDATED, NONE]
        await give(ann, "c2", 2)
        assert words(await until(ann, RESPONSE, done=True)) == "gave [1, 2]"
    assert len((await app.get_agent(Tools, "a")).turns) == 2


@pytest.mark.parametrize(("approved", "state"), [(True, "approval-responded"), (False, "output-denied")])
async def test_an_approval_is_a_result_too(address: str, approved: bool, state: str) -> None:
    async with talking(address, "ann", chat="tools") as ann:
        await say(ann, "may1")
        frame = {"type": "cf_agent_tool_approval", "toolCallId": "may1", "approved": approved}
        await ann.send({**frame, "autoContinue": True})
        [updated] = await ann.next()
        assert updated["message"]["parts"][1]["approval"] == {"id": "a-may1", "approved": approved}
        assert words(await until(ann, RESPONSE, done=True)) == f"gave ['{state}']"


async def test_a_result_without_a_wish_and_an_error_do_not_go_on(address: str, app: AgentsApp) -> None:
    async with talking(address, "ann", chat="tools") as ann:
        await say(ann, "c1", request="r1")
        await give(ann, "unknown", 0)
        await give(ann, "c1", None, state="output-error", errorText="denied")
        [updated] = await ann.next()
        part = updated["message"]["parts"][1]
        assert (part["state"], part["errorText"]) == ("output-error", "denied")
        await give(ann, "c1", "too late", probe="p1")
        assert [frame["type"] for frame in await ann.next()] == [NONE], "the first word counts"
    assert len((await app.get_agent(Tools, "a")).turns) == 1


async def test_a_result_that_comes_while_the_answer_streams(
    address: str, app: AgentsApp, gates: Gates
) -> None:
    async with talking(address, "ann", chat="tools") as ann:
        await ask(ann, "r1", user("u1", "c1 gate:x"))
        await gates.reached("gate:x")
        await give(ann, "c1", 7, probe="p1", clientTools=[{"name": "other"}])
        frames = await until(ann, PENDING)
        assert frames[-2]["type"] == UPDATED
        gates.close("gate:end")  # else the virtual time for an ACK passes at once
        gates.open("gate:x")
        await until(ann, RESPONSE, done=True, id="r1")
        updated, resuming = await ann.next(2)
        assert updated["message"]["parts"][1]["output"] == 7  # its chunks do not say so
        assert resuming == {"type": RESUMING, "id": frames[-1]["id"]}
        await ann.send({"type": "cf_agent_stream_resume_ack", "id": frames[-1]["id"]})
        replay = await until(ann, RESPONSE, replayComplete=True)
        gates.open("gate:end")
        assert words(replay + await until(ann, RESPONSE, done=True)) == "gave [7]"
    assert (await app.get_agent(Tools, "a")).turns[-1][0].client_tools == [{"name": "other"}]
    assert [part["type"] for part in await parts_of_answer(address)] == [
        "step-start", "tool-look", "step-start", "text",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "ends", [{"type": "cf_agent_chat_request_cancel", "id": "r1"}, {"type": "cf_agent_chat_clear"}]
)
async def test_who_waits_for_an_answer_that_does_not_go_on_is_told_so(
    address: str, gates: Gates, ends: dict[str, Any]
) -> None:
    async with talking(address, "ann", chat="tools") as ann:
        await ask(ann, "r1", user("u1", "c1 gate:x"))
        await gates.reached("gate:x")
        await give(ann, "c1", 7, probe="p1")
        await until(ann, PENDING)
        await ann.send(ends)
        assert (await until(ann, NONE))[-1] == {"type": NONE}


async def test_who_comes_after_a_result_sees_it_behind_the_chunks(address: str, gates: Gates) -> None:
    async with talking(address, "ann", chat="tools") as ann:
        await ask(ann, "r1", user("u1", "c1 gate:x"))
        await gates.reached("gate:x")
        async with talking(address, "bob", chat="tools", first=[RESUMING]) as bob:
            await give(ann, "c1", 7, autoContinue=False)
            await until(ann, UPDATED)
            assert [one["type"] for one in await bob.next()] == [
                UPDATED
            ]  # of a message that he does not have
            await bob.send({"type": "cf_agent_stream_resume_ack", "id": "r1"})
            *chunks, _complete = await until(bob, RESPONSE, replayComplete=True)
            assert [chunk["replay"] for chunk in chunks] == [True] * 3
            assert output_in(await bob.next()) == 7
            gates.open("gate:x")
            await until(bob, RESPONSE, done=True)
            assert output_in(await bob.next()) == 7  # clients put the last chunk over what they were told


async def test_a_continuation_of_another_client_is_its_own(address: str, gates: Gates) -> None:
    async with talking(address, "ann", chat="tools") as ann:
        await say(ann, "c1")
        gates.close("gate:end")
        await give(ann, "c1", 1)
        await gates.reached("gate:end")
        async with talking(address, "bob", chat="tools", first=[RESUMING]) as bob:
            await bob.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})
            assert await bob.next() == [{"type": NONE, "reason": "continuation-owned", "probeId": "p"}]
            gates.open("gate:end")
            *_, last = await until(bob, RESPONSE, done=True)
            assert last["continuation"]


async def test_who_acknowledges_a_continuation_after_its_end_has_it_once(address: str, gates: Gates) -> None:
    async with talking(address, "ann", chat="tools") as ann:
        await say(ann, "c1")
        gates.close("gate:end")
        await give(ann, "c1", 1)
        await gates.reached("gate:end")
        async with talking(address, "bob", chat="tools", first=[RESUMING]) as bob:
            gates.open("gate:end")
            *_, transcript, last = await until(bob, RESPONSE, done=True)
            await bob.send({"type": "cf_agent_stream_resume_ack", "id": last["id"]})
            chunk, again, end = await until(bob, RESPONSE, done=True)
            assert (
                chunk["body"] == '{"type":"start"}'
            )  # a client puts what follows behind the message that it has
            assert again == transcript
            assert (end["replay"], end["continuation"]) == (True, True)


async def test_an_answer_goes_on_before_those_that_wait(address: str, gates: Gates) -> None:
    async with talking(address, "ann", chat="tools") as ann, talking(address, "bob", chat="tools") as bob:
        await ask(ann, "r1", user("u1", "c1 gate:x"))
        await gates.reached("gate:x")
        await ask(bob, "r2", user("u1", "c1 gate:x"), user("u2", "c2"))
        await until(ann, MESSAGES)
        await give(ann, "c1", 7)
        await until(ann, UPDATED)
        gates.open("gate:x")
        frames = await until(bob, RESPONSE, done=True, id="r2")
        first, continued, last = [frame["id"] for frame in frames if frame.get("done")]
        assert (first, last) == ("r1", "r2")
        assert words([frame for frame in frames if frame.get("id") == continued]) == "gave [7]"


async def test_a_clear_forgets_that_an_answer_was_to_go_on(address: str, app: AgentsApp) -> None:
    async with talking(address, "ann", chat="tools") as ann:
        await say(ann, "c1", "c2")
        await give(ann, "c1", 1)
        await ann.next()
        await ann.send({"type": "cf_agent_chat_clear"})
        await give(ann, "c2", 2, probe="p")
        assert (await ann.next())[0]["type"] == NONE
    assert len((await app.get_agent(Tools, "a")).turns) == 1
