"""What an answer of GitHub that is not a success means: never again, or later, and when."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from integrations.code_review.visible import clipped, visible
from integrations.github.errors import GitHubLater, GitHubRefused, RateLimited, Unprocessable
from integrations.llm.retry_after import LONGEST, retry_after

__all__ = ["Verdict", "classify"]

Verdict: TypeAlias = GitHubRefused | GitHubLater

_SECONDARY = 60.0
"""GitHub: where a secondary limit names no time, wait at least a minute."""
_LIMITS = ("secondary rate limit", "rate limit exceeded", "abuse detection")
_TRANSIENT = frozenset({408, 409, 425})
_MOST_SAID = 300
_ADVICE = {
    401: "; check GITHUB_TOKEN",
    403: "; the token may not do this: see which permissions it has",
    404: "; there is no such thing, or the token may not see it",
}


def classify(status: int, headers: Mapping[str, str], said: str, *, what: str, now: float) -> Verdict:
    """`said` is GitHub's message, `what` the request for ours; `now` is epoch seconds."""
    sentence = f"GitHub answered {status} to {what}: {clipped(visible(said), _MOST_SAID)}"
    if status in (403, 429) and (wait := _limit(status, headers, said, now)) is not None:
        return RateLimited(sentence, wait)
    if status >= 500 or status in _TRANSIENT:
        return GitHubLater(sentence, retry_after(headers, now=now))
    if status == 422:
        return Unprocessable(sentence)
    return GitHubRefused(sentence + _ADVICE.get(status, ""))


def _limit(status: int, headers: Mapping[str, str], said: str, now: float) -> float | None:
    """Seconds until the limit is over; None for a 403 that is about permissions."""
    asked = retry_after(headers, now=now)
    if asked is not None:
        return asked
    if headers.get("x-ratelimit-remaining") == "0" and (reset := headers.get("x-ratelimit-reset", "")):
        return _until(reset, headers, now)
    spoken = any(words in said.lower() for words in _LIMITS)
    return _SECONDARY if status == 429 or spoken else None


def _until(reset: str, headers: Mapping[str, str], now: float) -> float:
    if not reset.isdecimal():
        return _SECONDARY
    left = float(reset) - _sent(headers, now)
    return min(max(left, 0.0) + 1.0, LONGEST)


def _sent(headers: Mapping[str, str], now: float) -> float:
    """By GitHub's clock, which `x-ratelimit-reset` is of, where it tells it."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return now
