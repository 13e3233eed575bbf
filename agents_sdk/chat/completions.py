"""The stream of a chat completion of OpenAI, or of one of the many that look alike, as chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents_sdk.chat.inputs import Inputs
from agents_sdk.chat.script import Script, get
from agents_sdk.chat.shapes import Chunk

__all__ = ["Completions"]

_REASONS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool-calls",
    "function_call": "tool-calls",
    "content_filter": "content-filter",
}


class Completions:
    """Several streams may follow one another, of a model that calls tools: each is a step."""

    def __init__(self, script: Script, inputs: Inputs) -> None:
        self._script = script
        self._inputs = inputs
        self._keys: dict[int, str] = {}  # the call that is written, by its place in the completion
        self._ids: dict[str, str] = {}
        self._of: str | None = None

    @staticmethod
    def knows(piece: object) -> bool:
        """Whether it looks like a piece of such a stream: one without choices tells the usage."""
        choices = get(piece, "choices")
        if not isinstance(choices, list | tuple) or get(piece, "type") is not None:
            return False
        return not choices or get(choices, 0, "delta") is not None

    def take(self, piece: object) -> Iterator[Chunk]:
        choice = get(piece, "choices", 0)
        if choice is None:
            return
        name = str(get(piece, "id") or "completion")
        if name != self._of:
            self._of, self._keys = name, {}
            yield from self._inputs.end_all()
        yield from self._script.step(name)
        delta = get(choice, "delta")
        yield from self._script.say("reasoning", _first(delta, "reasoning_content", "reasoning"), name)
        yield from self._script.say("text", _first(delta, "content", "refusal"), name)
        for call in get(delta, "tool_calls") or ():
            yield from self._call(name, call)
        reason = get(choice, "finish_reason")
        if isinstance(reason, str):
            yield from self._script.hush()
            yield from self._inputs.end_all()
            self._script.reason = _REASONS.get(reason, "other")

    def _call(self, name: str, call: Any) -> Iterator[Chunk]:
        place = get(call, "index")
        place = place if isinstance(place, int) else max(self._keys, default=0)
        id, tool = get(call, "id"), get(call, "function", "name")
        key = self._keys.get(place)
        if key is None or (id and id != self._ids[key]):  # some give every call the same place
            if not tool:
                return
            key = self._keys[place] = f"{name}/{len(self._ids)}"
            self._ids[key] = id or ""
            yield from self._inputs.begin(key, id, tool)
        yield from self._inputs.write(key, get(call, "function", "arguments") or "")


def _first(delta: Any, *keys: str) -> str:
    """The text under the first key that has one: those that look alike use several."""
    return next((said for key in keys if isinstance(said := get(delta, key), str) and said), "")
