"""Which frames a class takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents_sdk import Agent, AgentsApp, Connection
from agents_sdk.protocol import RpcRequest, StateChange, parser
from agents_sdk.wire.takers import takers_of
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import client

pytestmark = pytest.mark.anyio

CHAT = [
    '{"type":"cf_agent_chat_clear"}',
    '{"type":"cf_agent_stream_resume_request","probeId":"p"}',
    '{"type":"cf_agent_use_chat_request","id":"r","init":{"method":"POST","body":"{}"}}',
]
CALL = '{"type":"rpc","id":"1","method":"m","args":[]}'


class Echo(Agent[None, None]):
    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        connection.send(message)


async def test_to_a_plain_agent_frames_of_a_chat_are_messages(tmp_path: Path) -> None:
    async with (
        served(AgentsApp([Echo], data=tmp_path)) as address,
        client(f"ws://{address}/agents/echo/a", greeting=2) as one,
    ):
        for frame in CHAT:
            await one.send(frame)
        assert [await one.socket.recv() for _ in CHAT] == CHAT


def test_a_parser_knows_its_own_frames_only() -> None:
    assert parser(frozenset({StateChange}))(CALL) is None
    assert parser(frozenset({RpcRequest}))(CALL) == RpcRequest(type="rpc", id="1", method="m", args=[])


def test_a_class_takes_the_frames_of_its_bases() -> None:
    assert takers_of(Echo).found(CALL) is not None
    assert takers_of(Echo).found(CHAT[0]) is None
