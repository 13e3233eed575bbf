"""What an agent may give to `send` and `close`."""

from __future__ import annotations

from typing import Any

import pytest

from agents_sdk import Connection, Connections

pytestmark = pytest.mark.anyio


async def settled() -> None:
    """Nothing is to be waited for."""


def connection() -> Connection:
    return Connection("a", "ws://test/", settled=settled)


@pytest.mark.parametrize("message", [{"n": 1}, 5, None, bytearray(b"x")])
async def test_only_text_and_bytes_can_be_sent(message: Any) -> None:
    with pytest.raises(TypeError, match=f"not {type(message).__name__}: send json.dumps"):
        connection().send(message)


async def test_half_a_surrogate_pair_cannot_be_sent() -> None:
    everybody = Connections()
    everybody.add(connection())
    for send in (connection().send, everybody.broadcast):
        with pytest.raises(UnicodeEncodeError):
            send("\ud800")


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
async def test_codes_that_cannot_be_sent_are_refused(code: int) -> None:
    one = connection()
    with pytest.raises(ValueError, match=f"close code {code} is not for use"):
        one.close(code)
    assert one.is_open


async def test_a_reason_fits_into_a_close_frame() -> None:
    one = connection()
    with pytest.raises(ValueError, match="123 bytes at most, not 124"):
        one.close(4000, "é" * 62)
    one.close(4000, "x" * 123)
    assert not one.is_open
