"""What becomes of a message that is submitted while an answer is under way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agents_sdk.chat.shapes import Message, Part
from agents_sdk.errors import InvalidAgent

__all__ = ["Concurrency", "Debounce", "Decision", "concurrency", "decide", "merged"]


@dataclass(frozen=True, slots=True)
class Debounce:
    """The latest one, when nothing more has been submitted for so many seconds."""

    seconds: float = 0.75


Concurrency: TypeAlias = Literal["queue", "latest", "merge", "drop", "debounce"] | Debounce
"""`queue`: one after another; `latest`: of those that wait, the last; `merge`: those that wait become one;
`drop`: it is refused; `debounce`: as `latest`, after a pause."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done with a submission."""

    accept: bool = True
    """False: nothing is stored; its client gets the transcript back, and is told that it was skipped."""
    skipped: tuple[str, ...] = ()
    """The waiting requests that are not run; their messages stay."""
    merge: bool = False
    """The messages of those are to become one with the new one."""
    delay: float = 0.0
    """Seconds for which it waits for another one."""


def concurrency(chosen: object, *, of: str) -> Concurrency:
    """What a class has chosen as its `message_concurrency`; raises `InvalidAgent`."""
    match chosen:
        case "queue" | "latest" | "merge" | "drop" | "debounce":
            return chosen
        case Debounce(seconds=seconds) if 0 <= seconds < math.inf:
            return chosen
    raise InvalidAgent(
        f"{of}.message_concurrency is {chosen!r}: give 'queue', 'latest', 'merge', 'drop', 'debounce' or "
        "Debounce(seconds)"
    )


def decide(chosen: Concurrency, *, busy: bool, waiting: Sequence[str], again: bool) -> Decision:
    """`busy`: a turn runs or waits. `waiting`: the requests that bring a new message, and have not begun.

    A request to answer `again` waits for its turn in any case, and is none of those that are skipped later.
    """
    if not busy or again:
        return Decision()
    skipped = tuple(waiting)
    match chosen:
        case "queue":
            return Decision()
        case "drop":
            return Decision(accept=False)
        case "latest":
            return Decision(skipped=skipped)
        case "merge":
            return Decision(skipped=skipped, merge=bool(skipped))
        case "debounce":
            return Decision(skipped=skipped, delay=Debounce().seconds)
        case Debounce(seconds=seconds):
            return Decision(skipped=skipped, delay=seconds)


def merged(messages: Sequence[Message]) -> Message:
    """The messages of a user as one, which is the last one with what the others say before it."""
    parts: list[Part] = []
    for message in messages:
        if parts and message["parts"]:
            _say(parts, "\n\n")
        for part in message["parts"]:
            if part["type"] == "text" and isinstance(part.get("text"), str):
                _say(parts, part["text"])
            else:
                parts.append(part)
    return messages[-1] | {"parts": parts}


def _say(parts: list[Part], text: str) -> None:
    if not text:
        return
    if parts and parts[-1]["type"] == "text" and isinstance(parts[-1].get("text"), str):
        parts[-1] = parts[-1] | {"text": parts[-1]["text"] + text}
    else:
        parts.append({"type": "text", "text": text})
