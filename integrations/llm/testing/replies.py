"""What a scripted model is asked, and what it may answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from integrations.llm.completion import ToolCall
from integrations.llm.usage import Usage

__all__ = ["Asked", "ErrorReply", "FailedReply", "RawReply", "Reply", "Script", "Scripted", "pieces"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it arrived; header names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def streamed(self) -> bool:
        """The client wants the answer in pieces."""
        return self.body.get("stream") is True

    @property
    def said(self) -> str:
        """The text of the last message, or of the result of a tool."""
        last = (self.body.get("messages") or self.body["input"])[-1]
        return str(last["content"] if "content" in last else last["output"])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivery:
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """The connection is closed after so many bytes of the body, though more was promised."""
    chunk_delay: float = 0.0
    """Seconds before each piece of a streamed answer."""
    hold: asyncio.Event | None = None
    """Nothing is sent before this is set; in background mode, the response does not end."""
    looks: int = 0
    """In background mode, so often the response is looked at before it ends."""


@dataclass(frozen=True, slots=True)
class Reply(_Delivery):
    """An answer: whole, or word by word when the client asks for a stream."""

    text: str = ""
    finish_reason: str | None = field(default="stop", kw_only=True)
    """None leaves it out, like a server that stops in the middle."""
    refusal: str | None = field(default=None, kw_only=True)
    tool_calls: Sequence[ToolCall] = field(default=(), kw_only=True)
    usage: Usage | None = field(default=Usage(input=10, output=5), kw_only=True)
    model: str | None = field(default=None, kw_only=True)
    """What the server calls itself; by default what it was asked as."""


@dataclass(frozen=True, slots=True)
class ErrorReply(_Delivery):
    """An error in OpenAI's form."""

    status: int = 500
    message: str = field(default="scripted error", kw_only=True)
    code: str | None = field(default=None, kw_only=True)
    type: str | None = field(default=None, kw_only=True)
    param: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class FailedReply(_Delivery):
    """An error after the server has said that all is well: a response that failed, an error in a stream."""

    code: str = "server_error"
    message: str = field(default="scripted failure", kw_only=True)
    type: str | None = field(default=None, kw_only=True)
    param: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class RawReply(_Delivery):
    """Any bytes at all."""

    content: bytes = b""
    status: int = field(default=200, kw_only=True)
    content_type: str = field(default="application/json", kw_only=True)


Scripted: TypeAlias = Reply | ErrorReply | FailedReply | RawReply
Script: TypeAlias = Sequence[Scripted | str] | Callable[[Asked], Scripted | str]
"""Answers in the order of the requests, or a function of the request; a string is a plain `Reply`."""


def pieces(text: str) -> list[str]:
    """A text word by word, as it is streamed."""
    return re.findall(r"\s*\S+\s*", text) or [text]
