"""Why a model call did not give an answer.

RetryLater                  the step engine tries again; carries how long the server asked to wait
├── RateLimited             too many requests or tokens per minute
└── ModelUnreachable        nothing answers at the URL
ModelError                  no further attempt makes sense (a `workflows.NonRetryableError`)
├── ModelNotConfigured      no model, or neither a key nor a URL (also a ValueError)
├── QuotaError              the account is out of money or over its spending limit
├── ContextOverflow         the messages do not fit into the model's window: shorten them, then call again
├── RequestRejected         the server refuses this request: key, model name, parameters
├── BudgetExceeded          nothing is left of a budget
├── PriceUnknown            a budget limits money, and nobody knows what the model costs
├── ResponseFailed          the server gave up on an answer in the background, several times
├── TruncatedOutput         the structured answer was cut off at the token limit, twice
└── InvalidOutput           the structured answer does not fit its type, also after one correction
"""

from __future__ import annotations

from workflows import NonRetryableError, StepError, WorkflowError

__all__ = [
    "ERRORS",
    "BudgetExceeded",
    "ContextOverflow",
    "InvalidOutput",
    "ModelError",
    "ModelNotConfigured",
    "ModelUnreachable",
    "PriceUnknown",
    "QuotaError",
    "RateLimited",
    "RequestRejected",
    "ResponseFailed",
    "RetryLater",
    "TruncatedOutput",
    "typed",
]


class RetryLater(WorkflowError):
    """A request failed in a way that passes; `retry_after` are the seconds that the server asked for."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(RetryLater):
    """Too many requests or tokens in too short a time."""


class ModelUnreachable(RetryLater):
    """Nothing answers at the URL; the message names it and the setting."""


class ModelError(NonRetryableError):
    """The same request would fail again."""


class ModelNotConfigured(ModelError, ValueError):
    """There is no model to ask; the message names the setting."""


class QuotaError(ModelError):
    """The account cannot pay: no credit, or over a spending limit."""


class ContextOverflow(ModelError):
    """The messages do not fit into the model's context window."""


class RequestRejected(ModelError):
    """The server refuses the request itself."""


class BudgetExceeded(ModelError):
    """A budget is used up; the message names it, what is spent, and its limit."""


class PriceUnknown(ModelError):
    """A budget limits money, and there is no price for the model."""


class ResponseFailed(ModelError):
    """The server gave up on an answer that it worked on in the background."""


class TruncatedOutput(ModelError):
    """A structured answer was cut off at the token limit, also with a larger one."""


class InvalidOutput(ModelError):
    """A structured answer does not fit its type, also after one correction."""


ERRORS: tuple[type[WorkflowError], ...] = (
    RetryLater,
    RateLimited,
    ModelUnreachable,
    ModelError,
    ModelNotConfigured,
    QuotaError,
    ContextOverflow,
    RequestRejected,
    BudgetExceeded,
    PriceUnknown,
    ResponseFailed,
    TruncatedOutput,
    InvalidOutput,
)
"""For `errors = [*ERRORS]` of a workflow with steps of its own around `LLM.attempt`."""

_BY_NAME = {kind.__name__: kind for kind in ERRORS}


def typed(error: StepError) -> WorkflowError:
    """The error of this file that a step failed with; `error` itself when it was another one."""
    kind = _BY_NAME.get(error.type_name)
    return error if kind is None else kind(error.message)
