"""What the chat of the test app answers, as chunks of a UI message stream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

__all__ = ["answer", "text_of"]

Chunk = dict[str, Any]

_SLOW = re.compile(r"slow:(\d+):(\d+)")
_RESOLVED = {"output-available", "output-error", "output-denied", "approval-responded"}
_BEAT = 0.005  # seconds between two pieces of text
_CONTINUED_BEAT = 0.03  # a shorter continuation would be over before its client is ready for it


def text_of(messages: list[Any]) -> str:
    """The text of the last user message."""
    last: Any = next((one for one in reversed(messages) if one["role"] == "user"), {"parts": []})
    return "".join(part.get("text", "") for part in last["parts"] if part["type"] == "text")


async def answer(text: str, messages: list[Any]) -> AsyncIterator[Chunk]:
    """The chunks from `start` to `finish`."""
    yield {"type": "start"}
    yield {"type": "start-step"}
    async for chunk in _inner(text, messages):
        yield chunk
    yield {"type": "finish-step"}
    yield {"type": "finish", "finishReason": "stop"} if text.startswith("llm") else {"type": "finish"}


def _inner(text: str, messages: list[Any]) -> AsyncIterator[Chunk]:
    slow = _SLOW.search(text)
    if slow is not None:
        words = [f"w{number} " for number in range(int(slow[1]))]
        return _text(words, int(slow[2]) / 1000)
    if text.startswith(("tool", "approve")):
        if _is_resolved(messages):
            return _text(_words(f"echo: {text} (continued)"), _CONTINUED_BEAT)
        return _at_once(_TOOL if text.startswith("tool") else _APPROVAL)
    if text.startswith("early"):
        return _called_early()
    if text.startswith("midfail"):
        return _at_once(_MIDFAIL)
    if text.startswith("llm"):
        return _at_once(_LLM, _BEAT)
    if text.startswith("data"):
        return _with_progress(text)
    return _text(_words(f"echo: {text}"), _BEAT)


async def _text(pieces: list[str], beat: float) -> AsyncIterator[Chunk]:
    yield {"type": "text-start", "id": "t1"}
    for number, piece in enumerate(pieces):
        if number:
            await asyncio.sleep(beat)
        yield {"type": "text-delta", "id": "t1", "delta": piece}
    await asyncio.sleep(beat)
    yield {"type": "text-end", "id": "t1"}


async def _called_early() -> AsyncIterator[Chunk]:
    """A call whose result may come while the answer goes on."""
    for chunk in _TOOL:
        yield chunk
    async for chunk in _text([f"w{number} " for number in range(20)], 0.02):
        yield chunk


async def _with_progress(text: str) -> AsyncIterator[Chunk]:
    yield {"type": "data-progress", "id": "d1", "data": {"pct": 50}}
    async for chunk in _text(_words(f"echo: {text}"), _BEAT):
        yield chunk
    yield {"type": "data-progress", "id": "d1", "data": {"pct": 100}}


async def _at_once(chunks: tuple[Chunk, ...], beat: float = 0) -> AsyncIterator[Chunk]:
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(beat)


def _words(text: str) -> list[str]:
    return re.findall(r"[^ ]* |[^ ]+$", text)


def _is_resolved(messages: list[Any]) -> bool:
    return messages[-1]["role"] == "assistant" and any(
        part["type"].startswith("tool-") and part.get("state") in _RESOLVED for part in messages[-1]["parts"]
    )


def _tool(call: str, name: str, given: dict[str, Any]) -> Iterator[Chunk]:
    yield {"type": "tool-input-start", "toolCallId": call, "toolName": name}
    yield {"type": "tool-input-available", "toolCallId": call, "toolName": name, "input": given}


_TOOL = tuple(_tool("call-1", "getLocation", {"precise": True}))
_APPROVAL = (
    *_tool("call-2", "deleteAll", {"sure": True}),
    {"type": "tool-approval-request", "approvalId": "appr-1", "toolCallId": "call-2"},
)
_MIDFAIL: tuple[Chunk, ...] = (
    {"type": "text-start", "id": "t1"},
    {"type": "text-delta", "id": "t1", "delta": "partial"},
    {"type": "error", "errorText": "stream error: mid-stream failure"},
)
_CITY: dict[str, Any] = {"city": "Paris"}
_LLM: tuple[Chunk, ...] = (
    {"type": "reasoning-start", "id": "r1"},
    {"type": "reasoning-delta", "id": "r1", "delta": "let me look"},
    {"type": "reasoning-end", "id": "r1"},
    {"type": "text-start", "id": "t1"},
    {"type": "text-delta", "id": "t1", "delta": "Checking"},
    {"type": "text-delta", "id": "t1", "delta": " weather."},
    {"type": "text-end", "id": "t1"},
    {"type": "tool-input-start", "toolCallId": "tc1", "toolName": "getWeather"},
    {"type": "tool-input-delta", "toolCallId": "tc1", "inputTextDelta": '{"city":'},
    {"type": "tool-input-delta", "toolCallId": "tc1", "inputTextDelta": '"Paris"}'},
    {"type": "tool-input-available", "toolCallId": "tc1", "toolName": "getWeather", "input": _CITY},
    {"type": "tool-output-available", "toolCallId": "tc1", "output": {**_CITY, "temp": 21}},
    {"type": "finish-step"},
    {"type": "start-step"},
    {"type": "text-start", "id": "t2"},
    {"type": "text-delta", "id": "t2", "delta": "It is sunny"},
    {"type": "text-delta", "id": "t2", "delta": " in Paris."},
    {"type": "text-end", "id": "t2"},
)
