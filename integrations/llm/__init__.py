"""Model calls as durable steps: one request per step, retried by the step engine, paid once when finished."""

from __future__ import annotations

from integrations.llm.budget import Budget, NamedPayer, Payer
from integrations.llm.completion import Completion, ToolCall
from integrations.llm.errors import (
    ERRORS,
    BudgetExceeded,
    ContextOverflow,
    InvalidOutput,
    ModelError,
    ModelNotConfigured,
    ModelUnreachable,
    PriceUnknown,
    QuotaError,
    RateLimited,
    RequestRejected,
    ResponseFailed,
    RetryLater,
    TruncatedOutput,
)
from integrations.llm.limiter import Limit
from integrations.llm.model import LLM
from integrations.llm.overflow import Shorten
from integrations.llm.patience import Patience
from integrations.llm.prices import Price, Rates
from integrations.llm.request import Message, Request
from integrations.llm.usage import Usage
from integrations.llm.wires import WireName

__all__ = [
    "ERRORS",
    "LLM",
    "Budget",
    "BudgetExceeded",
    "Completion",
    "ContextOverflow",
    "InvalidOutput",
    "Limit",
    "Message",
    "ModelError",
    "ModelNotConfigured",
    "ModelUnreachable",
    "NamedPayer",
    "Patience",
    "Payer",
    "Price",
    "PriceUnknown",
    "QuotaError",
    "RateLimited",
    "Rates",
    "Request",
    "RequestRejected",
    "ResponseFailed",
    "RetryLater",
    "Shorten",
    "ToolCall",
    "TruncatedOutput",
    "Usage",
    "WireName",
]
