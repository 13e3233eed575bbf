"""Instances that are parked, and what wakes each of them: their earliest due, or an event of a type."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from workflows.backend import Awaited, InboxEvent
from workflows.clock import Clock, Pending

__all__ = ["ParkedInstances"]


class _Sleeper(NamedTuple):
    """What wakes one instance."""

    alarm: Pending | None
    types: frozenset[str]


class ParkedInstances:
    """Calls `wake(incarnation)` once for each instance that is kept here, when one of its waits is over."""

    def __init__(self, clock: Clock, wake: Callable[[int], object]) -> None:
        self._clock = clock
        self._wake = wake
        self._sleepers: dict[int, _Sleeper] = {}

    def __len__(self) -> int:
        return len(self._sleepers)

    def keep(self, incarnation: int, waits: Iterable[Awaited], inbox: Iterable[InboxEvent]) -> None:
        """Keeps an instance with these waits; an event that has come meanwhile wakes it at once."""
        waits = tuple(waits)
        types = frozenset(wait.type for wait in waits if wait.type is not None)
        self._sleepers[incarnation] = _Sleeper(None, types)
        if any(event.type in types for event in inbox):
            return self._over(incarnation)
        due = min(wait.due for wait in waits)
        alarm = self._clock.call_at(due, lambda: self._over(incarnation)) if due < math.inf else None
        self._sleepers[incarnation] = _Sleeper(alarm, types)
        return None

    def received(self, incarnation: int, type: str) -> None:
        """An event of this type is in its inbox."""
        if incarnation in self._sleepers and type in self._sleepers[incarnation].types:
            self._over(incarnation)

    def forget(self, incarnation: int) -> None:
        """It has a run again, or none is needed."""
        sleeper = self._sleepers.pop(incarnation, None)
        if sleeper is not None and sleeper.alarm is not None:
            sleeper.alarm.cancel()

    def clear(self) -> None:
        """Forgets all of them."""
        for incarnation in list(self._sleepers):
            self.forget(incarnation)

    def _over(self, incarnation: int) -> None:
        self.forget(incarnation)
        self._wake(incarnation)
