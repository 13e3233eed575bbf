"""The clients of the broadcast, which read WebSocket frames by themselves."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.programs.audience import Client, Heard

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def frame(text: str) -> bytes:
    content = text.encode()
    length = len(content)
    if length < 126:
        return bytes((0x81, length)) + content
    return bytes((0x81, 126)) + length.to_bytes(2, "big") + content


async def heard(chunks: list[bytes], wanted: int) -> Heard:
    client, heard = Client(), Heard(wanted)
    client.heard = heard
    for chunk in chunks:
        client.data_received(chunk)
    await asyncio.wait_for(heard.all.wait(), 5)
    await client.open
    return heard


@pytest.mark.anyio
async def test_frames_are_read_wherever_the_bytes_are_cut() -> None:
    said = UPGRADED + frame('{"type": "identity"}') + frame("tick 0 17 x") + frame("tick 1 18 " + "n" * 300)
    for cut in range(len(said)):
        found = await heard([said[:cut], said[cut:]], 2)
        assert (found.count, found.out_of_order, found.first_sent) == (2, 0, 17)


@pytest.mark.anyio
async def test_what_comes_out_of_order_is_counted() -> None:
    found = await heard([UPGRADED, frame("tick 1 17 x") + frame("tick 0 18 x")], 2)
    assert found.out_of_order == 2


@pytest.mark.anyio
async def test_a_refused_upgrade_is_an_error() -> None:
    client = Client()
    client.data_received(b"HTTP/1.1 404 Not Found\r\n\r\n")
    with pytest.raises(ConnectionError, match="404"):
        await client.open
