"""How often and after how long GitHub is asked again; a wait is durable, and may be hours."""

from __future__ import annotations

import random
from dataclasses import dataclass

from integrations.github.errors import GitHubLater, RateLimited
from workflows import DelayContext, RetryOptions

__all__ = ["Patience"]

_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """`limit` further attempts; waits grow from `first` to `most` seconds, each ± a quarter."""

    limit: int = 12
    first: float = 2.0
    most: float = 300.0

    def retries(self) -> RetryOptions:
        """As `step.do` takes it."""
        return {"limit": self.limit, "delay": self.delay, "backoff": "constant"}

    def delay(self, failed: DelayContext) -> float:
        """Seconds before the next attempt: never less than GitHub asked for."""
        attempt: int = failed.ctx.attempt
        grown = min(self.most, self.first * 2.0 ** min(attempt - 1, 30))
        own: float = grown * _RANDOM.uniform(0.75, 1.25)
        match failed.error:
            case RateLimited(after=float(asked)):
                return asked + own  # not all at once, when the limit is over
            case GitHubLater(after=float(asked)):
                return max(asked, own)
            case _:
                return own
