"""Whatever an agent answers with becomes chunks, and is closed when nobody wants more of it."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from agents_sdk import InvalidChunk
from agents_sdk.chat.builder import Builder
from agents_sdk.chat.outflow import chunks_of
from agents_sdk.chat.shapes import Chunk

pytestmark = pytest.mark.anyio
BEGIN = {"type": "start"}
START, END = {"type": "text-start", "id": "r1"}, {"type": "text-end", "id": "r1"}
MOOD: Chunk = {"type": "data-mood", "data": 1}
PASSING: Chunk = MOOD | {"transient": True}
CALL: Chunk = {"type": "tool-input-available", "toolCallId": "c1", "toolName": "look", "input": {}}


def delta(text: str, id: str = "r1") -> Chunk:
    return {"type": "text-delta", "id": id, "delta": text}


async def chunks(result: object) -> list[Chunk]:
    return [chunk async for chunk in chunks_of(result, request_id="r1")]


async def later(*pieces: Any) -> AsyncIterator[Any]:
    for piece in pieces:
        yield piece


def now(*pieces: Any) -> Iterator[Any]:
    yield from pieces


async def promised(result: object) -> object:
    return result


def events(*said: object, end: str = "\n\n") -> bytes:
    lines = (one if isinstance(one, str) else json.dumps(one) for one in said)
    return "".join(f"data: {line}{end}" for line in lines).encode()


def sse(*pieces: bytes | str) -> StreamingResponse:
    return StreamingResponse(later(*pieces), media_type="text/event-stream")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, []),
        ("", []),
        ([], []),
        ("hello", [BEGIN, START, delta("hello"), END]),
        (["a", "", "b"], [BEGIN, START, delta("a"), delta("b"), END]),
        (("a",), [BEGIN, START, delta("a"), END]),
        (now("a", "b"), [BEGIN, START, delta("a"), delta("b"), END]),
        (iter(["a", "b"]), [BEGIN, START, delta("a"), delta("b"), END]),
        (later("a", "b"), [BEGIN, START, delta("a"), delta("b"), END]),
        (later(), []),
        (promised("a"), [BEGIN, START, delta("a"), END]),
        (promised(later("a")), [BEGIN, START, delta("a"), END]),
        (MOOD, [BEGIN, MOOD]),
        (later(START, MOOD), [BEGIN, START, MOOD]),
        ([PASSING, {"type": "start", "messageId": "own"}], [PASSING, {"type": "start", "messageId": "own"}]),
        ([PASSING, "a"], [PASSING, BEGIN, START, delta("a"), END]),
        ([{"type": "error", "errorText": "no"}], [{"type": "error", "errorText": "no"}]),
        (["a", MOOD, "b"], [BEGIN, START, delta("a"), MOOD, delta("b"), END]),
        (
            ["a", CALL, "b"],
            [
                BEGIN,
                START,
                delta("a"),
                END,
                CALL,
                {"type": "text-start", "id": "r1-2"},
                delta("b", "r1-2"),
                {"type": "text-end", "id": "r1-2"},
            ],
        ),
        ([{"type": "start"}, {"type": "later-invention"}], [{"type": "start"}, {"type": "later-invention"}]),
        (PlainTextResponse("héllo"), [START, delta("héllo"), END]),
        (Response(b""), []),
        (JSONResponse([1]), [START, delta("[1]"), END]),
        (StreamingResponse(later("a", b"b")), [START, delta("a"), delta("b"), END]),
        (StreamingResponse(later(b"h\xc3", b"\xa9")), [START, delta("h"), delta("é"), END]),
        (StreamingResponse(later(b"h\xc3")), [START, delta("h"), delta("\ufffd"), END]),
        (sse(events(MOOD, CALL)), [MOOD, CALL]),
        (sse(events(MOOD, CALL, "[DONE]", end="\r\n\r\n")), [MOOD, CALL]),
        (sse(": hi\n\nevent: x\nid: 1\n", events(MOOD)), [MOOD]),
        (sse('data: {"type":\ndata:"start"}\n\n'), [{"type": "start"}]),
        (sse(events(MOOD)[:-2]), [MOOD]),
        (sse("data: [DONE]"), []),
    ],
)
async def test_what_an_answer_may_be(result: object, expected: list[Chunk]) -> None:
    assert await chunks(result) == expected


@pytest.mark.parametrize("at", range(1, 60, 7))
async def test_events_may_be_cut_anywhere(at: int) -> None:
    body = events(MOOD, CALL | {"toolName": "schön"}, end="\r\n\r\n")
    assert await chunks(sse(body[:at], body[at : at + 1], body[at + 1 :])) == [
        MOOD,
        CALL | {"toolName": "schön"},
    ]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (5, "on_chat_message gave int: 5; give a str, a response, or an iterable of str and chunks"),
        (b"bytes", "on_chat_message gave bytes"),
        ([b"bytes"], "an answer cannot hold bytes: b'bytes'; give str, chunks of the AI SDK as dicts"),
        (later(None), "cannot hold NoneType"),
        ([{"text": "x"}], "cannot hold dict"),
        (["x" * 300, ["y" * 300]], "cannot hold list"),
        (sse("data: {oops\n\n"), "an event of the response is no JSON"),
    ],
)
async def test_what_an_answer_cannot_be(result: object, reason: str) -> None:
    with pytest.raises(InvalidChunk) as refused:
        await chunks(result)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 500


async def test_an_error_comes_after_what_was_there() -> None:
    async def breaks() -> AsyncIterator[str]:
        yield "a"
        raise LookupError("gone")

    flow = chunks_of(breaks(), request_id="r1")
    assert [await anext(flow) for _ in range(3)] == [BEGIN, START, delta("a")]
    with pytest.raises(LookupError, match="gone"):
        await anext(flow)


@pytest.mark.parametrize("kind", ["async", "sync", "response", "events"])
async def test_who_stops_listening_ends_the_source(kind: str) -> None:
    ended: list[bool] = []

    async def source() -> AsyncIterator[str]:
        try:
            while True:
                yield events(MOOD).decode() if kind == "events" else "a"
        finally:
            ended.append(True)

    def plain() -> Iterator[str]:
        try:
            while True:
                yield "a"
        finally:
            ended.append(True)

    media = "text/event-stream" if kind == "events" else None
    results: dict[str, object] = {"async": source(), "sync": plain()}
    flow = chunks_of(results.get(kind) or StreamingResponse(source(), media_type=media), request_id="r1")
    await anext(flow)
    await flow.aclose()
    assert ended == [True]


class Stream:
    """As the streams of SDKs are: whoever asks waits for the network, and it wants to be closed."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.closed = False
        self._left = ["b", "a"]

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> str:
        self.threads.add(threading.get_ident())
        if not self._left:
            raise StopIteration
        return self._left.pop()

    def close(self) -> None:
        self.closed = True


