"""What is asked of a model, before any wire gives it a form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias

import orjson
from pydantic import BaseModel
from typing_extensions import TypeVar

__all__ = ["AnyRequest", "Message", "Parsed", "Request", "messages_of"]

Parsed = TypeVar("Parsed", bound=BaseModel | None, default=None)
Parsed_co = TypeVar("Parsed_co", bound=BaseModel | None, default=None, covariant=True)

Message: TypeAlias = Mapping[str, object]
"""A chat message in OpenAI's form: `{"role": "user", "content": "…"}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[Parsed_co]):
    """One question to one model."""

    model: str
    messages: tuple[Message, ...]
    response_format: type[Parsed_co] | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    tools: tuple[Mapping[str, object], ...] = ()
    tool_choice: str | Mapping[str, object] | None = None

    @property
    def wanted(self) -> type[BaseModel] | None:
        """The type that the answer must fit."""
        kind = self.response_format
        return kind if kind is not None and issubclass(kind, BaseModel) else None

    def digest(self) -> str:
        """SHA-256 of the normal form; `ValueError` when something in it is not JSON."""
        normal = {
            "model": self.model,
            "messages": [dict(message) for message in self.messages],
            "schema": self.wanted and self.wanted.model_json_schema(),
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "tools": [dict(tool) for tool in self.tools],
            "tool_choice": self.tool_choice,
        }
        try:
            return hashlib.sha256(orjson.dumps(normal, option=orjson.OPT_SORT_KEYS)).hexdigest()
        except TypeError as error:
            raise ValueError(f"messages and tools must be plain JSON: {error}") from None


AnyRequest: TypeAlias = Request[BaseModel | None]


def messages_of(messages: str | Sequence[Message]) -> tuple[Message, ...]:
    """A lone string is one user message."""
    if isinstance(messages, str):
        return ({"role": "user", "content": messages},)
    if not messages:
        raise ValueError('messages are empty: give at least {"role": "user", "content": "…"}')
    return tuple(messages)
