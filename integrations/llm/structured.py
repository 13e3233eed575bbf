"""Answers that must fit a type: how they are asked for in words, and how they are read, tolerantly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from integrations.llm.request import Message

__all__ = ["Fits", "Misfit", "correction", "instructed", "read"]

T = TypeVar("T", bound=BaseModel)

_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)
_DECODER = json.JSONDecoder()
_MOST_STARTS = 50
_MOST_ERRORS = 8


@dataclass(frozen=True, slots=True)
class Fits(Generic[T]):
    """The answer, as its type."""

    value: T


@dataclass(frozen=True, slots=True)
class Misfit:
    """The answer does not fit its type; `reason` is written for the model."""

    reason: str


def read(text: str, kind: type[T]) -> Fits[T] | Misfit:
    """The first JSON value in `text` that fits `kind`: the whole, a fenced block, or one between words.

    A part of a larger or broken JSON value is never taken for the answer.
    """
    reason = "it holds no complete JSON value"
    for candidate in _candidates(text.rpartition("</think>")[2]):
        try:
            return Fits(kind.model_validate_json(candidate))
        except ValidationError as error:
            if not _is_syntax(error):
                reason = _explained(error)
    return Misfit(reason)


def instructed(messages: tuple[Message, ...], kind: type[BaseModel]) -> tuple[Message, ...]:
    """`messages` with the wanted form in words, joined to the system message if that is plain text."""
    wanted = _wanted(kind)
    first = messages[0] if messages else {}
    content = first.get("content")
    if first.get("role") in ("system", "developer") and isinstance(content, str):
        return ({**first, "content": f"{content}\n\n{wanted}"}, *messages[1:])
    return ({"role": "system", "content": wanted}, *messages)


def correction(text: str, misfit: Misfit, kind: type[BaseModel]) -> tuple[Message, ...]:
    """The turn that asks for the same answer again, in the right form."""
    return (
        {"role": "assistant", "content": text},
        {"role": "user", "content": f"That answer cannot be used: {misfit.reason}.\n{_wanted(kind)}"},
    )


def _wanted(kind: type[BaseModel]) -> str:
    schema = orjson.dumps(kind.model_json_schema()).decode()
    return f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{schema}"


def _candidates(text: str) -> Iterator[str]:
    yield text.strip()
    for fenced in _FENCE.finditer(text):
        yield fenced[1].strip()
    yield from _between_words(text)


def _between_words(text: str) -> Iterator[str]:
    position = 0
    for _ in range(_MOST_STARTS):
        found = re.compile(r"[{\[]").search(text, position)
        if found is None:
            return
        start = found.start()
        try:
            _, position = _DECODER.raw_decode(text, start)
            yield text[start:position]
        except (ValueError, RecursionError):
            position = _end_of_bracket(text, start)


def _end_of_bracket(text: str, start: int) -> int:
    """Behind the bracket that closes the one at `start`: what is broken outside is not read inside."""
    depth, quoted, position = 0, False, start
    while position < len(text):
        match text[position]:
            case "\\" if quoted:
                position += 1
            case '"':
                quoted = not quoted
            case "{" | "[" if not quoted:
                depth += 1
            case "}" | "]" if not quoted:
                depth -= 1
                if depth == 0:
                    return position + 1
            case _:
                pass
        position += 1
    return position


def _is_syntax(error: ValidationError) -> bool:
    return any(
        item["type"] == "json_invalid" for item in error.errors(include_url=False, include_input=False)
    )


def _explained(error: ValidationError) -> str:
    items = error.errors(include_url=False, include_input=False, include_context=False)
    shown = [
        f"{'.'.join(map(str, item['loc'])) or 'the answer'}: {item['msg']}" for item in items[:_MOST_ERRORS]
    ]
    more = len(items) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
