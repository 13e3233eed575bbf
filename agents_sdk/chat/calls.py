"""The calls of tools in a message: from the first letter of an input to an output that nothing changes.

input-streaming → input-available → (approval-requested → approval-responded) → output-available, output-error
or output-denied. Whatever would lead back is a repetition, which clients are spared: they would show less.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents_sdk.chat.shapes import SETTLED, Chunk, Part, tool_call

__all__ = ["CALLS", "Calls"]

CALLS = frozenset(
    {
        "tool-input-start",
        "tool-input-delta",
        "tool-input-available",
        "tool-input-error",
        "tool-approval-request",
        "tool-output-denied",
        "tool-output-available",
        "tool-output-error",
    }
)
"""The types of the chunks that are taken here."""

_OF_CALL = {
    "providerExecuted": "providerExecuted",
    "title": "title",
    "toolMetadata": "toolMetadata",
    "inputEncoding": "inputEncoding",
}
_OF_INPUT = _OF_CALL | {"providerMetadata": "callProviderMetadata"}
_OF_OUTPUT = _OF_CALL | {"providerMetadata": "resultProviderMetadata"}
_OF_APPROVAL = {
    "approvalId": "id",
    "approvalDescriptor": "descriptor",
    "inputSchemaInput": "inputSchemaInput",
    "signature": "signature",
}
_ANSWERED = (*SETTLED, "approval-responded")


class Calls:
    """Changes parts in `parts`, the list of a message; calls that it holds from the start are known."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts = parts
        self._by_id = {id: part for part in parts if (id := tool_call(part))}
        self._written: dict[str, list[str]] = {}  # the text of inputs that are coming in pieces
        self._guessed: set[str] = set()  # calls whose input was read from such pieces

    def apply(self, chunk: Chunk) -> tuple[Chunk, ...]:
        """The chunks that a client needs for it; none if it repeats, or is of a call that is not here."""
        id = chunk["toolCallId"]
        part = self._by_id.get(id)
        match chunk["type"]:
            case "tool-input-start" if part is None:
                self._make(chunk, "input-streaming")
                self._written[id] = []
            case "tool-input-delta" if part and _is_written(part) and id in self._written:
                self._written[id].append(chunk["inputTextDelta"])
            case "tool-input-available":
                return self._available(part, chunk)
            case "tool-input-error" if part is None or part.get("state") not in SETTLED:
                part = part or self._make(chunk, "output-error")
                _take(part, chunk, _OF_INPUT)
                part |= {"state": "output-error", "errorText": chunk["errorText"], "input": _input(chunk)}
            case "tool-approval-request" if part and part.get("state") not in _ANSWERED:
                self._guess(id, part)
                part["state"] = "approval-requested"
                part["approval"] = {}
                _take(part["approval"], chunk, _OF_APPROVAL)
            case "tool-output-denied" if part and part.get("state") not in _ANSWERED:
                part["state"] = "output-denied"
            case "tool-output-available" | "tool-output-error" if part and not _settled(part):
                _finish(part, chunk)
            case _:
                return ()
        return (chunk,)

    def _make(self, chunk: Chunk, state: str) -> Part:
        name = chunk["toolName"]
        kind = "dynamic-tool" if chunk.get("dynamic") is True else f"tool-{name}"
        part = {"type": kind, "toolCallId": chunk["toolCallId"], "toolName": name, "state": state}
        _take(part, chunk, _OF_INPUT)
        self._parts.append(part)
        self._by_id[chunk["toolCallId"]] = part
        return part

    def _available(self, part: Part | None, chunk: Chunk) -> tuple[Chunk, ...]:
        if part is None:
            part = self._make(chunk, "input-streaming")
        state = part.get("state")
        if _is_written(part):
            part["state"] = "input-available"
        elif state not in ("approval-requested", "approval-responded") or not self._lacks_input(part):
            return ()
        chunk |= {"input": _input(chunk)}
        part["input"] = chunk["input"]
        _take(part, chunk, _OF_INPUT)
        self._guessed.discard(chunk["toolCallId"])
        if state == "input-streaming":
            return (chunk,)
        if state == "approval-responded":
            return ()  # a client would take it as asked again
        asked: Chunk = {"type": "tool-approval-request", "toolCallId": chunk["toolCallId"]}
        _take(asked, part.get("approval", {}), {of: to for to, of in _OF_APPROVAL.items()})
        return (chunk, asked)  # the first takes the question off the screen, the second brings it back

    def _lacks_input(self, part: Part) -> bool:
        return "input" not in part or part["toolCallId"] in self._guessed

    def _guess(self, id: str, part: Part) -> None:
        """A human is asked before the input is said to be whole: what has come of it is shown."""
        pieces = self._written.pop(id, None)
        if "input" not in part and pieces:
            part["input"] = _input({"input": "".join(pieces)})
            self._guessed.add(id)


def _is_written(part: Part) -> bool:
    return part.get("state") == "input-streaming"


def _settled(part: Part) -> bool:
    return part.get("state") in SETTLED and part.get("preliminary") is not True


def _finish(part: Part, chunk: Chunk) -> None:
    part.pop("preliminary", None)
    _take(part, chunk, _OF_OUTPUT)
    if chunk["type"] == "tool-output-error":
        part.pop("output", None)
        part |= {"state": "output-error", "errorText": chunk["errorText"]}
        return
    part |= {"state": "output-available", "output": chunk.get("output")}
    if isinstance(chunk.get("preliminary"), bool):
        part["preliminary"] = chunk["preliminary"]


def _take(into: dict[str, Any], source: Mapping[str, Any], keys: Mapping[str, str]) -> None:
    into.update({to: source[of] for of, to in keys.items() if source.get(of) is not None})


def _input(chunk: Mapping[str, Any]) -> Any:
    """Models say in many ways that a tool takes nothing, and providers refuse all but `{}`."""
    given = chunk.get("input")
    if given is None or given == "":
        return {}
    if isinstance(given, str) and given.lstrip().startswith("{") and chunk.get("inputEncoding") != "text":
        try:
            read = json.loads(given)
        except ValueError:
            return given
        return read if isinstance(read, dict) else given
    return given
