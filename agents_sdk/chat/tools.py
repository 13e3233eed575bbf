"""What clients say of calls: results of their tools, and whether a tool may run. The first word counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agents_sdk.chat.shapes import Message, Part, tool_call
from agents_sdk.protocol import ToolApproval, ToolResult

__all__ = ["answered_part", "holder", "unresolved", "with_approval", "with_result"]

_PENDING = ("input-available", "approval-requested")
_TAKES_RESULT = (*_PENDING, "approval-responded")


def with_result(message: Message, frame: ToolResult) -> Message | None:
    """The message with the result; None when no call of it waits for this one."""
    return _answered(message, frame)


def with_approval(message: Message, frame: ToolApproval) -> Message | None:
    """The message with the decision; None when no call of it waits for this one."""
    return _answered(message, frame)


def holder(messages: Sequence[Message], call: str) -> Message | None:
    """The latest message that holds this call of a tool."""
    for message in reversed(messages):
        if message["role"] == "assistant" and any(tool_call(part) == call for part in message["parts"]):
            return message
    return None


def unresolved(message: Message) -> bool:
    """Whether a call of the last step that calls tools still waits for the client.

    Earlier steps do not count: what was left open there would hold up every later answer.
    """
    batch: list[Part] = []
    begins = True
    for part in message["parts"]:
        if part["type"] == "step-start":
            begins = True
        elif tool_call(part):
            batch = [part] if begins else [*batch, part]
            begins = False
    return any(part.get("state") in _PENDING for part in batch)


def answered_part(part: Part, frame: ToolResult | ToolApproval) -> Part | None:
    """The part with what the frame says of its call; None when it is not of it, or has had its word."""
    if tool_call(part) != frame.tool_call_id:
        return None
    if isinstance(frame, ToolResult):
        return part | _result(frame) if part.get("state") in _TAKES_RESULT else None
    return part | _decision(part, frame) if part.get("state") in _PENDING else None


def _answered(message: Message, frame: ToolResult | ToolApproval) -> Message | None:
    for at, part in enumerate(message["parts"]):
        if (answered := answered_part(part, frame)) is not None:
            return message | {"parts": [*message["parts"][:at], answered, *message["parts"][at + 1 :]]}
    return None


def _result(frame: ToolResult) -> Part:
    if frame.state == "output-error":
        return {"state": "output-error", "errorText": frame.error_text or "Tool execution denied by user"}
    return {"state": "output-available", "output": frame.output, "preliminary": False}


def _decision(part: Part, frame: ToolApproval) -> Part:
    asked: object = part.get("approval")
    known: Mapping[str, Any] = asked if isinstance(asked, dict) else {}
    approval = {**known, "id": known.get("id", frame.tool_call_id), "approved": frame.approved}
    return {"state": "approval-responded" if frame.approved else "output-denied", "approval": approval}
