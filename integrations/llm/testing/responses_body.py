"""Scripted answers as a server of the Responses API writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import orjson

from integrations.llm.testing.replies import Asked, FailedReply, Reply, pieces
from integrations.llm.usage import Usage

__all__ = ["Status", "events", "whole"]

Status: TypeAlias = Literal["queued", "in_progress", "cancelled"]
"""Of a response that has not come to its scripted end."""

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def whole(
    reply: Reply | FailedReply, asked: Asked, *, id: str = "resp_scripted", status: Status | None = None
) -> bytes:
    """The response in one piece: as scripted, or not yet."""
    return orjson.dumps(_response(reply, asked, id=id, status=status))


def events(reply: Reply | FailedReply, asked: Asked) -> Iterator[bytes]:
    """The response as server-sent events, word by word."""
    kinds = _Events()
    yield kinds.event("response.created", response=_response(reply, asked, status="in_progress"))
    if isinstance(reply, FailedReply):
        yield kinds.event("response.failed", response=_response(reply, asked))
        return
    for index, item in enumerate(_output(reply)):
        place = {"output_index": index, "item_id": item["id"]}
        yield kinds.event("response.output_item.added", output_index=index, item=item | _EMPTY[item["type"]])
        yield from _deltas(kinds, item, place)
        yield kinds.event("response.output_item.done", output_index=index, item=item)
    if reply.finish_reason is not None:
        end = _response(reply, asked)
        yield kinds.event(f"response.{end['status']}", response=end)


_EMPTY: dict[str, dict[str, Any]] = {"message": {"content": []}, "function_call": {"arguments": ""}}


class _Events:
    """Numbers them."""

    def __init__(self) -> None:
        self._number = 0

    def event(self, kind: str, **content: Any) -> bytes:
        said = orjson.dumps({"type": kind, "sequence_number": self._number, **content})
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), said)


def _deltas(kinds: _Events, item: dict[str, Any], place: dict[str, Any]) -> Iterator[bytes]:
    if item["type"] == "function_call":
        said = item["arguments"]
        for half in (said[: len(said) // 2], said[len(said) // 2 :]):
            yield kinds.event("response.function_call_arguments.delta", delta=half, **place)
        return
    for index, part in enumerate(item["content"]):
        if part["type"] == "refusal":
            yield kinds.event("response.refusal.delta", delta=part["refusal"], content_index=index, **place)
            continue
        for piece in pieces(part["text"]):
            yield kinds.event(
                "response.output_text.delta", delta=piece, content_index=index, logprobs=[], **place
            )


def _response(
    reply: Reply | FailedReply, asked: Asked, *, id: str = "resp_scripted", status: Status | None = None
) -> dict[str, Any]:
    head = {
        "id": id,
        "object": "response",
        "created_at": 0,
        "model": asked.body.get("model", ""),
        "status": status,
        "output": [],
        "error": None,
        "incomplete_details": None,
        "parallel_tool_calls": True,
        "tools": [],
        "tool_choice": "auto",
    }
    if status is not None:
        return head
    if isinstance(reply, FailedReply):
        return head | {"status": "failed", "error": {"code": reply.code, "message": reply.message}}
    reason = _INCOMPLETE.get(reply.finish_reason or "")
    if reply.finish_reason is None:
        head["status"] = "in_progress"
    else:
        head["status"] = "incomplete" if reason else "completed"
    return head | {
        "model": reply.model or head["model"],
        "output": _output(reply),
        "incomplete_details": {"reason": reason} if reason else None,
        "usage": _usage(reply.usage) if reply.usage else None,
    }


def _output(reply: Reply) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if reply.text or (reply.refusal is None and not reply.tool_calls):
        parts.append({"type": "output_text", "text": reply.text, "annotations": []})
    if reply.refusal is not None:
        parts.append({"type": "refusal", "refusal": reply.refusal})
    message = {
        "type": "message",
        "id": "msg_scripted",
        "role": "assistant",
        "status": "completed",
        "content": parts,
    }
    calls = [
        {
            "type": "function_call",
            "id": f"fc_{call.id}",
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "status": "completed",
        }
        for call in reply.tool_calls
    ]
    return [*([message] if parts else []), *calls]


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }
