"""Scripted answers as a Chat Completions server writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from integrations.llm.testing.replies import Asked, ErrorReply, FailedReply, Reply, pieces
from integrations.llm.usage import Usage

__all__ = ["chunks", "error", "whole"]


def whole(reply: Reply | FailedReply, asked: Asked) -> bytes:
    """The answer in one piece."""
    if isinstance(reply, FailedReply):
        return error(reply)
    message: dict[str, Any] = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    if reply.tool_calls:
        message["tool_calls"] = _tool_calls(reply)
    choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
    body = _head("chat.completion", reply, asked) | {"choices": [choice]}
    return orjson.dumps(body | ({"usage": _usage(reply.usage)} if reply.usage else {}))


def chunks(reply: Reply | FailedReply, asked: Asked) -> Iterator[bytes]:
    """The answer as server-sent events, word by word; usage when it was asked for."""
    if isinstance(reply, FailedReply):
        yield b"data: " + error(reply) + b"\n\n"
        return
    for delta in _deltas(reply):
        yield _event(reply, asked, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    if reply.finish_reason is None:
        return
    end = {"index": 0, "delta": {}, "finish_reason": reply.finish_reason}
    yield _event(reply, asked, {"choices": [end]})
    if reply.usage and (asked.body.get("stream_options") or {}).get("include_usage"):
        yield _event(reply, asked, {"choices": [], "usage": _usage(reply.usage)})
    yield b"data: [DONE]\n\n"


def error(reply: ErrorReply | FailedReply) -> bytes:
    """An error in OpenAI's form."""
    said = {"message": reply.message, "type": reply.type, "param": reply.param, "code": reply.code}
    return orjson.dumps({"error": said})


def _deltas(reply: Reply) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for piece in pieces(reply.text):
        yield {"content": piece}
    if reply.refusal is not None:
        yield {"refusal": reply.refusal}
    for index, call in enumerate(_tool_calls(reply)):
        arguments = call["function"]["arguments"]
        half = len(arguments) // 2
        first = {"name": call["function"]["name"], "arguments": arguments[:half]}
        yield {"tool_calls": [call | {"index": index, "function": first}]}
        yield {"tool_calls": [{"index": index, "function": {"arguments": arguments[half:]}}]}


def _tool_calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in reply.tool_calls
    ]


def _head(kind: str, reply: Reply, asked: Asked) -> dict[str, Any]:
    return {
        "id": "chatcmpl-scripted",
        "object": kind,
        "created": 0,
        "model": reply.model or asked.body.get("model", ""),
    }


def _event(reply: Reply, asked: Asked, content: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(_head("chat.completion.chunk", reply, asked) | content) + b"\n\n"


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
