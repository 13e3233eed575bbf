"""What clients get is not quite what the agent said."""

from __future__ import annotations

import pytest

from agents_sdk.chat.rewrite import rewritten
from agents_sdk.chat.shapes import Chunk

DELTA: Chunk = {"type": "text-delta", "id": "t", "delta": "x"}


@pytest.mark.parametrize(
    ("chunk", "first", "continued"),
    [
        ({"type": "start"}, {"type": "start", "messageId": "m"}, {"type": "start"}),
        ({"type": "start", "messageId": None}, {"type": "start", "messageId": "m"}, {"type": "start"}),
        (
            {"type": "start", "messageId": "own", "messageMetadata": 1},
            {"type": "start", "messageId": "own", "messageMetadata": 1},
            {"type": "start", "messageMetadata": 1},
        ),
        ({"type": "finish"}, {"type": "finish"}, {"type": "finish"}),
        *(
            (chunk, sent, sent)
            for chunk, sent in (
                (
                    {"type": "finish", "finishReason": "stop"},
                    {"type": "finish", "messageMetadata": {"finishReason": "stop"}},
                ),
                (
                    {"type": "finish", "finishReason": "stop", "messageMetadata": {"tokens": 5}},
                    {"type": "finish", "messageMetadata": {"finishReason": "stop", "tokens": 5}},
                ),
                (DELTA, DELTA),
            )
        ),
    ],
)
def test_what_is_rewritten(chunk: Chunk, first: Chunk, continued: Chunk) -> None:
    given = dict(chunk)
    assert rewritten(chunk, message_id="m", continuation=False) == first
    assert rewritten(chunk, message_id="m", continuation=True) == continued
    assert chunk == given
