"""A request in the words of the Responses API. Imports openai."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from integrations.llm.chat_request import messages_in, response_format
from integrations.llm.dialect import Dialect, Form
from integrations.llm.errors import RequestRejected
from integrations.llm.request import AnyRequest, Message

__all__ = ["responses_request"]


def responses_request(request: AnyRequest, dialect: Dialect) -> dict[str, Any]:
    """The parameters of one Responses call; `RequestRejected` for what it has no words for.

    Messages, tools and choices are translated from Chat Completions; what has the form of the Responses API
    already goes as it is.
    """
    body: dict[str, Any] = {
        "model": request.model,
        "input": [item for message in messages_in(request, dialect) for item in _items(message)],
    }
    if request.wanted is not None and dialect.form is not Form.PLAIN:
        form = response_format(request.wanted, dialect.form)
        body["text"] = {"format": {"type": form["type"], **form.get("json_schema", {})}}
    if request.max_tokens is not None:
        body["max_output_tokens"] = request.max_tokens
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.tools:
        body["tools"] = [_unwrapped(tool) for tool in request.tools]
    if request.tool_choice is not None:
        chosen = request.tool_choice
        body["tool_choice"] = chosen if isinstance(chosen, str) else _named(chosen)
    return body


def _items(message: Message) -> Iterator[Mapping[str, Any]]:
    """One message is several items when it calls tools."""
    role, content = message.get("role"), message.get("content")
    if role is None:
        yield message
    elif role == "tool":
        output = content if isinstance(content, str) else [*_parts(content, "input_text")]
        yield {"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": output}
    else:
        if content:
            kind = "output_text" if role == "assistant" else "input_text"
            yield {"role": role, "content": content if isinstance(content, str) else [*_parts(content, kind)]}
        yield from _calls(message.get("tool_calls"))


def _calls(calls: object) -> Iterator[Mapping[str, Any]]:
    for call in calls if isinstance(calls, Sequence) else ():
        function = call.get("function") or {}
        yield {
            "type": "function_call",
            "call_id": call.get("id"),
            "name": function.get("name"),
            "arguments": function.get("arguments"),
        }


def _parts(content: object, text: str) -> Iterator[Mapping[str, Any]]:
    for part in content if isinstance(content, Sequence) else ():
        match part:
            case {"type": "text", "text": said}:
                yield {"type": text, "text": said}
            case {"type": "image_url", "image_url": {"url": url, **more}}:
                yield {"type": "input_image", "image_url": url, "detail": more.get("detail", "auto")}
            case {"type": "file", "file": dict() as file}:
                yield {"type": "input_file", **file}
            case {"type": "input_audio" | "audio" as kind}:
                raise RequestRejected(f'the Responses API takes no part of type "{kind}": use wire="chat"')
            case _:
                yield part


def _unwrapped(tool: Mapping[str, object]) -> Mapping[str, object]:
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return tool
    # Not strict is what Chat Completions means when a tool says nothing.
    return {"type": "function", "strict": False, "parameters": None, **function}


def _named(choice: Mapping[str, object]) -> Mapping[str, object]:
    function = choice.get("function")
    return {"type": "function", **function} if isinstance(function, Mapping) else choice
