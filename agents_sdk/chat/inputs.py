"""The inputs of tools, as models write them: letter by letter, in JSON that may never become whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agents_sdk.chat.script import Script
from agents_sdk.chat.shapes import Chunk

__all__ = ["Inputs", "read"]


def read(text: str) -> Any:
    """What the text is as JSON, or the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


class Inputs:
    """The calls that a model is writing, each by a key of its own."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._open: dict[str, tuple[str, str, bool, list[str]]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._open

    def begin(self, key: str, call: str | None, tool: str, *, text: bool = False) -> Iterator[Chunk]:
        """A call begins; `text` if its input is no JSON."""
        call = call or f"call-{self._script.new_id()}"
        yield from self._script.hush()
        self._open[key] = (call, tool, text, [])
        encoding = {"inputEncoding": "text"} if text else {}
        yield {"type": "tool-input-start", "toolCallId": call, "toolName": tool, **encoding}

    def write(self, key: str, delta: str) -> Iterator[Chunk]:
        """More of the input of a call that is open."""
        if delta and key in self._open:
            call, _, _, written = self._open[key]
            written.append(delta)
            yield {"type": "tool-input-delta", "toolCallId": call, "inputTextDelta": delta}

    def end(self, key: str) -> Iterator[Chunk]:
        """The input is whole: it is told, or why it cannot be read."""
        if key not in self._open:
            return
        call, tool, is_text, written = self._open.pop(key)
        text = "".join(written)
        whole: Chunk = {"type": "tool-input-available", "toolCallId": call, "toolName": tool}
        if is_text:
            yield whole | {"input": text, "inputEncoding": "text"}
            return
        try:
            yield whole | {"input": json.loads(text or "{}")}
        except ValueError as error:
            unread = f"The input of {tool} is no JSON: {error}"
            yield whole | {"type": "tool-input-error", "input": text, "errorText": unread}

    def end_all(self) -> Iterator[Chunk]:
        for key in list(self._open):
            yield from self.end(key)
