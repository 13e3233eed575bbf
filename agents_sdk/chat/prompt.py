"""Messages of the AI SDK as OpenAI's Chat Completions take them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from agents_sdk.chat.shapes import Message, Part, tool_call

__all__ = ["ModelMessage", "instructed", "model_messages", "without_ids"]

ModelMessage: TypeAlias = dict[str, Any]
"""`{"role", "content", "tool_calls"?, "tool_call_id"?}`, and an `id`, which is not sent."""

_NO_RESULT = "No result of this call was recorded."
_DENIED = "The user did not allow this call."
_ESCAPED = (("%", "%25"), ("/", "%2F"), ("~", "%7E"))


def model_messages(messages: Sequence[Message]) -> list[ModelMessage]:
    """What a model is to be given of a transcript: text, files, calls of tools and their results.

    Each step of an answer is a message, followed by the results of its calls. A call without a result gets
    one that says so, except an approved one at the end, which is to be carried out now. Reasoning, sources
    and data parts are left out. The ids stay the same while a transcript grows: they begin with that of their
    message, in which `%`, `/` and `~` are escaped.
    """
    found: list[ModelMessage] = []
    for message in messages:
        id = _escaped(str(message["id"]))
        if message["role"] == "assistant":
            found += _answer(id, message["parts"], is_last=message is messages[-1])
        elif content := _content(message):
            found.append({"id": id, "role": message["role"], "content": content})
    return found


def instructed(instructions: str, messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """With instructions at the beginning."""
    first = {"id": "/instructions", "role": "system", "content": instructions}
    return [first, *messages] if instructions else [*messages]


def without_ids(messages: Iterable[ModelMessage]) -> list[ModelMessage]:
    """As a provider takes them."""
    return [{key: value for key, value in message.items() if key != "id"} for message in messages]


@dataclass(slots=True)
class _Step:
    """What a model says at once; the parts stand at `place` and behind it."""

    place: int
    texts: list[str] = field(default_factory=list)
    calls: list[tuple[int, Part]] = field(default_factory=list)


def _answer(id: str, parts: Sequence[Part], *, is_last: bool) -> Iterator[ModelMessage]:
    steps = list(_steps(parts))
    for step in steps:
        said: ModelMessage = {
            "id": f"{id}/{step.place}",
            "role": "assistant",
            "content": "".join(step.texts) or None,
        }
        if step.calls:
            said["tool_calls"] = [_call(part) for _, part in step.calls]
        yield said
        for place, part in step.calls:
            if is_last and step is steps[-1] and _is_approved(part):
                continue
            yield {
                "id": f"{id}/{place}/result",
                "role": "tool",
                "tool_call_id": tool_call(part),
                "content": _result(part),
            }


def _steps(parts: Sequence[Part]) -> Iterator[_Step]:
    """A text behind a call was said when its result was known."""
    step: _Step | None = None
    for place, part in enumerate(parts):
        is_call = tool_call(part) is not None and part.get("state") != "input-streaming"
        text = _said(part)
        if step is not None and (part["type"] == "step-start" or (text and step.calls)):
            yield step
            step = None
        if is_call or text:
            step = step or _Step(place)
            if is_call:
                step.calls.append((place, part))
            else:
                step.texts.append(text)
    if step is not None:
        yield step


def _said(part: Part) -> str:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "file"}:
            return _named(part)
        case _:
            return ""


def _call(part: Part) -> dict[str, Any]:
    name = part.get("toolName") or str(part["type"]).removeprefix("tool-")
    given = part.get("input", part.get("rawInput"))
    arguments = given if isinstance(given, str) else json.dumps({} if given is None else given)
    return {"id": tool_call(part), "type": "function", "function": {"name": name, "arguments": arguments}}


def _result(part: Part) -> str:
    match part.get("state"):
        case "output-available":
            output = part.get("output")
            return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
        case "output-error":
            return f"Error: {part.get('errorText')}"
        case "output-denied":
            return _DENIED
        case _:
            return _NO_RESULT


def _is_approved(part: Part) -> bool:
    return part.get("state") == "approval-responded"


def _content(message: Message) -> str | list[dict[str, Any]]:
    """Plain text where there is nothing else."""
    parts = [one for part in message["parts"] if (one := _given(part)) is not None]
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _given(part: Part) -> dict[str, Any] | None:
    """A part of what a user gives."""
    kind, url = str(part.get("mediaType")), str(part.get("url"))
    match part:
        case {"type": "text", "text": str(text)}:
            return {"type": "text", "text": text}
        case {"type": "file"} if kind.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": "file"} if url.startswith("data:"):
            return {"type": "file", "file": {"filename": part.get("filename") or "file", "file_data": url}}
        case {"type": "file"}:
            return {"type": "text", "text": _named(part)}
        case _:
            return None


def _named(part: Part) -> str:
    url = str(part.get("url"))
    where = "" if url.startswith("data:") else f" at {url}"
    return f"[file {part.get('filename') or part.get('mediaType')}{where}]"


def _escaped(id: str) -> str:
    for character, escape in _ESCAPED:
        id = id.replace(character, escape)
    return id
