"""What breaks the rules of WebSocket itself, over a real socket: who sends it is closed, all others go on."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, Connection
from tests.agents_sdk.served import served
from tests.agents_sdk.storm.raw import BINARY, CLOSE, CONTINUED, PING, TEXT, frame, raw
from tests.fault.sizes import size

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

PATH = "/agents/echo/a"
PROTOCOL_ERROR, NO_TEXT, TOO_LARGE = 1002, 1007, 1009


class Echo(Agent[None, None]):
    send_identity_on_connect = False

    def should_send_protocol_messages(self, *_: object) -> bool:
        return False

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        connection.send(message)


@pytest.fixture
async def address(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[str]:
    """Of a server that must be as good as before when the test has done what it does to it."""
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    async with served(AgentsApp([Echo], data=tmp_path)) as address, raw(address, PATH) as witness:
        lasting = asyncio.create_task(witness.lasts())
        yield address
        lasting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lasting
        witness.writer.write(frame(TEXT, b"still there?"))
        assert await witness.text() == "still there?"
        async with raw(address, PATH) as later:
            later.writer.write(frame(TEXT, b"and now?"))
            assert await later.text() == "and now?"
    told = [one for one in caplog.records if one.levelno >= logging.ERROR and one.name != "uvicorn.error"]
    ours = [one for one in unhandled if "protocol" not in one]  # uvicorn raises for bad text after a close
    assert [*told, *ours] == []


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(TEXT, b"\xff\xfe"), NO_TEXT, id="no UTF-8"),
        pytest.param(frame(TEXT, "é".encode()[:1]), NO_TEXT, id="half a character"),
        pytest.param(frame(TEXT, b"\xed\xa0\x80"), NO_TEXT, id="half a surrogate pair"),
        *[pytest.param(frame(one), PROTOCOL_ERROR, id=f"opcode {one}") for one in (3, 7, 11, 15)],
        *[pytest.param(frame(TEXT, b"x", reserved=n), PROTOCOL_ERROR, id=f"reserved {n}") for n in (1, 2, 4)],
        pytest.param(frame(TEXT, b"x", masked=False), PROTOCOL_ERROR, id="unmasked"),
        pytest.param(frame(CONTINUED, b"x"), PROTOCOL_ERROR, id="continues nothing"),
        pytest.param(frame(TEXT, b"x", fin=False) * 2, PROTOCOL_ERROR, id="begins amid another"),
        pytest.param(frame(PING, b"x", fin=False), PROTOCOL_ERROR, id="ping in pieces"),
        pytest.param(frame(PING, b"x" * 126), PROTOCOL_ERROR, id="long ping"),
        pytest.param(frame(CLOSE, b"\x03"), PROTOCOL_ERROR, id="close with half a code"),
        pytest.param(frame(CLOSE, (999).to_bytes(2, "big")), PROTOCOL_ERROR, id="close 999"),
        pytest.param(frame(CLOSE, (1005).to_bytes(2, "big")), PROTOCOL_ERROR, id="close 1005"),
        pytest.param(frame(CLOSE, (1000).to_bytes(2, "big") + b"\xff"), NO_TEXT, id="close for no text"),
        *[
            pytest.param(frame(BINARY, claimed=length), TOO_LARGE, id=f"claims {length} bytes")
            for length in ((16 << 20) + 1, 1 << 31, (1 << 63) - 1)
        ],
        pytest.param(frame(TEXT, b"x" * ((1 << 20) + 1)), TOO_LARGE, id="above our limit"),
    ],
)
async def test_who_breaks_the_rules_is_closed(address: str, sent: bytes, code: int) -> None:
    async with raw(address, PATH) as one:
        one.writer.write(sent)
        assert await one.closed() == code


async def test_pieces_are_one_message_wherever_it_is_cut(address: str) -> None:
    text = "é💥" * 500
    pieces = [bytes([byte]) for byte in text.encode()]
    async with raw(address, PATH) as one:
        one.writer.write(frame(TEXT, pieces[0], fin=False))
        for piece in pieces[1:]:
            one.writer.write(frame(PING, b"amid") + frame(CONTINUED, piece, fin=False))
        one.writer.write(frame(CONTINUED))
        assert await one.pong() == b"amid"
        heard = ""
        while heard != text:
            event = await one.event()
            heard += getattr(event, "data", "")
            assert event is not None


async def test_who_goes_amid_a_frame_takes_nobody_along(address: str) -> None:
    whole = frame(TEXT, b"x" * 1_000)
    for cut in (1, 3, 7, 500, len(whole) - 1):
        async with raw(address, PATH) as one:
            one.writer.write(whole[:cut])
            await one.writer.drain()


async def test_random_bytes(address: str) -> None:
    seed = int(os.environ.get("RAW_SEED") or secrets.randbelow(1 << 32))
    chance = random.Random(seed)
    for _ in range(size(200, 5_000)):
        async with raw(address, PATH) as one:
            sent = b"".join(
                frame(
                    chance.choice((TEXT, BINARY, CONTINUED, PING, CLOSE, chance.randrange(16))),
                    chance.randbytes(chance.choice((0, 1, 2, 20, 125, 126, 3_000))),
                    fin=chance.random() < 0.8,
                    reserved=chance.choice((0, 0, 0, 0, 0, 1, 7)),
                    masked=chance.random() < 0.95,
                )
                for _ in range(chance.randrange(1, 20))
            )
            one.writer.write(sent + chance.randbytes(chance.randrange(50)) + frame(3))
            one.writer.write_eof()  # what came last may be the beginning of a long frame
            code = await one.closed()
            may = code in (None, 1005) or may_be_sent(code)  # a close of the client is sent back
            assert may, f"RAW_SEED={seed}: {code}"


def may_be_sent(code: int) -> bool:
    """By RFC 6455."""
    return code in {*range(1000, 1015)} - {1004, 1005, 1006} or 3000 <= code <= 4999
