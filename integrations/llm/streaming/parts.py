"""Pieces of an answer as parts of the stream of a step."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from integrations.llm.delta import Delta, ReasoningDelta, Restarted, TextDelta, ToolCallDelta

__all__ = ["PROCESS", "dump", "load", "merged"]

PROCESS = secrets.token_hex(6)
"""Names this process in the parts that it writes: a reader knows by it which attempts have died with another
one, and are about to be begun anew."""


def dump(delta: Delta) -> list[object]:
    """A plain value."""
    match delta:
        case TextDelta(text=text):
            return [PROCESS, "text", text]
        case ReasoningDelta(text=text):
            return [PROCESS, "reasoning", text]
        case ToolCallDelta(index=index, id=id, name=name, arguments=arguments):
            return [PROCESS, "call", index, id, name, arguments]
        case Restarted():
            return [PROCESS, "restarted"]


def load(value: Any) -> tuple[str, Delta]:
    """What `dump` was given, and the process that called it; `ValueError` for what a step told of its own."""
    match value:
        case [str(process), "text", str(text)]:
            return process, TextDelta(text)
        case [str(process), "reasoning", str(text)]:
            return process, ReasoningDelta(text)
        case [str(process), "call", int(index), str(id), str(name), str(arguments)]:
            return process, ToolCallDelta(index, id, name, arguments)
        case [str(process), "restarted"]:
            return process, Restarted()
        case _:
            raise ValueError(
                f"no piece of a model's answer: {repr(value)[:200]}; read what a step of your own has told "
                "by `instance.stream(…)`"
            )


def merged(deltas: Iterable[Delta]) -> list[Delta]:
    """The same in fewer pieces: neighbours of one kind become one, and nothing empty is left."""
    made: list[Delta] = []
    for delta in deltas:
        match made[-1] if made else None, delta:
            case TextDelta(text=before), TextDelta(text=more):
                made[-1] = TextDelta(before + more)
            case ReasoningDelta(text=before), ReasoningDelta(text=more):
                made[-1] = ReasoningDelta(before + more)
            case ToolCallDelta() as before, ToolCallDelta(id="", name="") if before.index == delta.index:
                made[-1] = ToolCallDelta(
                    before.index, before.id, before.name, before.arguments + delta.arguments
                )
            case _:
                made.append(delta)
    return made
