"""Webhooks: signed, tried again, and dead with a reason that can be acted on."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.hooks.receiver import Answer, Receiver, receiving
from workflows import (
    Delivery,
    Engine,
    Finished,
    NonRetryableError,
    WorkflowError,
    WorkflowEvent,
    WorkflowStep,
)
from workflows.entrypoint import WorkflowEntrypoint
from workflows.hooks import Webhook, from_environment, new_secret
from workflows.hooks.signature import key_of, sign
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
START = 1_767_225_600
DAY = 86_400.0
_OUTPUT = {"answer": 42, "raw": b"\xff", "nan": float("nan"), "big": 1 << 80, "text": "ä\n"}


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with receiving() as receiver:
        yield receiver


@asynccontextmanager
async def finished(
    hook: Webhook, *, after: float = 0.5, path: Path | str = ":memory:", output: Any = _OUTPUT
) -> AsyncIterator[Engine]:
    """An engine on virtual time, so long after an instance `i` has ended."""

    class Report(WorkflowEntrypoint[None, Any]):
        on_complete = [hook]
        on_failure = [hook]

        async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
            if isinstance(output, Exception):
                raise output
            return output

    clock = VirtualClock()
    async with Engine(path, [Report], clock=clock) as engine:
        await engine.workflow(Report).create(id="i")
        await clock.sleep(after)
        yield engine


async def only(engine: Engine) -> Delivery:
    [delivery] = await engine.deliveries.list()
    return delivery


async def test_sec_22_it_posts_the_end_signed(receiver: Receiver) -> None:
    async with finished(Webhook(f"{receiver.url}/in?key=1", secret=SECRET, internal=True)) as engine:
        assert await engine.deliveries.list() == []
    [got] = receiver.got
    assert (got.path, got.headers["content-type"]) == ("/in?key=1", "application/json")
    assert got.headers["webhook-timestamp"] == str(START)
    assert got.is_signed_with(SECRET)
    assert not got.is_signed_with(new_secret())
    assert got.message == {
        "type": "workflow.complete",
        "timestamp": "2026-01-01T00:00:00Z",
        "data": {
            "workflow": "Report",
            "id": "i",
            "status": "complete",
            "output": {"answer": 42, "raw": "_w==", "nan": None, "big": 1 << 80, "text": "ä\n"},
            "error": None,
            "created_at": "2026-01-01T00:00:00Z",
            "finished_at": "2026-01-01T00:00:00Z",
        },
    }


async def test_it_posts_an_error(receiver: Receiver) -> None:
    async with finished(Webhook(receiver.url, secret=SECRET, internal=True), output=ValueError("no luck")):
        pass
    [got] = receiver.got
    assert got.message["type"] == "workflow.errored"
    assert got.message["data"]["error"] == {"name": "ValueError", "message": "no luck"}
    assert got.message["data"]["output"] is None


async def test_sec_22_attempts_have_one_id_and_one_body_and_a_new_signature(receiver: Receiver) -> None:
    receiver.answers = [(503, {}, b"busy"), (404, {}, b"")]
    async with finished(Webhook(receiver.url, secret=SECRET, internal=True), after=60):
        pass
    assert len(receiver.got) == 3
    assert len({got.id for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 3
    assert all(got.is_signed_with(SECRET) for got in receiver.got)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((503, {}, b""), "answered 503"),
        ((500, {}, b" oh no\n"), "answered 500 ('oh no')"),
        ((400, {}, b"\xff" + b"x" * 10_000), "answered 400 ('\ufffd" + "x" * 199 + "')"),
        (
            (302, {"location": "/elsewhere"}, b""),
            "answered 302: redirects are not followed, give the webhook",
        ),
    ],
)
async def test_other_answers_are_kept_as_the_reason(receiver: Receiver, answer: Answer, says: str) -> None:
    receiver.answers = [answer] * 5
    async with finished(Webhook(f"{receiver.url}/in?key=1", secret=SECRET, internal=True)) as engine:
        delivery = await only(engine)
    assert (delivery.state, len(receiver.got)) == ("pending", 1)
    assert (delivery.last_error or "").startswith(f"TryAgain: {receiver.url}/in {says}")


async def test_retry_after_is_honoured(receiver: Receiver) -> None:
    receiver.answers = [(429, {"retry-after": "3600"}, b""), (429, {"retry-after": "Fri, 31 Dec"}, b"")]
    async with finished(Webhook(receiver.url, secret=SECRET, internal=True), after=2 * 3600):
        pass
    sent = [int(got.headers["webhook-timestamp"]) - START for got in receiver.got]
    assert sent[1] == 3600
    assert 3602 <= sent[2] <= 3606


async def test_sec_22_gone_is_the_end(receiver: Receiver) -> None:
    receiver.answers = [(410, {}, b"")]
    async with finished(Webhook(receiver.url, secret=SECRET, internal=True), after=DAY) as engine:
        delivery = await only(engine)
        assert (delivery.state, delivery.attempts, len(receiver.got)) == ("dead", 1, 1)
        assert delivery.last_error == (
            f"NonRetryableError: {receiver.url} answered 410: it wants no more deliveries"
        )


async def test_who_does_not_answer_is_given_up_for_now(receiver: Receiver) -> None:
    receiver.answers = [(0, {}, b"")]
    async with finished(Webhook(receiver.url, secret=SECRET, internal=True, timeout=0.2)) as engine:
        delivery = await only(engine)
    assert delivery.last_error == f"TryAgain: {receiver.url} did not answer within 0.2 seconds"


async def test_who_is_not_there_is_tried_again(receiver: Receiver) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with finished(Webhook(url, secret=SECRET, internal=True)) as engine:
        delivery = await only(engine)
    assert (delivery.last_error or "").startswith(f"TryAgain: {url} could not be reached: ConnectError: ")


async def test_what_cannot_be_json_is_not_tried_again(receiver: Receiver) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    told = Finished(
        workflow="Report",
        id="i",
        status="complete",
        output=object(),
        error=None,
        created_at=now,
        finished_at=now,
        delivery="d",
        at=now,
    )
    with pytest.raises(NonRetryableError, match="the output of Report cannot be JSON"):
        await Webhook(receiver.url, secret=SECRET, internal=True).deliver(told)
    assert receiver.got == []


async def test_a_secret_may_come_late_and_is_asked_for_each_attempt(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    hook = Webhook(receiver.url, secret=from_environment("HOOK_SECRET"), internal=True)
    async with finished(hook) as engine:
        missing = (await only(engine)).last_error
        monkeypatch.setenv("HOOK_SECRET", "whsec_short")
        await engine.clock.sleep(3)
        wrong = (await only(engine)).last_error
        monkeypatch.setenv("HOOK_SECRET", SECRET)
        await engine.clock.sleep(10)
        assert await engine.deliveries.list() == []
    assert missing == (
        "WorkflowError: the environment has no HOOK_SECRET: set it to the secret of the webhook"
    )
    assert wrong is not None
    assert wrong.startswith("ValueError: the secret of a webhook is whsec_ and 24 to 64 random bytes")
    assert receiver.got[0].is_signed_with(SECRET)


async def test_neither_secret_nor_query_is_stored_or_shown(receiver: Receiver, path: Path) -> None:
    url = receiver.url.replace("//", "//user:pass@") + "/in?key=hidden#part"
    hook = Webhook(url, secret=SECRET, internal=True)
    receiver.answers = [(500, {}, b"")] * 9
    async with finished(hook, path=path) as engine:
        delivery = await only(engine)
    assert delivery.hook == f"webhook {receiver.url}/in"
    kept = b"".join(file.read_bytes() for file in path.parent.iterdir()) + repr(hook).encode()
    for secret in (SECRET, SECRET[6:], "pass@", "hidden"):
        assert secret.encode() not in kept


@pytest.mark.parametrize(
    "secret",
    ["", "secret", "whsec_", "whsec_c2hvcnQ=", SECRET[6:], SECRET + "!", "whsec_" + "A" * 100, "whsec_é"],
)
def test_what_is_no_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="the secret of a webhook is whsec_ and 24 to 64 random") as refused:
        Webhook("https://localhost", secret=secret)
    assert not secret[6:] or secret[6:] not in str(refused.value)


@pytest.mark.parametrize("url", ["", "localhost", "ftp://localhost/x", "http:///x", "//localhost"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(WorkflowError, match="the url of a webhook is"):
        Webhook(url, secret=SECRET, internal=True)


def test_the_published_example_of_the_scheme() -> None:
    body = json.dumps({"test": 2432232314}).encode()
    signed = sign(
        key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=body,
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
