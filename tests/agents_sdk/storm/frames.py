"""Random messages of a client: valid frames of every model, the same with damage, and garbage.

All is derived from the models, so that a frame that is added to the protocol is here by itself.
"""

from __future__ import annotations

import json
import random
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, Union

from pydantic import BaseModel

from agents_sdk import protocol

__all__ = ["MODELS", "Frames"]

_OFTEN = typing.get_args(protocol.ClientFrame)


def _with_type(module: types.ModuleType) -> list[type[BaseModel]]:
    found = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, BaseModel)]
    return [one for one in found if "type" in one.model_fields]


MODELS = tuple(sorted(_with_type(protocol), key=lambda one: one.__name__))
"""Every frame, also those that only servers send."""

_WORDS = (
    *(
        "",
        "a",
        "id",
        "type",
        "state",
        "args",
        "__class__",
        "__init__",
        "on_start",
        "set_state",
        "\x00",
        "ü",
        "💥",
    ),
    *(
        "cf_agent_state",
        "rpc",
        "null",
        "true",
        "1e999",
        "../..",
        "\ud800",
        "\u202e",
        "user",
        "assistant",
        "text",
    ),
    *("messages", "parts", "role", "init", "method", "POST", "body", "url", "m1"),
    '{"messages":[{"id":"m1","role":"user","parts":[{"type":"text","text":"hello"}]}]}',
)
_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, -(2**63), 10**400, 1.5, -0.0, 1e-320, float("nan"), float("inf"))
_SCRAPS = (
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\",
    "\\u",
    "\\ud800",
    "\x00",
    "\n",
    "\ufeff",
    "é",
    "💥",
    "nul",
    "0",
)
_TOOL_STATES = ("input-streaming", "input-available", "output-available", "approval-requested", "no state")
_DEEPEST = 3


