"""Chunks as agents might yield them, in any order: whole ones, of few ids, so that they meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from agents_sdk.chat.shapes import Chunk

WORDS = st.text(max_size=4)
IDS = st.sampled_from(["t1", "t2"])
CALLS = st.sampled_from(["c1", "c2"])
NAMES = st.sampled_from(["look", "send"])
VALUES = st.none() | st.booleans() | st.integers(0, 3) | WORDS | st.just({"k": [1, {"n": None}]})
METADATA = st.none() | st.dictionaries(st.sampled_from(["a", "b", "finishReason"]), VALUES, max_size=2)
MORE = {"providerMetadata": st.dictionaries(st.sampled_from(["a", "b"]), VALUES, max_size=2)}


def _of(
    type: str, required: Mapping[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"type": st.just(type), **required}, optional=dict(optional))


_CALL = {"toolCallId": CALLS, "toolName": NAMES}
_SIMPLE = ("start-step", "finish-step", "abort", "later-invention")

TEXT: st.SearchStrategy[Chunk] = st.one_of(
    *(_of(f"{kind}-start", {"id": IDS}, **MORE) for kind in ("text", "reasoning")),
    *(_of(f"{kind}-delta", {"id": IDS, "delta": WORDS}, **MORE) for kind in ("text", "reasoning")),
    *(_of(f"{kind}-end", {"id": IDS}, **MORE) for kind in ("text", "reasoning")),
)
TOOL: st.SearchStrategy[Chunk] = st.one_of(
    _of("tool-input-start", _CALL, dynamic=st.booleans(), title=WORDS),
    _of("tool-input-delta", {"toolCallId": CALLS, "inputTextDelta": WORDS}),
    _of("tool-input-available", {**_CALL, "input": VALUES}, dynamic=st.booleans(), **MORE),
    _of("tool-input-error", {**_CALL, "errorText": WORDS}, input=VALUES),
    _of("tool-approval-request", {"toolCallId": CALLS, "approvalId": st.just("ask")}, signature=WORDS),
    _of("tool-output-available", {"toolCallId": CALLS, "output": VALUES}, preliminary=st.booleans(), **MORE),
    _of("tool-output-error", {"toolCallId": CALLS, "errorText": WORDS}),
    _of("tool-output-denied", {"toolCallId": CALLS}),
)
OTHER: st.SearchStrategy[Chunk] = st.one_of(
    _of("start", {}, messageId=st.sampled_from(["m1", "m2"]), messageMetadata=METADATA),
    _of("finish", {}, finishReason=st.just("stop"), messageMetadata=METADATA),
    _of("message-metadata", {"messageMetadata": METADATA}),
    _of("data-mood", {"data": VALUES}, id=IDS, transient=st.booleans()),
    _of("file", {"url": WORDS, "mediaType": WORDS}),
    _of("source-url", {"sourceId": IDS, "url": WORDS}, title=WORDS),
    _of("source-document", {"sourceId": IDS, "mediaType": WORDS, "title": WORDS}),
    *(st.just({"type": type}) for type in _SIMPLE),
)
CHUNK: st.SearchStrategy[Chunk] = TEXT | TOOL | OTHER
CHUNKS = st.lists(CHUNK, max_size=20)
