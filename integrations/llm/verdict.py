"""The error table: what to do about a fault. Pure; every row has a test."""

from __future__ import annotations

from typing import TypeAlias

from integrations.llm.answer import Cause, Fault
from integrations.llm.errors import (
    ContextOverflow,
    ModelError,
    ModelUnreachable,
    QuotaError,
    RateLimited,
    RequestRejected,
    RetryLater,
)
from integrations.llm.retry_after import retry_after

__all__ = ["Refused", "Verdict", "classify"]


class Refused(str):
    """The server declined for reasons of content: an answer of its kind, not an error."""

    __slots__ = ()


Verdict: TypeAlias = RetryLater | ModelError | Refused
"""Raise it (the first is tried again, the second is not), or take it as the answer."""

_QUOTA = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "billing_hard_limit_reached",
        "billing_not_active",
    }
)
_OVERFLOW = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_OVERFLOW_WORDS = (
    "maximum context length",
    "context length exceeded",
    "context window",
    "available context size",
    "prompt is too long",
)
_CONTENT = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "image_content_policy_violation",
        "misalignment_policy_violation",
        "bio_policy",
    }
)
_RATE = frozenset({"rate_limit_exceeded", "slow_down"})
_HOPELESS = frozenset(
    {
        "cancelled",
        "data_residency_mismatch",
        "empty_image_file",
        "failed_to_download_image",
        "image_file_not_found",
        "image_file_too_large",
        "image_parse_error",
        "image_too_large",
        "image_too_small",
        "invalid_base64_image",
        "invalid_image",
        "invalid_image_format",
        "invalid_image_mode",
        "invalid_image_url",
        "invalid_prompt",
        "invalid_request_error",
        "unsupported_image_media_type",
    }
)
"""What a stream or a response that has failed says without a status."""
_TRANSIENT = frozenset({408, 409})
_PERMANENT = frozenset({501, 505})
_ADVICE = {
    401: "; check OPENAI_API_KEY",
    403: "; check what OPENAI_API_KEY may do",
    404: "; check the model's name and OPENAI_BASE_URL (it usually ends in /v1)",
}


def classify(fault: Fault, *, whom: str, now: float) -> Verdict:
    """What to do about `fault`; `whom` names model and URL in the message, `now` is epoch seconds."""
    after = retry_after(fault.headers, now=now)
    match fault.cause:
        case Cause.UNREACHABLE:
            return ModelUnreachable(f"{whom} cannot be reached ({fault.message}); check OPENAI_BASE_URL")
        case Cause.TIMEOUT | Cause.CUT | Cause.GARBLED:
            return RetryLater(f"{whom}: {fault.message}", after)
        case Cause.FOREIGN:
            return RequestRejected(f"{whom}: {fault.message}{_ADVICE[404]}")
        case Cause.ERROR:
            return _of_error(fault, f"{whom} {_said(fault)}", after)


def _of_error(fault: Fault, sentence: str, after: float | None) -> Verdict:
    """Codes say more than the status, and a billing code more than `x-should-retry`."""
    codes = {fault.code, fault.type}
    if codes & _QUOTA or fault.status == 402:
        return QuotaError(f"{sentence}; check the plan and the balance of the account")
    if codes & _OVERFLOW or _speaks_of_overflow(fault):
        return ContextOverflow(sentence)
    if codes & _CONTENT:
        return Refused(fault.message)
    match fault.headers.get("x-should-retry"):
        case "true":
            retry = True
        case "false":
            retry = False
        case _:
            retry = _passes(fault)
    if not retry:
        return RequestRejected(sentence + _ADVICE.get(fault.status or 0, ""))
    if fault.status == 429 or codes & _RATE:
        return RateLimited(sentence, after)
    return RetryLater(sentence, after)


def _passes(fault: Fault) -> bool:
    if fault.code in _RATE:
        return True
    if fault.status is None:
        return not {fault.code, fault.type} & _HOPELESS
    if fault.status >= 500:
        return fault.status not in _PERMANENT
    return fault.status == 429 or fault.status in _TRANSIENT


def _speaks_of_overflow(fault: Fault) -> bool:
    if fault.status not in (None, 400, 413, 422):
        return False
    message = fault.message.lower()
    return any(words in message for words in _OVERFLOW_WORDS)


def _said(fault: Fault) -> str:
    code = f" {fault.code}" if fault.code and fault.code != str(fault.status) else ""
    status = f"answered {fault.status}" if fault.status else "broke off with an error"
    return f"{status}{code}: {fault.message}" if fault.message else f"{status}{code}"