class Frames:
    """Messages from a seed: the same seed gives the same ones."""

    def __init__(self, seed: int, *, words: typing.Collection[str] = ()) -> None:
        """`words` are texts that are often used, such as names of methods."""
        self._chance = random.Random(seed)
        self._words = (*_WORDS, *words)
        self._damages: tuple[Callable[[dict[str, Any]], Any], ...] = (
            self._without_a_key,
            self._with_another_value,
            self._with_a_key,
            self._of_another_type,
        )

    def next(self) -> str | bytes:
        """One message."""
        kind = self._chance.random()
        if kind < 0.4:
            return self._text(self.frame())
        if kind < 0.6:
            return self._text(self._chance.choice(self._damages)(self.frame()))
        if kind < 0.85:
            return self._scratched(self._text(self.frame()))
        if kind < 0.853:
            return self._above_a_limit()
        return self._garbage()

    def frame(self) -> dict[str, Any]:
        """One that the protocol knows, by the names that go over the wire."""
        return self._model(self._chance.choice(_OFTEN if self._chance.random() < 0.5 else MODELS), 0)

    def chance(self) -> float:
        """A number from 0 to 1, for other choices of who uses this."""
        return self._chance.random()

    def _model(self, model: type[BaseModel], depth: int) -> dict[str, Any]:
        given = {
            str(field.validation_alias or field.alias or name): self._meant(name, field.annotation, depth + 1)
            for name, field in model.model_fields.items()
            if field.is_required() or name == "type" or self._chance.random() < 0.7
        }
        return dict(sorted(given.items(), key=lambda _: self._chance.random()))

    def _meant(self, name: str, kind: Any, depth: int) -> Any:
        """What makes sense under this name, mostly; a type alone does not say it."""
        if self._chance.random() < 0.8:
            if name == "messages":
                return [self._message(depth) for _ in range(self._few())]
            if name == "body":
                return self._text(self._model(protocol.Submission, depth))
        return self._value(kind, depth)

    def _message(self, depth: int) -> dict[str, Any]:
        """One of a chat, as clients keep it."""
        role = self._chance.choice(("user", "assistant", "system"))
        tool = {"type": "tool-x", "toolCallId": self._word(), "state": self._chance.choice(_TOOL_STATES)}
        parts = (
            {"type": "text", "text": self._word()},
            {**tool, "input": self.json(depth + 1)},
            self.json(depth + 1),
        )
        return {
            "id": self._chance.choice(("m1", "m2", "m3", self._word())),
            "role": role,
            "parts": [self._chance.choice(parts) for _ in range(self._few())],
        }

    def _value(self, kind: Any, depth: int) -> Any:
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        if origin is Literal:
            return self._chance.choice(inner)
        if origin in (Union, types.UnionType):
            return self._value(self._chance.choice(inner), depth)
        if origin is typing.Annotated:
            return self._value(inner[0], depth)
        if origin in (list, tuple):
            return [self._value(inner[0], depth + 1) for _ in range(self._few())]
        if origin is dict:
            return {self._word(): self._value(inner[1], depth + 1) for _ in range(self._few())}
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return self._model(kind, depth)
        if kind is str:
            return self._word(depth)
        if kind is bool:
            return self._chance.random() < 0.5
        if kind in (int, float):
            return self._chance.randrange(10)
        if kind in (None, type(None)):
            return None
        return self.json(depth)

    def json(self, depth: int = 0) -> Any:
        """Any value that `json` can write."""
        kinds = 4 if depth >= _DEEPEST else 6
        match self._chance.randrange(kinds):
            case 0:
                return self._chance.choice((None, True, False))
            case 1 | 2:
                return self._word(depth)
            case 3:
                return self._chance.choice(_NUMBERS)
            case 4:
                return [self.json(depth + 1) for _ in range(self._few())]
            case _:
                return {self._word(): self.json(depth + 1) for _ in range(self._few())}

    def _few(self) -> int:
        return self._chance.randrange(4)

    def _word(self, depth: int = _DEEPEST) -> str:
        if depth < _DEEPEST and self._chance.random() < 0.1:
            return json.dumps(self.json(depth + 1))
        if self._chance.random() < 0.02:
            return self._chance.choice(self._words) * self._chance.randrange(1, 2_000)
        return self._chance.choice(self._words)

    def _text(self, value: Any) -> str:
        text = json.dumps(value, ensure_ascii=self._chance.random() < 0.5)
        return text.encode(
            "utf-8", "replace"
        ).decode()  # a socket gives no lone surrogates, only "\ud800" in JSON

    def _without_a_key(self, frame: dict[str, Any]) -> Any:
        del frame[self._chance.choice(list(frame))]
        return frame

    def _with_another_value(self, frame: dict[str, Any]) -> Any:
        return {**frame, self._chance.choice(list(frame)): self.json()}

    def _with_a_key(self, frame: dict[str, Any]) -> Any:
        return {**frame, self._word(): self.json()}

    def _of_another_type(self, frame: dict[str, Any]) -> Any:
        return {**frame, "type": self.frame()["type"]}

    def _scratched(self, text: str) -> str:
        for _ in range(self._chance.randrange(1, 4)):
            at = self._chance.randrange(len(text) + 1)
            cut = self._chance.choice((0, 0, 1, 1, 5, 100))
            text = text[:at] + self._chance.choice(_SCRAPS) + text[at + cut :]
        return text[: self._chance.randrange(len(text) + 1)] if self._chance.random() < 0.2 else text

    def _above_a_limit(self) -> str | bytes:
        """For some of these a client is closed."""
        deep = self._chance.choice((62, 64, 66, 100_000))
        text = "[" * deep + self._text(self.frame()) + "]" * deep
        return self._chance.choice((text, "n" * (1 << 20), "ü" * (1 << 19), bytes((1 << 20) + 1)))

    def _garbage(self) -> str | bytes:
        length = self._chance.choice((0, 1, 2, 20, 200, 5_000))
        if self._chance.random() < 0.3:
            return self._chance.randbytes(length)
        if self._chance.random() < 0.3:
            return "".join(self._chance.choice(_SCRAPS) for _ in range(length))
        points = [self._chance.choice((0x20, 0x7F, 0xD7FF, 0x10FFFF)) for _ in range(length)]
        return "".join(chr(self._chance.randrange(most)) for most in points)
