"""After a billing error the key is left alone for a while, so that sibling steps do not hammer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from integrations.llm.errors import QuotaError

__all__ = ["Breaker"]


class Breaker:
    """Open for `seconds` after a `QuotaError`; while it is open, nobody asks."""

    def __init__(self, *, seconds: float, now: Callable[[], float]) -> None:
        self._seconds = seconds
        self._now = now
        self._error: QuotaError | None = None
        self._until = 0.0

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Raises the error that opened it, while it is open; a new one inside opens it."""
        if self._error is not None and self._now() < self._until:
            raise QuotaError(f"{self._error} (not asked again for {self._seconds:g} seconds)")
        try:
            yield
        except QuotaError as error:
            self._error, self._until = error, self._now() + self._seconds
            raise
