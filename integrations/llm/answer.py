"""What came back from one request: an answer, or a fault. Neutral: no wire and no SDK shows here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from integrations.llm.completion import ToolCall
from integrations.llm.usage import Usage

__all__ = ["Answer", "Begun", "Cause", "Fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer of the server."""

    text: str
    finish_reason: str
    model: str
    usage: Usage
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    request_id: str | None = None

    @property
    def refused(self) -> bool:
        """The model or a content filter declined."""
        return self.refusal is not None or self.finish_reason == "content_filter"


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer that the server works on by itself."""

    id: str


class Cause(Enum):
    """Where a request went wrong."""

    UNREACHABLE = auto()
    """No connection, or it was lost before an answer began."""
    TIMEOUT = auto()
    CUT = auto()
    """The answer broke off, or ended without a finish reason."""
    GARBLED = auto()
    """The answer is not complete JSON, or has no choice."""
    FOREIGN = auto()
    """Something else than a model answers, e.g. a web page."""
    ERROR = auto()
    """The server answered with an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why one request gave no answer, in the server's words."""

    cause: Cause
    message: str
    status: int | None = None
    code: str = ""
    type: str = ""
    param: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
