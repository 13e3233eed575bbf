"""A message, built of the chunks of an answer: while it comes, after a crash, and where it goes on, alike."""

from __future__ import annotations

import copy
from typing import Any

from agents_sdk.chat.calls import CALLS, Calls
from agents_sdk.chat.chunks import checked
from agents_sdk.chat.shapes import Chunk, Message, Part
from agents_sdk.chat.texts import TEXTS, Texts
from agents_sdk.chat.tools import answered_part
from agents_sdk.protocol import ToolApproval, ToolResult

__all__ = ["Builder"]


class Builder:
    """Begins with a copy of `message`; one that has parts already is continued, and keeps its id."""

    def __init__(self, message: Message) -> None:
        self._message = copy.deepcopy(message)
        self._parts: list[Part] = self._message.setdefault("parts", [])
        self._before = len(self._parts)
        self._started = False
        self._texts = Texts(self._parts)
        self._calls = Calls(self._parts)

    def apply(self, chunk: object) -> tuple[Chunk, ...]:
        """Takes the next chunk; returns what clients are to get for it, and what a replay is to hold.

        Nothing for what repeats an earlier call of a tool, or is empty. A chunk of an unknown type is for the
        clients only. Raises `InvalidChunk`, and then has changed nothing.
        """
        chunk = checked(chunk)
        type = chunk["type"]
        if type in TEXTS:
            return self._texts.apply(chunk)
        if type in CALLS:
            return self._calls.apply(chunk)
        if type.startswith("data-"):
            self._put(chunk)
        match type:
            case "start":
                return self._start(chunk)
            case "start-step":
                self._parts.append({"type": "step-start"})
            case "finish-step":
                self._texts.end()
            case "file" | "source-url" | "source-document":
                self._parts.append(dict(chunk))
        if type in ("finish", "message-metadata"):
            self._describe(chunk)
        return (chunk,)

    def answer(self, frame: ToolResult | ToolApproval) -> bool:
        """Takes what a client says of a call while the answer still comes; false if it changes nothing."""
        for part in self._parts:
            if (answered := answered_part(part, frame)) is not None:
                part.update(answered)
                return True
        return False

    @property
    def message(self) -> Message:
        """What has been built so far, a copy."""
        self._texts.settle()
        return copy.deepcopy(self._message)

    def close(self, *, killed: bool = False) -> None:
        """No more chunks. Only after a kill, open texts stay so: what comes later goes on in them."""
        self._texts.settle()
        if killed:
            return
        self._texts.end()
        for part in self._parts:
            if part["type"] in ("text", "reasoning") and part.get("state") == "streaming":
                part["state"] = "done"

    def _start(self, chunk: Chunk) -> tuple[Chunk, ...]:
        """Only one before all parts begins the message: clients would take a later one as of another."""
        self._describe(chunk)
        if self._started or len(self._parts) > self._before:
            said = chunk.get("messageMetadata")
            return () if said is None else ({"type": "message-metadata", "messageMetadata": said},)
        self._started = True
        if not self._before and isinstance(chunk.get("messageId"), str):
            self._message["id"] = chunk["messageId"]
        return (chunk,)

    def _put(self, chunk: Chunk) -> None:
        if chunk.get("transient"):
            return
        part = dict(chunk)
        if part.get("id") is not None:
            for known in self._parts:
                if known["type"] == part["type"] and known.get("id") == part["id"]:
                    known["data"] = part["data"]
                    return
        self._parts.append(part)

    def _describe(self, chunk: Chunk) -> None:
        said = chunk.get("messageMetadata")
        if chunk["type"] == "finish" and chunk.get("finishReason") is not None:
            said = {"finishReason": chunk["finishReason"], **(said or {})}
        if said is not None:
            self._message["metadata"] = _merged(self._message.get("metadata"), said)


def _merged(known: Any, said: Any) -> Any:
    """Objects are merged at every depth, as clients do; of all else the later one counts."""
    if not isinstance(known, dict) or not isinstance(said, dict):
        return said
    return known | {key: _merged(known.get(key), value) for key, value in said.items()}
