"""SEC-10: what may come in, at each limit and one above."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.frames import Frame, Opcode

from agents_sdk import Agent, AgentsApp, Connection, InvalidAgent
from agents_sdk.security import Limits, Principal
from agents_sdk.security.limits import is_deep
from agents_sdk.security.rate import Rate
from tests.agents_sdk.security.calls import call
from tests.agents_sdk.served import served
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio
JSON = {"content-type": "application/json"}
ROOT = Path(__file__).parents[3]


class Echo(Agent[Any, None]):
    async def on_request(self, request: Request) -> Response:
        if request.method == "PUT":
            async for _ in request.stream():
                pass
            return PlainTextResponse("streamed")
        return PlainTextResponse(str(len(await request.body())))

    async def on_message(self, connection: Connection, message: str | bytes) -> None:
        connection.send(str(len(message)))


class Roomy(Echo):
    message_limit = 2 << 20


async def named(request: HTTPConnection, agent: str, name: str) -> Principal | None:
    who = request.headers.get("who")
    return Principal(who) if who else None


def app_with(folder: Path, hook: Any = None, **options: Any) -> AgentsApp:
    return AgentsApp([Echo, Roomy], data=folder, on_before_connect=hook, on_before_request=hook, **options)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


MIB = 1 << 20
_PACKED = 0x40


@pytest.mark.parametrize("hook", [None, named])
@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_sec_10_http_body(tmp_path: Path, hook: Any, declared: bool, method: str) -> None:
    async with app_with(tmp_path, hook) as app:
        for size, status in ((MIB, 200), (MIB + 1, 413)):
            headers = {"content-length": str(size)} if declared else {}
            pieces = [b"x" * 65_536] * (size // 65_536) + [b"x" * (size % 65_536)]
            answer = await call(app, "/agents/echo/a", headers, method=method, body=pieces)
            assert answer.status == status


async def test_sec_10_a_body_that_says_it_is_too_large_wakes_nobody(tmp_path: Path) -> None:
    async with app_with(tmp_path) as app:
        answer = await call(app, "/agents/echo/a", {"content-length": "9" * 30}, method="POST")
        assert (answer.status, len(app._hosts._hosts)) == (413, 0)


async def test_sec_10_a_hook_reads_within_the_limit_and_the_agent_reads_it_again(tmp_path: Path) -> None:
    read: list[int] = []

    async def reading(request: Request, agent: str, name: str) -> None:
        read.append(len(await request.body()))

    async with AgentsApp([Echo], data=tmp_path, on_before_request=reading) as app:
        for kind in (JSON, {}):
            answer = await call(app, "/agents/echo/a", kind, method="POST", body=[b"[1,", b"2]"])
            assert (answer.status, answer.body, read.pop()) == (200, b"5", 5)
        answer = await call(app, "/agents/echo/a", method="POST", body=[b"x" * MIB, b"x"])
        assert (answer.status, read, len(app._hosts._hosts)) == (413, [], 1)


async def test_sec_10_headers(tmp_path: Path) -> None:
    async with app_with(tmp_path) as app:
        bare = len("host127.0.0.1:8787x-long/agents/echo/a")
        for size, status in ((16_384, 200), (16_385, 431)):
            long = {"x-long": "x" * (size - bare)}
            assert (await call(app, "/agents/echo/a", long)).status == status
            query = "q" * (size - bare + len("x-long"))
            assert (await call(app, f"/agents/echo/a?{query}")).status == status


async def test_sec_10_json_depth_of_a_body(tmp_path: Path) -> None:
    async with app_with(tmp_path) as app:
        for depth, status in ((64, 200), (65, 400)):
            body = nested(depth).encode()
            answer = await call(app, "/agents/echo/a", JSON, method="POST", body=[body[:40], body[40:]])
            assert answer.status == status
        text = await call(app, "/agents/echo/a", method="POST", body=[nested(65).encode()])
        assert text.status == 200  # not said to be JSON


async def closed(address: str, agent: str, message: str | bytes) -> int:
    """The code that answers a message; 0 when it is taken."""
    async with connect(f"ws://{address}/agents/{agent}/a", max_size=None) as socket:
        for _ in range(2):
            await socket.recv()
        await socket.send(message)
        try:
            assert await socket.recv() == str(len(message))
        except ConnectionClosedError as error:
            return error.rcvd.code if error.rcvd else -1
    return 0


@pytest.mark.parametrize(
    ("agent", "message", "code"),
    [
        ("echo", "x" * MIB, 0),
        ("echo", "x" * (MIB + 1), 1009),
        ("echo", "ä" * (MIB // 2), 0),
        ("echo", "ä" * (MIB // 2) + "x", 1009),
        ("echo", b"x" * MIB, 0),
        ("echo", b"x" * (MIB + 1), 1009),
        ("roomy", "x" * (2 * MIB), 0),
        ("roomy", "x" * (2 * MIB + 1), 1009),
        ("echo", nested(64), 0),
        ("echo", nested(65), 1008),
        ("echo", json.dumps({"a": nested(500)}), 0),
        ("echo", "no JSON: " + nested(65), 0),
    ],
    ids=lambda value: str(value)[:12] + str(len(value)) if isinstance(value, str | bytes) else None,
)
async def test_sec_10_a_message(tmp_path: Path, agent: str, message: str | bytes, code: int) -> None:
    async with served(app_with(tmp_path)) as address:
        assert await closed(address, agent, message) == code


async def test_sec_10_messages_in_a_second(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with served(app_with(tmp_path, named, clock=clock)) as address:
        who = {"who": "ann"}
        async with connect(f"ws://{address}/agents/echo/a", additional_headers=who) as socket:
            for _ in range(2):
                await socket.recv()
            for _ in range(99):  # the upgrade was the first of a hundred
                await socket.send("x")
                assert await socket.recv() == "1"
            await socket.send("x")
            with pytest.raises(ConnectionClosedError) as caught:
                await socket.recv()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1008
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{address}/agents/echo/a", additional_headers=who)
        assert refused.value.response.status_code == 429
        async with connect(f"ws://{address}/agents/echo/a", additional_headers={"who": "bob"}) as other:
            await other.recv()


async def test_sec_10_requests_in_a_second(tmp_path: Path) -> None:
    async with app_with(tmp_path, named, clock=VirtualClock()) as app:
        answers = [await call(app, "/agents/echo/a", {"who": "ann"}) for _ in range(101)]
        assert [one.status for one in answers] == [200] * 100 + [429]
        assert answers[-1].headers["retry-after"] == "1"
        assert (await call(app, "/agents/echo/a", {"who": "bob"})).status == 200


async def test_sec_10_unnamed_callers_count_by_address_except_on_this_machine(tmp_path: Path) -> None:
    async with app_with(tmp_path, named, clock=VirtualClock(), limits=Limits(rate=3)) as app:
        assert {(await call(app, "/agents/echo/a")).status for _ in range(9)} == {200}
        lan = {"host": "10.0.0.1"}
        statuses = [
            (await call(app, "/agents/echo/a", lan, server=("10.0.0.1", 80))).status for _ in range(4)
        ]
        assert statuses == [200, 200, 200, 429]


async def test_sec_10_connections_of_one_caller(tmp_path: Path) -> None:
    limits = Limits(rate=10_000)
    async with served(app_with(tmp_path, named, limits=limits)) as address:
        url, ann = f"ws://{address}/agents/echo/a", {"who": "ann"}
        open_ones = [await connect(url, additional_headers=ann) for _ in range(100)]
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers=ann)
        assert refused.value.response.status_code == 429
        other = await connect(url, additional_headers={"who": "bob"})
        await open_ones.pop().close()
        again = await connect(url, additional_headers=ann)
        for one in (*open_ones, other, again):
            await one.close()


async def test_sec_10_a_bomb_of_a_gigabyte_costs_less_than_ten_megabytes(tmp_path: Path) -> None:
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = b"0" * (64 * MIB)
    packed = b"".join(pack.compress(zeros) for _ in range(16)) + pack.flush(zlib.Z_SYNC_FLUSH)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.agents_sdk.security.bombed", str(tmp_path / "d"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    port = int(await process.stdout.readline())

    async def peak() -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"?\n")
        return int(await process.stdout.readline())

    async def bomb(content: bytes, *, packed: bool) -> int:
        async with connect(f"ws://127.0.0.1:{port}/agents/echo/a") as socket:
            for _ in range(2):
                await socket.recv()
            frame = bytearray(Frame(Opcode.TEXT, content).serialize(mask=True))
            frame[0] |= _PACKED if packed else 0
            socket.transport.write(bytes(frame))
            with pytest.raises(ConnectionClosedError) as caught:
                await socket.recv()
            assert caught.value.rcvd is not None
            return caught.value.rcvd.code

    try:
        assert await bomb(b"x" * (MIB + 1), packed=False) == 1009
        before = await peak()
        assert await bomb(packed[:-4], packed=True) == 1009
        assert (await peak() - before) * 1_024 < 10_000_000
    finally:
        process.kill()
        await process.wait()


# What the limits are made of.


def plain_depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(plain_depth, value.values()), default=0)
    return 1 + max(map(plain_depth, value), default=0) if isinstance(value, list) else 0


_leaves = st.text('[]{}"\\a') | st.integers() | st.none()
_trees = st.recursive(_leaves, lambda one: st.lists(one) | st.dictionaries(st.text('[]{}"\\'), one))


@given(_trees, st.integers(0, 6), st.booleans())
def test_depth_is_that_of_the_parsed_value(value: Any, limit: int, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert is_deep(text, limit) == (plain_depth(value) > limit)


@pytest.mark.parametrize(
    "text",
    [
        "[" * MIB,
        "[]" * (MIB // 2),
        '"' * MIB,
        '[{"a":' * (MIB // 6),
        "\\" * MIB,
        '"\\' * (MIB // 2),
        "]" * MIB,
    ],
    ids=lambda text: text[:4],
)
def test_depth_is_found_in_time(text: str) -> None:
    began = time.perf_counter()
    is_deep(text.encode(), 64)
    assert time.perf_counter() - began < 2


def test_a_rate_comes_back_with_time_and_forgets_who_is_at_rest() -> None:
    now = [1_000.0]
    rate = Rate(10, lambda: now[0])
    assert [rate.take("a") for _ in range(11)] == [True] * 10 + [False]
    now[0] += 0.1
    assert [rate.take("a"), rate.take("a")] == [True, False]
    now[0] -= 3_600  # a clock that was set back gives nothing, and takes nothing
    assert rate.take("a") is False
    now[0] += 60
    for number in range(10_001):
        rate.take(str(number))
    now[0] += 60
    rate.take("last")
    assert len(rate._left) == 1


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "1"])
def test_a_limit_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidAgent, match="the limit body"):
        Limits(body=wrong)
