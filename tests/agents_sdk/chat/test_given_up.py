"""A turn that was given up is shown until somebody asks again, or empties the chat, whatever restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agents_sdk import AgentsApp, Recovery
from tests.agents_sdk.chat.chats import Echo, Gates, ask, stored, talking, until, user, words
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from workflows import Engine, Statement

pytestmark = pytest.mark.anyio

RESPONSE = "cf_agent_use_chat_response"
NONE = "cf_agent_stream_resume_none"
RECOVERING = "cf_agent_chat_recovering"
RESUMING = "cf_agent_stream_resuming"


class Tired(Echo):
    recovery_attempts = 0
    recovery_error = "Ask again."


class Old(Echo):
    recovery_age = -1.0
    recovery_error = "Ask again."


class Doubtful(Echo):
    """Cannot say whether it is to answer again."""

    failures: ClassVar[list[Exception]] = []

    async def on_chat_recovery(self, recovery: Recovery) -> bool:
        raise ValueError("who knows")

    async def on_error(self, error: Exception) -> Any:
        self.failures.append(error)


@asynccontextmanager
async def life(folder: Path, gates: Gates) -> AsyncIterator[str]:
    """The app, whose stop cuts off what is under way."""
    async with served(AgentsApp([Tired, Old, Doubtful], data=folder, env=gates)) as address:
        yield address


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_sdk.app._GRACE", 0.05)


async def cut_off(folder: Path, chat: str) -> None:
    gates = Gates()
    async with life(folder, gates) as address, talking(address, "ann", chat=chat) as ann:
        await ask(ann, "r1", user("u1", "one two gate:x three"))
        await until(ann, RESPONSE, seq=3)
        await gates.reached("gate:x")


async def probed(client: Client) -> dict[str, Any]:
    await client.send({"type": "cf_agent_stream_resume_request", "probeId": "p"})
    [frame] = await client.next()
    assert frame["probeId"] == "p"
    return dict(frame)


@pytest.mark.parametrize("chat", ["tired", "old"])
async def test_it_is_shown_after_every_start_with_what_was_made_of_it(tmp_path: Path, chat: str) -> None:
    await cut_off(tmp_path, chat)
    for _ in range(2):
        async with life(tmp_path, Gates()) as address, talking(address, "ann", chat=chat) as ann:
            assert await probed(ann) == {"type": RESUMING, "id": "r1", "probeId": "p"}
            for _ in range(2):  # as often as somebody asks
                await ann.send({"type": "cf_agent_stream_resume_ack", "id": "r1"})
                frames = await until(ann, RESPONSE, done=True)
                assert words(frames) == "one two "
                assert [frame["seq"] for frame in frames[:-1]] == [*range(len(frames) - 1)]
                assert frames[-1] == {
                    "type": RESPONSE, "id": "r1", "body": "Ask again.", "done": True, "error": True,
                    "messageIds": ["u1"],
                }  # fmt: skip
            assert [text for _, text in await stored(address, chat=chat)][1:] == ["one two "]


@pytest.mark.parametrize("ends", ["submit", "clear"])
async def test_it_is_forgotten_when_somebody_goes_on(tmp_path: Path, ends: str) -> None:
    await cut_off(tmp_path, "tired")
    async with life(tmp_path, Gates()) as address, talking(address, "ann", chat="tired") as ann:
        if ends == "clear":
            await ann.send({"type": "cf_agent_chat_clear"})
        else:
            await ask(ann, "r2", user("u2", "next"))
            await until(ann, RESPONSE, done=True)
        assert (await probed(ann))["type"] == NONE
        await ann.send({"type": "cf_agent_stream_resume_ack", "id": "r1"})
        assert (await ann.next())[0] == {
            "type": RESPONSE, "id": "r1", "body": "", "done": True, "replay": True
        }  # fmt: skip
    async with life(tmp_path, Gates()) as address, talking(address, "ann", chat="tired") as ann:
        assert (await probed(ann))["type"] == NONE


async def test_a_clear_that_cannot_be_written_leaves_it(tmp_path: Path) -> None:
    await cut_off(tmp_path, "tired")
    async with Engine(tmp_path / "agents.db", []) as engine:
        app = AgentsApp([Tired], engine=engine, env=Gates())
        async with served(app) as address, talking(address, "ann", chat="tired") as ann:
            await engine.store.write(
                Statement(
                    "CREATE TRIGGER no BEFORE DELETE ON chat_message BEGIN SELECT RAISE(ABORT, 'no'); END"
                )
            )
            await ann.send({"type": "cf_agent_chat_clear"})
            assert len((await ann.next())[0]["messages"]) == 2
            assert (await probed(ann))["id"] == "r1"


async def test_an_agent_that_cannot_say_whether_is_asked_for_the_answer(tmp_path: Path) -> None:
    await cut_off(tmp_path, "doubtful")
    gates = Gates()
    first = ["cf_agent_stream_pending", RECOVERING]
    async with life(tmp_path, gates) as address, talking(address, "ann", chat="doubtful", first=first) as ann:
        gates.open("gate:x")
        await until(ann, RECOVERING, recovering=False)
        assert [text for _, text in await stored(address, chat="doubtful")][1:] == ["one two three "]
    assert [str(one) for one in Doubtful.failures] == ["who knows"]
