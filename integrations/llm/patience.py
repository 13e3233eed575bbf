"""How long to wait before a model is asked again."""

from __future__ import annotations

import random
from dataclasses import dataclass

from integrations.llm.errors import RateLimited, RetryLater
from workflows import DelayContext, RetryOptions

__all__ = ["Patience"]

_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """`limit` further attempts; waits grow from `first` to `most` seconds, each ± `jitter` (a fraction)."""

    limit: int = 8
    first: float = 2.0
    most: float = 60.0
    jitter: float = 0.25

    def retries(self) -> RetryOptions:
        """As `step.do` takes it."""
        return {"limit": self.limit, "delay": self.delay, "backoff": "constant"}

    def delay(self, failed: DelayContext) -> float:
        """Seconds before the next attempt; what the server asked for has no upper limit of ours."""
        backoff = self.backoff(failed.ctx.attempt)
        match failed.error:
            case RateLimited(retry_after=float(asked)):
                return max(asked, backoff)
            case RetryLater(retry_after=float(asked)):
                return asked
            case _:
                return backoff

    def backoff(self, attempt: int) -> float:
        """Seconds after an attempt of this number, when the server asks for nothing."""
        plain = min(self.most, self.first * 2.0 ** min(attempt - 1, 60))
        return plain * _RANDOM.uniform(1 - self.jitter, 1 + self.jitter)
