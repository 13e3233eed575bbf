"""Which of the waiting runs is parked: the longest-blocked, when more wait than may stay hot."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Protocol

__all__ = ["Hot", "Parking"]

_SETTLED = 8
"""Turns of the loop that a run has been blocked for: callbacks of asyncio may wake it in the first few."""


class Hot(Protocol):
    """A run, as parking sees it."""

    def parkable(self) -> bool:
        """All that its steps do is wait. Once false, the run says `waits` again when it may have changed."""

    def blocked(self) -> bool:
        """None of its tasks goes on before something happens."""

    def park(self) -> None:
        """Lets it go."""


class Parking:
    """Parks runs, so that at most `hot_waits` wait with their coroutines in memory; 0: every wait parks."""

    def __init__(self, hot_waits: int) -> None:
        self._limit = hot_waits
        self._waiting: dict[Hot, int] = {}
        """Longest-blocked first; in how many looks in a row each was found blocked."""
        self._looking = False

    def waits(self, run: Hot) -> None:
        """`run` may be waiting, from now on."""
        self._waiting.pop(run, None)
        self._waiting[run] = 0
        self._look_soon()

    def goes_on(self, run: Hot) -> None:
        """`run` does not wait any more."""
        self._waiting.pop(run, None)

    def _look_soon(self) -> None:
        if len(self._waiting) > self._limit and not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        self._looking = False
        over = len(self._waiting) - self._limit
        undecided = False
        for run in list(islice(self._waiting, max(0, over))):
            looks = self._waiting[run]
            # Whether it may be parked is asked at the first look and at the last: it says when that changes.
            blocked = run.blocked() and (0 < looks < _SETTLED or run.parkable())
            if blocked and looks < _SETTLED:
                self._waiting[run] = looks + 1
                undecided = True
                continue
            del self._waiting[run]
            if blocked:
                run.park()
            elif run.parkable():
                self._waiting[run] = 0  # behind those that are blocked
                undecided = True
        if undecided:
            self._look_soon()