async def test_what_waits_does_so_in_a_thread() -> None:
    stream = Stream()
    assert await chunks(stream) == [BEGIN, START, delta("a"), delta("b"), END]
    assert threading.get_ident() not in stream.threads
    assert stream.closed


async def test_what_is_written_here_runs_here() -> None:
    def plain() -> Iterator[str]:
        yield str(threading.get_ident())

    assert (await chunks(plain()))[2]["delta"] == str(threading.get_ident())


async def test_what_a_response_wants_to_do_at_its_end_is_done() -> None:
    done: list[int] = []
    response = StreamingResponse(later("a"), background=BackgroundTask(done.append, 1))
    await chunks(response)
    assert done == [1]


@given(st.lists(st.text(max_size=3) | st.sampled_from([MOOD, CALL, {"type": "start-step"}]), max_size=8))
async def test_every_chunk_has_its_place(pieces: list[Any]) -> None:
    builder = Builder({"id": "m", "role": "assistant", "parts": []})
    for chunk in await chunks(pieces):
        sent = builder.apply(chunk)
        assert sent == (chunk,) or chunk == CALL
    texts = [part for part in builder.message["parts"] if part["type"] == "text"]
    assert "".join(part["text"] for part in texts) == "".join(p for p in pieces if isinstance(p, str))
    assert all(part["state"] == "done" for part in texts)
