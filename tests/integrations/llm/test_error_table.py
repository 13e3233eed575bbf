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
    WireName,
)
from integrations.llm.testing import ErrorReply, FailedReply, RawReply, Reply, ScriptedModel
from integrations.llm.testing.replies import Scripted
from tests.integrations.llm.asking import ask, way

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
    (error(429, retry_after_ms="250"), RateLimited, 0.25),
    (ErrorReply(429, headers=DATE), RateLimited, 7200.0),
    (error(400, x_should_retry="true"), RetryLater, None),
    (error(404, x_should_retry="true", retry_after="9"), RetryLater, 9.0),
    (FailedReply("server_error"), RetryLater, None),
    (FailedReply("vector_store_timeout"), RetryLater, None),
    (FailedReply("rate_limit_exceeded"), RateLimited, None),
    (FailedReply("slow_down"), RateLimited, None),
]

IN_PLACE_OF_AN_ANSWER: list[tuple[RawReply, type[RetryLater]]] = [
    (RawReply(b'{"error": {"message": "busy", "code": 502}}'), RetryLater),
    (RawReply(b'{"error": {"message": "slower", "code": 429}}'), RateLimited),
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
    (FailedReply("invalid_prompt"), RequestRejected),
    (FailedReply("image_too_large"), RequestRejected),
    (FailedReply("insufficient_quota"), QuotaError),
    (FailedReply("context_length_exceeded"), ContextOverflow),
]


def shown(value: object) -> str | None:
    """A row's name in the list of tests."""
    match value:
        case ErrorReply():
            return "-".join([str(value.status), *filter(None, [value.code, value.type]), *value.headers])
        case FailedReply():
            return f"failed-{value.code}"
        case type():
            return value.__name__
        case _:
            return None


@way
@pytest.mark.parametrize(("reply", "kind", "after"), RETRIED, ids=shown)
async def test_is_tried_again(
    reply: Scripted, kind: type[RetryLater], after: float | None, wire: WireName, stream: bool
) -> None:
    with pytest.raises(RetryLater) as caught:
        await ask([reply], wire=wire, stream=stream)
    assert type(caught.value) is kind
    assert caught.value.retry_after == after


@way
@pytest.mark.parametrize(("reply", "kind"), IN_PLACE_OF_AN_ANSWER)
async def test_an_error_with_status_200(
    reply: RawReply, kind: type[RetryLater], wire: WireName, stream: bool
) -> None:
    if stream:
        reply = RawReply(b"data: " + reply.content + b"\n\n", content_type="text/event-stream")
    with pytest.raises(RetryLater) as caught:
        await ask([reply], wire=wire, stream=stream)
    assert type(caught.value) is kind


async def test_an_error_event_in_a_stream_of_responses() -> None:
    event = b'{"type": "error", "code": "rate_limit_exceeded", "message": "slower", "param": null}'
    reply = RawReply(b"event: error\ndata: " + event + b"\n\n", content_type="text/event-stream")
    with pytest.raises(RateLimited, match="slower"):
        await ask([reply], wire="responses", stream=True)


@way
@pytest.mark.parametrize(("reply", "kind"), FAILED, ids=shown)
async def test_is_not_tried_again(
    reply: Scripted, kind: type[ModelError], wire: WireName, stream: bool
) -> None:
    with pytest.raises(ModelError) as caught:
        await ask([reply], wire=wire, stream=stream)
    assert type(caught.value) is kind


@way
async def test_a_web_page_where_a_model_should_be(wire: WireName, stream: bool) -> None:
    page = RawReply(b"<html>Welcome</html>", content_type="text/html")
    with pytest.raises(RequestRejected, match="a web page answers, not a model; check the model's name"):
        await ask([page], wire=wire, stream=stream)


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
    ("no answer in it", RawReply(b'{"choices": []}'), False),
    ("no events in a stream", RawReply(b"", content_type="text/event-stream"), True),
]


@pytest.mark.parametrize("wire", ["chat", "responses"])
@pytest.mark.parametrize(("reply", "stream"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
async def test_a_broken_answer_is_tried_again(reply: Scripted, stream: bool, wire: WireName) -> None:
    with pytest.raises(RetryLater) as caught:
        await ask([reply], wire=wire, stream=stream)
    assert type(caught.value) is RetryLater


@way
async def test_a_silent_server_is_tried_again(wire: WireName, stream: bool) -> None:
    with pytest.raises(RetryLater, match="no answer within the time limit"):
        await ask([Reply("late", hold=asyncio.Event())], wire=wire, stream=stream, timeout=0.05)


@pytest.mark.parametrize("wire", ["chat", "responses"])
async def test_a_slow_stream_has_one_time_limit(wire: WireName) -> None:
    """Pieces that keep coming do not keep a request alive for ever."""
    with pytest.raises(RetryLater, match="no answer within the time limit"):
        await ask([Reply("word " * 100, chunk_delay=0.02)], wire=wire, stream=True, timeout=0.1)


@way
async def test_nothing_listens_at_the_url(wire: WireName, stream: bool) -> None:
    async with ScriptedModel() as model:
        gone = model.url
    async with LLM("m", base_url=gone, wire=wire, stream=stream) as llm:
        with pytest.raises(ModelUnreachable) as caught:
            await llm.attempt(Request(model="m", messages=({"role": "user", "content": "?"},)))
    assert gone in str(caught.value)
    assert "OPENAI_BASE_URL" in str(caught.value)


@way
@pytest.mark.parametrize(
    "reply",
    [
        Reply("", refusal="I cannot help with that"),
        Reply("I cannot help with that", finish_reason="content_filter"),
        ErrorReply(400, code="content_filter", message="I cannot help with that"),
        FailedReply("bio_policy", message="I cannot help with that"),
    ],
    ids=["refusal", "filtered", "filtered prompt", "policy"],
)
async def test_a_refusal_is_an_answer(reply: Scripted, wire: WireName, stream: bool) -> None:
    completion = (await ask([reply], wire=wire, stream=stream)).completion
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
