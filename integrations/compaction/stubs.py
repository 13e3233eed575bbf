"""Old tool results and arguments, shortened: a stub says what was there; its handle finds the original."""

import hashlib
import json
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from integrations.compaction.message import Call, Message, Part, ToolCall, answered, is_result
from integrations.compaction.text import storable

EXCERPT = 2_000  # characters kept of an oversized result that is still needed
ARGUMENT = 200  # characters kept of each text in the arguments of a call
FROM_START = 0.75

READ_HISTORY: Mapping[str, object] = {
    "type": "function",
    "function": {
        "name": "read_history",
        "description": "Read in full a tool result, or a tool call, that was shortened to save space.",
        "parameters": {
            "type": "object",
            "properties": {"handle": {"type": "string", "description": "the handle that the stub names"}},
            "required": ["handle"],
            "additionalProperties": False,
        },
    },
}
"""The definition of a tool over `read_history`, to offer to the model."""


def read_history(messages: Iterable[Message], handle: str) -> Message:
    """The original message that a stub stands for."""
    for message in messages:
        if message.id == handle:
            return message
    raise LookupError(f"the history has no message {handle!r}: give a handle that a shortened text names")


def shorten(message: Message, calls: Mapping[str, Call], keep: int) -> Message:
    """The message with each of its tool results as a stub that quotes `keep` characters; so with each text in
    the arguments of its calls.

    The message keeps its id, its place and its pairing; text beside a result or a call is not touched.
    """
    if message.role == "tool":
        content = _stub(message.id, calls.get(message.tool_call_id or ""), message.content, keep)
        return message.model_copy(update={"content": content})
    if message.tool_calls:
        called = tuple(_shorten_call(message.id, call, keep) for call in message.tool_calls)
        message = message.model_copy(update={"tool_calls": called})
    if not message.parts:
        return message
    return message.with_parts([_shorten_part(message.id, part, calls, keep) for part in message.parts])


def _shorten_part(handle: str, part: Part, calls: Mapping[str, Call], keep: int) -> Part:
    if part.get("type") == "tool_use":
        return {**part, "input": _clipped(part.get("input"), handle, keep)}
    if not is_result(part):
        return part
    return {**part, "content": _stub(handle, calls.get(answered(part)), part.get("content"), keep)}


def _shorten_call(handle: str, call: ToolCall, keep: int) -> ToolCall:
    """Arguments stay JSON; those that are none are left alone."""
    if call.function is None:
        return call
    try:
        given = json.loads(call.function.arguments)
    except (ValueError, RecursionError):
        return call
    arguments = storable(json.dumps(_clipped(given, handle, keep), ensure_ascii=False))
    return call.model_copy(update={"function": call.function.model_copy(update={"arguments": arguments})})


def _clipped(value: JsonValue, handle: str, keep: int) -> JsonValue:
    match value:
        case str() if len(value) > keep:
            return f"{value[:keep]} [… {len(value):,} characters, shortened; handle {handle}]"
        case list():
            return [_clipped(one, handle, keep) for one in value]
        case dict():
            return {key: _clipped(one, handle, keep) for key, one in value.items()}
        case _:
            return value


def _stub(handle: str, call: Call | None, content: object, keep: int) -> str:
    text = result_text(content)
    tool = call.tool if call else "a tool"
    digest = hashlib.sha256((call.arguments if call else "").encode(errors="surrogatepass")).hexdigest()[:8]
    header = f"[{tool} (arguments {digest}): {len(text):,} characters, shortened; handle {handle}]"
    if keep == 0:
        return header
    if len(text) <= keep:
        return f"{header}\n{text}"
    start = int(keep * FROM_START)
    return f"{header}\n{text[:start]}\n[…]\n{text[-(keep - start) :]}"


def result_text(content: object) -> str:
    """A tool result as text, whatever form it has."""
    match content:
        case None:
            return ""
        case str():
            return content
        case list():
            return "\n".join(_part_text(part) for part in content)
        case _:
            return str(content)


def _part_text(part: JsonValue) -> str:
    match part:
        case {"text": str(text)}:
            return text
        case {"type": str(kind)}:
            return f"[{kind}]"
        case _:
            return str(part)
