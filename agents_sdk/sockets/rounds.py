"""Rounds: who is told that there is something to write, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Protocol

__all__ = ["Rounds", "Sleeper"]

_AT_ONCE = 100  # writers in one turn of the loop: a millisecond or two


class Sleeper(Protocol):
    """Who may have to be woken."""

    def wake(self) -> bool:
        """Goes on, if it waits and has something to write; says so."""
        ...


class Rounds:
    """Wakes all that have something to write, some in each turn of the loop, so that others have theirs.

    What is told during a round waits until the next one for those that have had their turn, and is written
    together then: the more there is to do, the more is written at once, and nothing waits for company.
    """

    def __init__(self, sleepers: Callable[[], Iterator[Sleeper]]) -> None:
        self._sleepers = sleepers
        self._left: Iterator[Sleeper] = iter(())
        self._again = False
        self._under_way = False

    def start(self) -> None:
        """There is something for all of them."""
        self._again = True
        if not self._under_way:
            self._go_on()

    def _go_on(self) -> None:
        woken = 0
        while woken < _AT_ONCE:
            sleeper = next(self._left, None)
            if sleeper is not None:
                woken += sleeper.wake()
            elif self._again:
                self._left, self._again = self._sleepers(), False
            else:
                self._under_way = False
                return
        self._under_way = True
        asyncio.get_running_loop().call_soon(self._go_on)
