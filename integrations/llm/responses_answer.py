"""What a server of the Responses API sends, read tolerantly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from integrations.llm.answer import Answer, Cause, Fault
from integrations.llm.completion import ToolCall
from integrations.llm.faults import fault_of_body
from integrations.llm.usage import Usage
from integrations.value import Value

__all__ = ["SentResponse", "answer_of"]


class _InputDetails(Value):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(Value):
    reasoning_tokens: int | None = None


class _Usage(Value):
    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None

    def neutral(self) -> Usage:
        read = self.input_tokens_details or _InputDetails()
        wrote = self.output_tokens_details or _OutputDetails()
        return Usage(
            input=self.input_tokens or 0,
            cached=read.cached_tokens or 0,
            cache_write=read.cache_write_tokens or 0,
            output=self.output_tokens or 0,
            reasoning=wrote.reasoning_tokens or 0,
        )


class _Part(Value):
    type: str = ""
    text: str | None = None
    refusal: str | None = None


class _Item(Value):
    """A message, a call of a function, or something that is of no interest here."""

    type: str = ""
    content: list[_Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None

    @property
    def parts(self) -> list[_Part]:
        return (self.content or []) if self.type == "message" else []


class _Incomplete(Value):
    reason: str | None = None


class SentResponse(Value):
    """A response, whatever has become of it; some servers put an error in its place, with status 200."""

    id: str = ""
    status: str | None = None
    model: str = ""
    output: list[_Item] = Field(default_factory=list)
    usage: _Usage | None = None
    error: dict[str, Any] | None = None
    incomplete_details: _Incomplete | None = None

    @property
    def ended(self) -> bool:
        """Nothing more will come of it."""
        return self.status not in ("queued", "in_progress")


_REASONS = {"max_output_tokens": "length"}


def answer_of(sent: SentResponse, headers: Mapping[str, str]) -> Answer | Fault:
    """The answer, with a finish reason in the words of Chat Completions; a fault when it is none."""
    if sent.status == "cancelled":
        return Fault(cause=Cause.ERROR, message="the response was cancelled", code="cancelled")
    if sent.error is not None:
        return fault_of_body(sent.error, headers)
    if sent.status not in ("completed", "incomplete"):
        return Fault(cause=Cause.CUT, message="the answer did not come to its end")
    calls = tuple(
        ToolCall(id=item.call_id or "", name=item.name or "", arguments=item.arguments or "")
        for item in sent.output
        if item.type == "function_call"
    )
    parts = [part for item in sent.output for part in item.parts]
    refusals = [part.refusal for part in parts if part.refusal is not None]
    return Answer(
        text="".join(part.text or "" for part in parts if part.type == "output_text"),
        refusal="".join(refusals) if refusals else None,
        finish_reason=_finish_reason(sent, calls),
        model=sent.model,
        tool_calls=calls,
        usage=(sent.usage or _Usage()).neutral(),
        request_id=headers.get("x-request-id"),
    )


def _finish_reason(sent: SentResponse, calls: tuple[ToolCall, ...]) -> str:
    if sent.status == "incomplete":
        reason = (sent.incomplete_details or _Incomplete()).reason or "incomplete"
        return _REASONS.get(reason, reason)
    return "tool_calls" if calls else "stop"
