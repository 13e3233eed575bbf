"""After a billing error the key is left alone for a while, so that sibling steps do not hammer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from integrations.llm.errors import QuotaError

__all__ = ["Breaker", "breaker"]

_SECONDS = 60.0


class Breaker:
    """Open for a minute after a `QuotaError`; while it is open, nobody asks."""

    def __init__(self) -> None:
        self._error: QuotaError | None = None
        self._until = 0.0

    @contextmanager
    def guarding(self, now: Callable[[], float]) -> Iterator[None]:
        """Raises the error that opened it, while it is open; a new one inside opens it."""
        if self._error is not None and now() < self._until:
            raise QuotaError(f"{self._error} (not asked again for {_SECONDS:g} seconds)")
        try:
            yield
        except QuotaError as error:
            self._error, self._until = error, now() + _SECONDS
            raise


_breakers: WeakValueDictionary[str, Breaker] = WeakValueDictionary()


def breaker(endpoint: str) -> Breaker:
    """The one of a server and key: shared by all of this process that ask with it at a time."""
    return _breakers.setdefault(endpoint, Breaker())
