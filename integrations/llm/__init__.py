"""Model calls as durable steps: one request per step, retried by the step engine, paid once when finished."""

from __future__ import annotations

from integrations.llm.completion import Completion, ToolCall
from integrations.llm.errors import (
    ERRORS,
    ContextOverflow,
    InvalidOutput,
    ModelError,
    ModelNotConfigured,
    ModelUnreachable,
    QuotaError,
    RateLimited,
    RequestRejected,
    RetryLater,
    TruncatedOutput,
)
from integrations.llm.model import LLM
from integrations.llm.patience import Patience
from integrations.llm.request import Message, Request
from integrations.llm.usage import Usage

__all__ = [
    "ERRORS",
    "LLM",
    "Completion",
    "ContextOverflow",
    "InvalidOutput",
    "Message",
    "ModelError",
    "ModelNotConfigured",
    "ModelUnreachable",
    "Patience",
    "QuotaError",
    "RateLimited",
    "Request",
    "RequestRejected",
    "RetryLater",
    "ToolCall",
    "TruncatedOutput",
    "Usage",
]
