"""The events of OpenAI's Responses, as chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents_sdk.chat.inputs import Inputs, read
from agents_sdk.chat.script import Script, get
from agents_sdk.chat.shapes import Chunk

__all__ = ["Responses"]

_LIMITS = {"max_output_tokens": "length", "content_filter": "content-filter"}
_OF_PROVIDER = {
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_call",
}
"""Calls of tools that the provider runs."""
_WRITTEN = {"function_call": False, "custom_tool_call": True}
"""Calls of tools of the agent, and whether their input is text."""


class Responses:
    """Several responses may follow one another, of a model that calls tools: each is a step."""

    def __init__(self, script: Script, inputs: Inputs) -> None:
        self._script = script
        self._inputs = inputs
        self._calls = False

    @staticmethod
    def knows(piece: object) -> bool:
        """Whether it looks like such an event; `error` is a chunk, too, but one that is a dict."""
        type = get(piece, "type")
        if not isinstance(type, str):
            return False
        return type.startswith("response.") or (type == "error" and not isinstance(piece, dict))

    def take(self, event: object) -> Iterator[Chunk]:
        type: str = get(event, "type")
        item = str(get(event, "item_id"))
        match type.removeprefix("response."):
            case "created":
                self._calls = False
                yield from self._inputs.end_all()
                yield from self._script.step(str(get(event, "response", "id")))
            case "output_text.delta" | "refusal.delta":
                whose = f"{item}/{get(event, 'content_index')}"
                yield from self._script.say("text", get(event, "delta") or "", whose)
            case "reasoning_summary_text.delta" | "reasoning_text.delta":
                whose = f"{item}/{get(event, 'summary_index')}/{get(event, 'content_index')}"
                yield from self._script.say("reasoning", get(event, "delta") or "", whose)
            case "output_text.done" | "refusal.done" | "reasoning_summary_text.done" | "reasoning_text.done":
                yield from self._script.hush()
            case "output_text.annotation.added":
                yield from self._source(item, event)
            case "output_item.added":
                yield from self._added(get(event, "item"))
            case "function_call_arguments.delta" | "custom_tool_call_input.delta":
                yield from self._inputs.write(item, get(event, "delta") or "")
            case "output_item.done":
                yield from self._done(get(event, "item"))
            case "completed" | "incomplete" | "failed" | "error" as end:
                yield from self._end(end, event)

    def _added(self, item: Any) -> Iterator[Chunk]:
        kind, id = get(item, "type"), str(get(item, "id"))
        if kind in _WRITTEN:
            self._calls = True
            name = get(item, "name") or "unknown"
            yield from self._inputs.begin(id, get(item, "call_id"), name, text=_WRITTEN[kind])
        elif kind in _OF_PROVIDER:
            yield from self._script.hush()
            yield {
                "type": "tool-input-start",
                "toolCallId": id,
                "toolName": _tool(item),
                "providerExecuted": True,
            }

    def _done(self, item: Any) -> Iterator[Chunk]:
        kind, id = get(item, "type"), str(get(item, "id"))
        if kind in _WRITTEN:
            if id not in self._inputs:
                yield from self._added(item)
                yield from self._inputs.write(id, get(item, "arguments") or get(item, "input") or "")
            yield from self._inputs.end(id)
        elif kind in _OF_PROVIDER:
            given = item.model_dump(mode="json") if hasattr(item, "model_dump") else dict(item)
            asked = given.pop("action", None) or read(given.pop("arguments", None) or "{}")
            output = {key: value for key, value in given.items() if key not in ("id", "type", "status")}
            call = {"toolCallId": id, "providerExecuted": True}
            yield {"type": "tool-input-available", "toolName": _tool(item), "input": asked, **call}
            yield {"type": "tool-output-available", "output": output, **call}

    def _source(self, item: str, event: object) -> Iterator[Chunk]:
        url = get(event, "annotation", "url")
        if isinstance(url, str):
            place = f"{item}/{get(event, 'content_index')}/{get(event, 'annotation_index')}"
            title = get(event, "annotation", "title")
            named = {"title": title} if isinstance(title, str) else {}
            yield {"type": "source-url", "sourceId": place, "url": url, **named}

    def _end(self, end: str, event: object) -> Iterator[Chunk]:
        yield from self._script.hush()
        yield from self._inputs.end_all()
        if end in ("failed", "error"):
            said = get(event, "message") or get(event, "response", "error", "message")
            yield {"type": "error", "errorText": said or "The model failed, and did not say why."}
        elif end == "incomplete":
            limit = get(event, "response", "incomplete_details", "reason")
            self._script.reason = _LIMITS.get(limit, "other")
        else:
            self._script.reason = "tool-calls" if self._calls else "stop"


def _tool(item: Any) -> str:
    """What a tool of the provider is called: that of an MCP server has a name."""
    return str(get(item, "name") or get(item, "type").removesuffix("_call"))
