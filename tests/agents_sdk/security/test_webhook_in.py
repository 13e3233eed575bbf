"""SEC-21: webhooks that come in."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from agents_sdk.security import Secret, github_webhook, standard_webhook
from tests.agents_sdk.security.calls import scope_of
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

pytestmark = pytest.mark.anyio
NOW = 1_700_000_000
KEYS = [bytes(range(32)), bytes(range(32, 64))]
OLD, NEW = ["whsec_" + base64.b64encode(key).decode() for key in KEYS]
BODY = b'{"a": 1,  "b":2}'


def standard(
    key: bytes = KEYS[0], id: str = "msg_1", at: int = NOW, body: bytes = BODY
) -> list[tuple[str, str]]:
    digest = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return [("webhook-id", id), ("webhook-timestamp", str(at)), ("webhook-signature", signature)]


def github(
    key: bytes = b"s3cret", id: str = "72d3162e-cc78-11e3", body: bytes = BODY
) -> list[tuple[str, str]]:
    digest = hmac.new(key, body, hashlib.sha256).hexdigest()
    return [("x-github-delivery", id), ("x-hub-signature-256", f"sha256={digest}")]


class Sent:
    """A request, which knows whether its body was read."""

    def __init__(self, headers: list[tuple[str, str]], body: bytes = BODY) -> None:
        self.was_read = False
        self._parts = [body[:5], body[5:]]
        self.request = Request(scope_of("http", "/hook", headers, method="POST"), self._receive)

    async def _receive(self) -> Message:
        self.was_read = True
        part = self._parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(self._parts)}


async def refused(reading: Any) -> int:
    with pytest.raises(HTTPException) as caught:
        await reading
    return caught.value.status_code


def clock() -> float:
    return NOW


async def test_sec_21_a_standard_webhook_is_read() -> None:
    got = await standard_webhook(Sent(standard()).request, [OLD], now=clock)
    assert (got.id, got.body, got.json(), got.instance_id) == ("msg_1", BODY, {"a": 1, "b": 2}, "msg_1")


async def test_sec_21_a_webhook_of_github_is_read() -> None:
    got = await github_webhook(Sent(github()).request, [Secret("s3cret")])
    assert (got.id, got.body) == ("72d3162e-cc78-11e3", BODY)


async def test_sec_21_the_published_example_of_github() -> None:
    headers = [
        ("x-github-delivery", "d"),
        ("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
    ]
    body = b"Hello, World!"
    assert (await github_webhook(Sent(headers, body).request, ["It's a Secret to Everybody"])).body == body


@pytest.mark.parametrize("key", KEYS)
async def test_sec_21_secrets_take_turns(key: bytes) -> None:
    sent = Sent(standard(key))
    assert (await standard_webhook(sent.request, [OLD, Secret(NEW)], now=clock)).body == BODY
    both = standard(KEYS[1])
    both[2] = ("webhook-signature", "v2,xx v1a,yy " + both[2][1] + " " + standard(bytes(32))[2][1])
    assert (await standard_webhook(Sent(both).request, [NEW], now=clock)).body == BODY


@pytest.mark.parametrize(("at", "good"), [(-301, False), (-300, True), (300, True), (301, False)])
async def test_sec_21_a_timestamp_is_five_minutes_off_at_most(at: int, good: bool) -> None:
    reading = standard_webhook(Sent(standard(at=NOW + at)).request, [OLD], now=clock)
    if good:
        await reading
    else:
        assert await refused(reading) == 401


def changed(headers: list[tuple[str, str]], name: str, *values: str) -> list[tuple[str, str]]:
    return [one for one in headers if one[0] != name] + [(name, value) for value in values]


_SIGNATURE = standard()[2][1]
_HUB = github()[1][1]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        *(changed(standard(), name) for name, _ in standard()),
        *(changed(standard(), name, value, value) for name, value in standard()),
        changed(standard(), "webhook-signature", "v1,"),
        changed(standard(), "webhook-signature", "v1,####"),
        changed(standard(), "webhook-signature", _SIGNATURE[:-4]),
        changed(standard(), "webhook-signature", "v1," + base64.b64encode(b"short").decode()),
        changed(standard(), "webhook-signature", _SIGNATURE.replace("v1", "v2")),
        changed(standard(), "webhook-timestamp", "now"),
        changed(standard(), "webhook-timestamp", f"{NOW}.0"),
        changed(standard(), "webhook-timestamp", f"-{NOW}"),
        changed(standard(), "webhook-timestamp", "9" * 400),
        changed(standard(), "webhook-id", "x" * 256),
        changed(standard(), "webhook-id", "a b"),
        standard(id=f"msg.{NOW}"),
    ],
)
async def test_sec_21_what_cannot_be_right_is_refused_unread(headers: list[tuple[str, str]]) -> None:
    sent = Sent(headers)
    assert await refused(standard_webhook(sent.request, [OLD], now=clock)) == 401
    assert not sent.was_read


@pytest.mark.parametrize(
    "headers",
    [
        [],
        *(changed(github(), name) for name, _ in github()),
        *(changed(github(), name, value, value) for name, value in github()),
        changed(github(), "x-hub-signature-256", _HUB[:-1]),
        changed(github(), "x-hub-signature-256", _HUB + "0"),
        changed(github(), "x-hub-signature-256", _HUB.removeprefix("sha256=")),
        changed(github(), "x-hub-signature-256", _HUB.replace("sha256", "sha1")),
        changed(github(), "x-hub-signature-256", "sha256=" + "g" * 64),
    ],
)
async def test_sec_21_what_cannot_be_of_github_is_refused_unread(headers: list[tuple[str, str]]) -> None:
    sent = Sent(headers)
    assert await refused(github_webhook(sent.request, ["s3cret"])) == 401
    assert not sent.was_read


async def test_sec_21_other_bytes_are_refused() -> None:
    for body in (b'{"a":1,"b":2}', BODY + b"\n", b""):
        assert await refused(standard_webhook(Sent(standard(), body).request, [OLD], now=clock)) == 401
        assert await refused(github_webhook(Sent(github(), body).request, ["s3cret"])) == 401
    for headers in (standard(KEYS[1]), changed(standard(), "webhook-id", "msg_2")):
        assert await refused(standard_webhook(Sent(headers).request, [OLD], now=clock)) == 401
    assert await refused(github_webhook(Sent(github(b"other")).request, ["s3cret"])) == 401


async def test_sec_21_a_body_has_a_limit() -> None:
    for size, status in ((1 << 20, 401), ((1 << 20) + 1, 413)):
        assert await refused(github_webhook(Sent(github(), b"x" * size).request, ["s3cret"])) == status


@pytest.mark.parametrize("secrets", [[], [""], ["plain"], ["whsec_c2hvcnQ="]])
async def test_sec_21_no_secret_is_no_secret(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="secret"):
        await standard_webhook(Sent(standard()).request, secrets, now=clock)
    with pytest.raises(TypeError, match="a list"):
        await github_webhook(Sent(github()).request, "s3cret")


async def test_sec_21_a_hundred_deliveries_are_one_run() -> None:
    runs: list[Any] = []

    class Build(WorkflowEntrypoint[None, Any]):
        async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> None:
            runs.append(event.payload)

    async def deliver(engine: Engine, id: str) -> str:
        got = await github_webhook(Sent(github(id=id)).request, ["s3cret"])
        instance = await got.start(engine.workflow(Build), got.json())
        await instance.result()
        return instance.id

    async with Engine(":memory:", [Build]) as engine:
        for id in ("72d3162e-cc78-11e3", "-odd/id?"):
            runs.clear()
            started = await asyncio.gather(*(deliver(engine, id) for _ in range(100)))
            assert (len(set(started)), runs) == (1, [{"a": 1, "b": 2}])
