"""What a Chat Completions server sends, read tolerantly: whole answers and chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

from integrations.llm.answer import Answer, Cause, Fault
from integrations.llm.completion import ToolCall
from integrations.llm.usage import Usage

__all__ = ["ChatAnswer", "ChatChunk", "answer_of", "assembled"]


class _InputDetails(BaseModel):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(BaseModel):
    reasoning_tokens: int | None = None


class _Usage(BaseModel):
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


class _Function(BaseModel):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(BaseModel):
    index: int | None = None
    id: str | None = None
    function: _Function = Field(default_factory=_Function)


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Delta(BaseModel):
    delta: _Message = Field(default_factory=_Message)
    finish_reason: str | None = None


class ChatAnswer(BaseModel):
    """A whole answer; some servers put an error in its place, with status 200."""

    model: str = ""
    choices: list[_Choice] = Field(default_factory=list)
    usage: _Usage | None = None
    error: dict[str, Any] | None = None


class ChatChunk(BaseModel):
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


def assembled(chunks: Iterable[ChatChunk]) -> ChatAnswer:
    """The whole answer that the pieces of a stream make up."""
    whole = ChatAnswer(choices=[_Choice(message=_Message())])
    calls: dict[int, _ToolCall] = {}
    choice = whole.choices[0]
    for chunk in chunks:
        whole.model = chunk.model or whole.model
        whole.usage = chunk.usage or whole.usage
        for piece in (chunk.choices or ())[:1]:
            _add(choice.message, piece.delta, calls)
            choice.finish_reason = piece.finish_reason or choice.finish_reason
    choice.message.tool_calls = [calls[index] for index in sorted(calls)]
    return whole


def _add(message: _Message, delta: _Message, calls: dict[int, _ToolCall]) -> None:
    if delta.content is not None:
        message.content = (message.content or "") + delta.content
    if delta.refusal is not None:
        message.refusal = (message.refusal or "") + delta.refusal
    for piece in delta.tool_calls or ():
        index = len(calls) if piece.index is None else piece.index
        call = calls.setdefault(index, _ToolCall())
        call.id = call.id or piece.id
        call.function.name = (call.function.name or "") + (piece.function.name or "")
        call.function.arguments = (call.function.arguments or "") + (piece.function.arguments or "")
