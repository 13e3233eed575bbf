"""A chat that is a sub-agent: it is any chat, behind the URL of its parent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp
from agents_sdk.chat.chat import Chat
from tests.agents_sdk.chat.chats import Echo, Gates, ask, stored, talking, until, user, words
from tests.agents_sdk.served import served

pytestmark = pytest.mark.anyio

KID = {"chat": "inbox", "name": "ann/sub/echo/k%20d"}
RESPONSE = "cf_agent_use_chat_response"


class Inbox(Agent[Gates, Any]): ...


@pytest.fixture
def inboxes(tmp_path: Path, gates: Gates) -> AgentsApp:
    return AgentsApp([Inbox], sub_agents=[Echo], data=tmp_path, env=gates)


@pytest.fixture
async def address(inboxes: AgentsApp) -> AsyncIterator[str]:
    async with served(inboxes) as address:
        yield address


async def test_it_answers_and_gives_its_transcript(address: str) -> None:
    assert await stored(address, **KID) == []
    async with talking(address, "c", **KID) as client:
        await ask(client, "r1", user("u1", "hello there"))
        assert words(await until(client, RESPONSE, done=True)) == "hello there "
    assert await stored(address, **KID) == [("user", "hello there"), ("assistant", "hello there ")]


async def test_an_answer_that_an_abort_cuts_off_is_given_again(
    address: str, inboxes: AgentsApp, gates: Gates, caplog: pytest.LogCaptureFixture
) -> None:
    async with talking(address, "c", **KID) as client:
        await ask(client, "r1", user("u1", "one gate:x two"))
        await gates.reached("gate:x")
        ann = await inboxes.get_agent(Inbox, "ann")
        assert await ann.children.abort(Echo, "k d", "stuck")
        assert await client.closed() == (1012, "Sub-agent aborted")
    gates.open("gate:x")
    kid = await ann.sub_agent(Echo, "k d")
    await kid.ctx.part(Chat).turns.stable()
    assert await stored(address, **KID) == [("user", "one gate:x two"), ("assistant", "one two ")]
    assert not [record for record in caplog.records if record.name.startswith("agents_sdk")]
