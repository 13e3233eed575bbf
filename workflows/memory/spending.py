"""What instances have spent, in a dict."""

from __future__ import annotations

from collections.abc import Container, Iterable

from workflows.spent import NOTHING_SPENT, Spent

__all__ = ["MemorySpending"]


class MemorySpending:
    """Sums by incarnation, which outlive restarts; they are as exact as those in a file."""

    def __init__(self, kept: Container[int]) -> None:
        """`kept` are the incarnations that there are."""
        self._kept = kept
        self._spent: dict[int, Spent] = {}

    def add(self, incarnation: int, spent: Spent) -> None:
        """Adds to what it has spent; nothing when it was deleted."""
        if incarnation in self._kept:
            self._spent[incarnation] = self.of((incarnation,)) + Spent.stored(spent.tokens, spent.nanos)

    def of(self, incarnations: Iterable[int]) -> Spent:
        """What they have spent together."""
        return sum((self._spent.get(one, NOTHING_SPENT) for one in incarnations), NOTHING_SPENT)

    def bequeath(self, incarnation: int, heir: int | None) -> None:
        """It is erased: what it has spent becomes its heir's, if that is kept."""
        spent = self._spent.pop(incarnation, None)
        if spent is not None and heir is not None:
            self.add(heir, spent)
