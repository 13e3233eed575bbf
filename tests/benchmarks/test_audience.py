"""The clients of the broadcast, which read WebSocket frames by themselves."""

from __future__ import annotations

import time

import pytest

from benchmarks.programs.audience import Client
from benchmarks.programs.heard import Heard

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


def frame(text: str) -> bytes:
    content = text.encode()
    length = len(content)
    if length < 126:
        return bytes((0x81, length)) + content
    return bytes((0x81, 126)) + length.to_bytes(2, "big") + content


def clients(heard: Heard, count: int) -> list[Client]:
    made = [Client() for _ in range(count)]
    for client in made:
        client.listen(heard)
        client.data_received(UPGRADED)
    return made


@pytest.mark.anyio
async def test_frames_are_read_wherever_the_bytes_are_cut() -> None:
    said = frame('{"type": "identity"}') + frame("tick 0 17 x") + frame("tick 1 18 " + "n" * 300)
    for cut in range(len(said)):
        heard = Heard(4)
        first, second = clients(heard, 2)
        for chunk in (said[:cut], said[cut:]):
            first.data_received(chunk)
        for chunk in (said[: 700 - cut], said[700 - cut :]):
            second.data_received(chunk)
        assert (heard.count, heard.wrong, heard.due, heard.all.is_set()) == (4, 0, [17, 18], True)


@pytest.mark.anyio
async def test_other_frames_may_stand_between() -> None:
    heard = Heard(4)
    first, second = clients(heard, 2)
    first.data_received(frame("tick 0 17 x") + frame("tick 1 18 y"))
    second.data_received(frame("tick 0 17 x") + frame("hello") + frame("tick 1 18 y"))
    assert (heard.count, heard.wrong) == (4, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param([("tick 1 18 y"), ("tick 0 17 x")], id="out of order"),
        pytest.param([("tick 1 18 y")], id="one is missing"),
        pytest.param([("tick 0 17 x"), ("tick 0 17 x")], id="one comes twice"),
        pytest.param([("tick 0 17 z"), ("tick 1 18 y")], id="another byte"),
    ],
)
@pytest.mark.anyio
async def test_what_is_wrong_is_counted(wrong: list[str]) -> None:
    heard = Heard(4)
    first, second = clients(heard, 2)
    first.data_received(frame("tick 0 17 x") + frame("tick 1 18 y"))
    assert heard.wrong == 0
    second.data_received(b"".join(map(frame, wrong)))
    assert heard.wrong > 0


@pytest.mark.anyio
async def test_who_is_first_must_be_right_as_well() -> None:
    heard = Heard(1)
    clients(heard, 1)[0].data_received(frame("tick 1 18 y"))
    assert heard.wrong == 1


@pytest.mark.anyio
async def test_shares_are_of_all_deliveries() -> None:
    heard = Heard(4)
    first, second = clients(heard, 2)
    now = time.monotonic_ns()
    for client in (first, second):
        client.data_received(frame(f"tick 0 {now - 10**9} x") + frame(f"tick 1 {now - 5 * 10**9} x"))
    p25, p75, p100 = heard.share(0.25, 0.75, 1)
    assert 1_000 <= p25 < 2_000
    assert 5_000 <= p75 <= p100 < 6_000


@pytest.mark.anyio
async def test_a_refused_upgrade_is_an_error() -> None:
    client = Client()
    client.data_received(b"HTTP/1.1 404 Not Found\r\n\r\n")
    with pytest.raises(ConnectionError, match="404"):
        await client.open
