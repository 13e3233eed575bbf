"""What one server understands of the protocol, found out by asking, and remembered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Literal, TypeVar

from integrations.llm.answer import Cause, Fault
from integrations.llm.request import AnyRequest

__all__ = ["Dialect", "Dialects", "Form", "simpler"]

T = TypeVar("T")


class Form(Enum):
    """How a structured answer is asked for; each next one needs less of the server."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    PLAIN = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The form of structured answers, and what the server calls its token limit."""

    form: Form = Form.SCHEMA
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"


class Dialects:
    """The dialect of each (URL, model); what is not known is the richest one."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Dialect] = {}

    def of(self, base_url: str, model: str) -> Dialect:
        """Where to start asking."""
        official = base_url.startswith("https://api.openai.com/")
        return self._known.get((base_url, model)) or Dialect(
            limit="max_completion_tokens" if official else "max_tokens"
        )

    def learn(self, base_url: str, model: str, dialect: Dialect) -> None:
        """The server answered in this dialect."""
        self._known[base_url, model] = dialect

    async def ask(
        self,
        send: Callable[[AnyRequest, Dialect], Awaitable[T | Fault]],
        request: AnyRequest,
        *,
        base_url: str,
    ) -> T | Fault:
        """What comes of it in the richest dialect that the server understands."""
        dialect = self.of(base_url, request.model)
        tried = {dialect}
        remember = True
        while True:
            result = await send(request, dialect)
            if not isinstance(result, Fault):
                if remember:
                    self.learn(base_url, request.model, dialect)
                return result
            other = simpler(dialect, result, structured=request.wanted is not None)
            if other is None or other in tried:
                return result
            remember = remember and lasting(result)
            tried.add(other)
            dialect = other


_REFUSALS = frozenset({400, 404, 415, 422, 500, 501})
_FORM_WORDS = ("response_format", "json_schema", "json_object", "text.format", "structured output", "grammar")
_UNKNOWN_WORDS = ("unsupported", "not supported", "unrecognized", "unknown", "extra", "unexpected")
_OWN_SCHEMA = "invalid schema"
_NEXT = {Form.SCHEMA: Form.OBJECT, Form.OBJECT: Form.PLAIN}
_OTHER: dict[str, Literal["max_tokens", "max_completion_tokens"]] = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}


def simpler(dialect: Dialect, fault: Fault, *, structured: bool) -> Dialect | None:
    """A dialect that avoids what the server has just refused; None when the fault is about something else."""
    if fault.cause is not Cause.ERROR or fault.status not in _REFUSALS:
        return None
    said = f"{fault.param} {fault.message}".lower()
    if dialect.limit in said and any(word in said for word in _UNKNOWN_WORDS):
        return replace(dialect, limit=_OTHER[dialect.limit])
    form = _NEXT.get(dialect.form)
    if structured and form is not None and any(word in said for word in _FORM_WORDS):
        return replace(dialect, form=form)
    return None


def lasting(fault: Fault) -> bool:
    """The refusal says something about the server, not only about this one schema."""
    return _OWN_SCHEMA not in fault.message.lower()
