"""How much each caller does, and holds open."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

__all__ = ["Calls", "Rate", "Room"]

_MANY = 10_000
"""Callers that are remembered before those with nothing to remember are forgotten."""


class Rate:
    """So many in a second for each caller, and so many at once: a bucket of tokens."""

    def __init__(self, per_second: int, now: Callable[[], float]) -> None:
        self._most = per_second
        self._now = now
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> bool:
        """Takes one; false when there is none left."""
        now = self._now()
        left = self._after(caller, now)
        self._left[caller] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _MANY:
            self._left = {one: kept for one, kept in self._left.items() if self._after(one, now) < self._most}
        return left >= 1

    def _after(self, caller: str, now: float) -> float:
        left, at = self._left.get(caller, (float(self._most), now))
        return min(left + max(now - at, 0) * self._most, self._most)


class Room:
    """So many open at once for each caller."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def is_full(self, caller: str) -> bool:
        """No further one fits."""
        return self._open[caller] >= self._most if caller in self._open else False

    @contextmanager
    def taken(self, caller: str | None) -> Iterator[None]:
        """One more while inside; None is not counted."""
        if caller is None:
            yield
            return
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]


class Calls:
    """How much each caller has under way at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._slots: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, caller: str) -> asyncio.Semaphore:
        """What is entered for each call; forgotten when nobody has it any more."""
        slots = self._slots.get(caller)
        if slots is None:
            slots = self._slots[caller] = asyncio.Semaphore(self._most)
        return slots
