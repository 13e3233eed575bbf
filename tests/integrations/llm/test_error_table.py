"""Every row of the error table, over real HTTP."""

from __future__ import annotations

import asyncio

import pytest

from integrations.llm import (
    LLM,
    ContextOverflow,
    ModelError,
    ModelUnreachable,
    QuotaError,
    RateLimited,
    Request,
    RequestRejected,
    RetryLater,
)
from integrations.llm.testing import ErrorReply, RawReply, Reply, ScriptedModel
from integrations.llm.testing.replies import Scripted
from tests.integrations.llm.asking import ask

pytestmark = pytest.mark.anyio

DATE = {"date": "Thu, 01 Jan 2026 00:00:00 GMT", "retry-after": "Thu, 01 Jan 2026 02:00:00 GMT"}


def error(status: int, code: str | None = None, *, kind: str | None = None, **headers: str) -> ErrorReply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ErrorReply(status, code=code, type=kind, headers=named)


RETRIED: list[tuple[Scripted, type[RetryLater], float | None]] = [
    *((error(status), RetryLater, None) for status in (408, 409, 500, 502, 503, 504, 529)),
    (error(503, retry_after="7"), RetryLater, 7.0),
    (error(503, retry_after_ms="1500"), RetryLater, 1.5),
    (ErrorReply(503, headers=DATE), RetryLater, 7200.0),
    (error(429, "rate_limit_exceeded", retry_after="3600"), RateLimited, 3600.0),
    (error(429, "slow_down"), RateLimited, None),
    (error(429), RateLimited, None),
    (error(400, x_should_retry="true"), RetryLater, None),
    (RawReply(b'{"error": {"message": "busy", "code": 502}}'), RetryLater, None),
    (RawReply(b'{"error": {"message": "slower", "code": 429}}'), RateLimited, None),
]

FAILED: list[tuple[Scripted, type[ModelError]]] = [
    *(
        (error(429, code, retry_after="5"), QuotaError)
        for code in (
            "insufficient_quota",
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
        )
    ),
    (error(429, "new_code", kind="insufficient_quota"), QuotaError),
    (error(429, "insufficient_quota", x_should_retry="true"), QuotaError),
    (error(402), QuotaError),
    (error(400, "context_length_exceeded"), ContextOverflow),
    (error(400, kind="exceed_context_size_error"), ContextOverflow),
    (ErrorReply(400, message="This model's maximum context length is 4096 tokens."), ContextOverflow),
    *((error(status), RequestRejected) for status in (400, 401, 403, 404, 422, 501)),
    (error(503, x_should_retry="false"), RequestRejected),
    (error(429, "rate_limit_exceeded", x_should_retry="false"), RequestRejected),
    (RawReply(b"<html>Welcome</html>", content_type="text/html"), RequestRejected),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("reply", "kind", "after"), RETRIED)
async def test_is_tried_again(
    reply: Scripted, kind: type[RetryLater], after: float | None, stream: bool
) -> None:
    if stream and isinstance(reply, RawReply):
        reply = RawReply(b"data: " + reply.content + b"\n\n", content_type="text/event-stream")
    with pytest.raises(RetryLater) as caught:
        await ask([reply], stream=stream)
    assert type(caught.value) is kind
    assert caught.value.retry_after == after


@pytest.mark.parametrize(("reply", "kind"), FAILED)
async def test_is_not_tried_again(reply: Scripted, kind: type[ModelError]) -> None:
    with pytest.raises(ModelError) as caught:
        await ask([reply])
    assert type(caught.value) is kind


SSE = {"content-type": "text/event-stream"}
BROKEN: list[tuple[str, Scripted, bool]] = [
    ("answer cut", Reply("a long answer", cut_after=20), False),
    ("stream cut", Reply("a long answer", cut_after=400), True),
    ("cut before the first byte", Reply("x", cut_after=0), False),
    ("no finish reason", Reply("half an", finish_reason=None), False),
    ("stream that just ends", Reply("half an", finish_reason=None), True),
    ("not JSON", RawReply(b'{"choices": [{"mess'), False),
    ("not JSON in a stream", RawReply(b'data: {"choi\n\n', content_type="text/event-stream"), True),
    ("not text", RawReply(b'{"choices": "\xff"}'), False),
    ("not text in a stream", RawReply(b"data: \xff\n\n", content_type="text/event-stream"), True),
    ("not zipped", RawReply(b"{}", headers={"content-encoding": "gzip"}), False),
    ("not zipped in a stream", RawReply(b"data: {}", headers={**SSE, "content-encoding": "gzip"}), True),
    ("no choice", RawReply(b'{"choices": []}'), False),
]


@pytest.mark.parametrize(("reply", "stream"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
async def test_a_broken_answer_is_tried_again(reply: Scripted, stream: bool) -> None:
    with pytest.raises(RetryLater) as caught:
        await ask([reply], stream=stream)
    assert type(caught.value) is RetryLater


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_silent_server_is_tried_again(stream: bool) -> None:
    with pytest.raises(RetryLater, match="no answer within the time limit"):
        await ask([Reply("late", hold=asyncio.Event())], stream=stream, timeout=0.05)


async def test_a_slow_stream_has_one_time_limit() -> None:
    """Pieces that keep coming do not keep a request alive for ever."""
    with pytest.raises(RetryLater, match="no answer within the time limit"):
        await ask([Reply("word " * 100, chunk_delay=0.02)], stream=True, timeout=0.1)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_nothing_listens_at_the_url(stream: bool) -> None:
    async with ScriptedModel() as model:
        gone = model.url
    async with LLM("m", base_url=gone, stream=stream) as llm:
        with pytest.raises(ModelUnreachable) as caught:
            await llm.attempt(Request(model="m", messages=({"role": "user", "content": "?"},)))
    assert gone in str(caught.value)
    assert "OPENAI_BASE_URL" in str(caught.value)


@pytest.mark.parametrize(
    "reply",
    [
        Reply("", refusal="I cannot help with that"),
        Reply("I cannot help with that", finish_reason="content_filter"),
        ErrorReply(400, code="content_filter", message="I cannot help with that"),
    ],
    ids=["refusal", "filtered", "filtered prompt"],
)
async def test_a_refusal_is_an_answer(reply: Scripted) -> None:
    completion = (await ask([reply])).completion
    assert completion.refused
    assert completion.text == "I cannot help with that"


async def test_the_sdk_does_not_try_again_itself() -> None:
    async with ScriptedModel([error(500)] * 3) as model, LLM("m", base_url=model.url) as llm:
        with pytest.raises(RetryLater):
            await llm.attempt(Request(model="m", messages=({"role": "user", "content": "?"},)))
    assert len(model.asked) == 1


async def test_a_message_names_model_url_and_advice() -> None:
    with pytest.raises(RequestRejected, match=r"^m at http://127.*/v1 answered 401: bad key; check OPENAI_"):
        await ask([ErrorReply(401, message="bad\nkey")])


async def test_a_key_that_the_server_repeats_is_masked() -> None:
    reply = ErrorReply(401, message="Incorrect API key: sk-secret-1")
    async with (
        ScriptedModel([reply]) as model,
        LLM("m", base_url=model.url, api_key="sk-secret-1") as llm,
    ):
        with pytest.raises(RequestRejected) as caught:
            await llm.attempt(Request(model="m", messages=({"role": "user", "content": "?"},)))
    assert "sk-secret-1" not in str(caught.value) + repr(llm)
