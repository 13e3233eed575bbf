"""What a Chat Completions server sends, read tolerantly: whole answers and chunks of a stream."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from integrations.llm.answer import Answer, Cause, Fault
from integrations.llm.completion import ToolCall
from integrations.llm.usage import Usage

__all__ = ["ChatAnswer", "ChatChunk", "Choice", "SentCall", "SentMessage", "answer_of"]


class _Sent(BaseModel):
    """Put together piece by piece, where it is streamed."""

    model_config = ConfigDict(defer_build=True)


class _InputDetails(_Sent):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(_Sent):
    reasoning_tokens: int | None = None


class _Usage(_Sent):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None

    def neutral(self) -> Usage:
        read = self.prompt_tokens_details or _InputDetails()
        wrote = self.completion_tokens_details or _OutputDetails()
        return Usage(
            input=self.prompt_tokens or 0,
            cached=read.cached_tokens or 0,
            cache_write=read.cache_write_tokens or 0,
            output=self.completion_tokens or 0,
            reasoning=wrote.reasoning_tokens or 0,
        )


class _Function(_Sent):
    name: str | None = None
    arguments: str | None = None


class SentCall(_Sent):
    """A call of a tool, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: _Function = Field(default_factory=_Function)


class SentMessage(_Sent):
    """What the model says, or a piece of it; thoughts come under one of two names, if at all."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[SentCall] | None = None


class Choice(_Sent):
    """One of the answers; only the first is looked at."""

    message: SentMessage
    finish_reason: str | None = None


class _Delta(_Sent):
    delta: SentMessage = Field(default_factory=SentMessage)
    finish_reason: str | None = None


class ChatAnswer(_Sent):
    """A whole answer; some servers put an error in its place, with status 200."""

    model: str = ""
    choices: list[Choice] = Field(default_factory=list)
    usage: _Usage | None = None
    error: dict[str, Any] | None = None


class ChatChunk(_Sent):
    """A piece of a streamed answer."""

    model: str | None = None
    choices: list[_Delta] | None = None
    usage: _Usage | None = None


def answer_of(sent: ChatAnswer, request_id: str | None) -> Answer | Fault:
    """The answer; a fault when it has no choice or did not come to its end."""
    if not sent.choices:
        return Fault(cause=Cause.GARBLED, message="the answer holds no choice")
    choice = sent.choices[0]
    if choice.finish_reason is None:
        return Fault(cause=Cause.CUT, message="the answer ended without a finish reason")
    return Answer(
        text=choice.message.content or "",
        refusal=choice.message.refusal,
        finish_reason=choice.finish_reason,
        model=sent.model,
        tool_calls=tuple(
            ToolCall(id=call.id or "", name=call.function.name or "", arguments=call.function.arguments or "")
            for call in choice.message.tool_calls or ()
        ),
        usage=(sent.usage or _Usage()).neutral(),
        request_id=request_id,
    )
