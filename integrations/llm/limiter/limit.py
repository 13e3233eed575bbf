"""`Limit`: requests and tokens per minute."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LONGEST_WAIT", "WINDOW", "Limit"]

WINDOW = 60.0
LONGEST_WAIT = WINDOW + 1.0
"""Seconds that a request waits within its attempt: as long as what is sent already may fill the minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most so many requests, so many tokens, or both, in any 60 seconds.

    All that have the same `name` share it: every step of the file that asks the same server with the same
    key, where none is given. Of tokens, those of the request are counted before, and `answer_tokens` are
    kept free for an answer that no `max_tokens` limits; what the server reports replaces both.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    name: str | None = None
    answer_tokens: int = 1_000

    def __post_init__(self) -> None:
        if self.requests_per_minute is None and self.tokens_per_minute is None:
            raise ValueError("a limit is one of requests_per_minute, tokens_per_minute, or both: give one")
        for name in ("requests_per_minute", "tokens_per_minute", "answer_tokens"):
            given = getattr(self, name)
            if given is not None and (type(given) is not int or given < 1):
                raise ValueError(f"{name}={given!r}: give a whole number, 1 or more")
        if self.name == "":
            raise ValueError("name is empty: leave it out, or say who shares the limit")

    def counted(self, tokens: int) -> int:
        """As how many tokens a request counts: what is larger than the limit takes a minute of its own."""
        return tokens if self.tokens_per_minute is None else min(tokens, self.tokens_per_minute)

    def spacing(self, tokens: float) -> float:
        """Seconds between a request of so many tokens and the one before it, when both have to wait."""
        requests = WINDOW / self.requests_per_minute if self.requests_per_minute else 0.0
        return max(requests, WINDOW * tokens / self.tokens_per_minute if self.tokens_per_minute else 0.0)
