"""What may still be spent on questions: asked before each one, told after it."""

from __future__ import annotations

import threading

from integrations.code_review.model.reviewer import Spent
from integrations.value import Value

__all__ = ["Allowance", "Recorded"]


class Recorded(Value):
    """What a run has spent, as its engine knows it."""

    tokens: int = 0
    cost: float = 0.0


class Allowance:
    """The budget of one review. It counts what was spent, and what is under way as it was estimated.

    What was spent is what answers said, and at least what the run has recorded since its questions began:
    that has failed attempts too, and those of earlier processes. Every question has a name, and counts once.
    """

    def __init__(self, *, tokens: int, cost: float | None) -> None:
        self._tokens = tokens
        self._cost = cost
        self._lock = threading.Lock()
        self._under_way: dict[str, int] = {}
        self._spent: dict[str, Spent] = {}
        self._before = Recorded()

    def began(self, before: Recorded) -> None:
        """What the run had recorded before the first question does not count."""
        self._before = before

    def take(self, name: str, estimate: int, recorded: Recorded) -> str:
        """Reserves the tokens of a question; when that is too much, says why and reserves nothing.

        `recorded` is what the run has recorded by now.
        """
        with self._lock:
            refusal = self._refusal(estimate, recorded)
            if not refusal:
                self._under_way[name] = estimate
            return refusal

    def spend(self, name: str, spent: Spent) -> None:
        """What a question has cost in the end."""
        with self._lock:
            self._under_way.pop(name, None)
            self._spent[name] = spent

    def give_back(self, name: str) -> None:
        """The question was not answered."""
        with self._lock:
            self._under_way.pop(name, None)

    def _refusal(self, estimate: int, recorded: Recorded) -> str:
        spent = self.spent
        told = spent.input_tokens + spent.output_tokens
        used = max(told, recorded.tokens - self._before.tokens)
        under_way = sum(self._under_way.values())
        if used + under_way + estimate > self._tokens:
            return f"over budget_tokens ({self._tokens:,}): {used + under_way:,} are used"
        if self._cost is None or not used:
            return ""
        if spent.unpriced:
            return "budget_cost is set, and nobody knows what this model costs"
        # What is under way costs by its tokens what the finished ones have cost by theirs.
        cost = max(spent.cost, recorded.cost - self._before.cost)
        if cost * (1 + (under_way + estimate) / used) > self._cost:
            return f"over budget_cost (${self._cost:g}): ${cost:.4f} are spent"
        return ""

    @property
    def spent(self) -> Spent:
        """By all questions together."""
        total = Spent()
        for one in self._spent.values():
            total = total.plus(one)
        return total
