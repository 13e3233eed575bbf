"""Calling something again that failed, within one event of an agent: not durable, as nothing is kept."""

from __future__ import annotations

import inspect
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from workflows import Clock

__all__ = ["Patience", "retry"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried; before attempt n + 1 a random part of `base * 2**n` seconds passes."""

    attempts: int = 3
    base_delay: float = 0.1
    max_delay: float = 3.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts {self.attempts!r} is too few: give at least 1")
        if not 0 <= self.base_delay <= self.max_delay:
            raise ValueError(
                f"base_delay {self.base_delay!r} and max_delay {self.max_delay!r} do not fit:"
                " the one is at least 0 seconds, and not more than the other"
            )

    def delay(self, failed: int) -> float:
        """Seconds after so many attempts; all of it is random, so that many callers spread."""
        longest: float = min(2.0 ** min(failed, 64) * self.base_delay, self.max_delay)
        return random.random() * longest  # noqa: S311  it keeps no secret


async def retry(
    work: Callable[[int], Awaitable[T] | T],
    patience: Patience,
    *,
    should_retry: Callable[[Exception, int], bool],
    clock: Clock,
) -> T:
    """What `work`, given the number of its attempt, returns at last; or the last error."""
    attempt = 1
    while True:
        try:
            result = work(attempt)
            return cast("T", await result if inspect.isawaitable(result) else result)
        except Exception as error:
            attempt += 1
            if attempt > patience.attempts or not should_retry(error, attempt):
                raise
        await clock.sleep(patience.delay(attempt - 1))
