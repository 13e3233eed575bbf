"""What is no chunk is refused with a reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from agents_sdk import InvalidChunk
from agents_sdk.chat.builder import Builder
from agents_sdk.chat.chunks import checked


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [
        (None, "no chunk of an answer: None; give a dict with a type, or a str"),
        (["text"], "no chunk"),
        ({}, "no chunk"),
        ({"type": 5}, "no chunk"),
        ({"type": "text-delta", "id": "t"}, "type text-delta needs a str as its delta: {'type'"),
        ({"type": "text-delta", "delta": "x"}, "needs a str as its id"),
        ({"type": "text-start", "id": 1}, "needs a str as its id"),
        ({"type": "tool-input-start", "toolCallId": "c", "toolName": ""}, "needs a str as its toolName"),
        ({"type": "tool-input-delta", "toolCallId": "c"}, "needs a str as its inputTextDelta"),
        ({"type": "tool-output-error", "toolCallId": "c", "errorText": None}, "needs a str as its errorText"),
        ({"type": "source-document", "sourceId": "s", "mediaType": "m"}, "needs a str as its title"),
        ({"type": "start", "messageMetadata": "x"}, "clients can merge no messageMetadata but a dict"),
        ({"type": "data-x"}, "type data-x needs data"),
        ({"type": "data-x", "data": object()}, "not JSON"),
        ({"type": "data-x", "data": "\ud800"}, "not JSON"),
        ({"type": "text-delta", "id": "t", "delta": "\ud800"}, "not JSON"),
    ],
)
def test_what_is_no_chunk(chunk: object, reason: str) -> None:
    builder = Builder({"id": "m", "role": "assistant", "parts": []})
    with pytest.raises(InvalidChunk) as refused:
        builder.apply(chunk)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 500
    assert builder.message["parts"] == []


def test_a_long_chunk_is_named_shortly() -> None:
    with pytest.raises(InvalidChunk, match="…"):
        checked({"type": "text-delta", "delta": "x" * 9999})


@pytest.mark.parametrize(
    ("chunk", "plain"),
    [
        ({"type": "text-start", "id": ""}, {"type": "text-start", "id": ""}),
        ({"type": "data-x", "data": (1, float("nan"))}, {"type": "data-x", "data": [1, None]}),
        ({"type": "data-x", "data": dt.date(2026, 1, 2)}, {"type": "data-x", "data": "2026-01-02"}),
        ({"type": "data-x", "data": 2**70}, {"type": "data-x", "data": 2**70}),
    ],
)
def test_a_chunk_is_json_and_nothing_else(chunk: dict[str, Any], plain: dict[str, Any]) -> None:
    assert checked(chunk) == plain
    assert checked(chunk) is not chunk
