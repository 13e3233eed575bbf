"""The messages of a loop: every call of a tool has an id of its own, and exactly one result behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from integrations.llm.completion import ToolCall
from integrations.llm.loop.record import ToolResult
from integrations.llm.request import Message

__all__ = ["answered", "asked", "named", "unanswered"]


def named(calls: Sequence[ToolCall], turn: int, used: Collection[str] = ()) -> list[ToolCall]:
    """The calls of one answer, with new ids for those that have none, or one that was used before."""
    made: list[ToolCall] = []
    known = set(used)
    for index, call in enumerate(calls, 1):
        id = call.id or f"call-{turn}-{index}"
        while id in known:
            id += "x"
        known.add(id)
        made.append(call.model_copy(update={"id": id}))
    return made


def asked(text: str, calls: Sequence[ToolCall]) -> dict[str, Any]:
    """An answer of the model, as it is sent back to it: servers refuse calls whose name or arguments are
    none, so those that the model wrote wrongly are made harmless. Their results say what was wrong."""
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": _name(call.name), "arguments": _arguments(call.arguments)},
            }
            for call in calls
        ]
    return message


def answered(result: ToolResult) -> dict[str, Any]:
    """What came of a call."""
    return {"role": "tool", "tool_call_id": result.call_id, "content": result.text}


def unanswered(messages: Sequence[Message]) -> str | None:
    """What servers would refuse: a call without a result behind it, or a result without its call."""
    open_calls: set[object] = set()
    for message in messages:
        if message.get("role") == "tool":
            id = message.get("tool_call_id")
            if id not in open_calls:
                return f"the result of call {id!r} stands behind no such call"
            open_calls.discard(id)
            continue
        if open_calls:
            return f"call {min(map(str, open_calls))!r} has no result behind it"
        calls = message.get("tool_calls")
        open_calls = {call["id"] for call in calls} if isinstance(calls, list | tuple) else set()
    return f"call {min(map(str, open_calls))!r} has no result behind it" if open_calls else None


def _name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "_"


def _arguments(arguments: str) -> str:
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except ValueError:
        return "{}"
