"""What may still be spent on questions: asked before each one, told after it."""

from __future__ import annotations

import threading

from integrations.code_review.model.reviewer import Spent

__all__ = ["Allowance"]


class Allowance:
    """The budget of one review. It counts what is recorded, and what is under way as it was estimated.

    Every question has a name; the same name is counted once, so that a resumed review counts what an earlier
    process has spent, and nothing twice.
    """

    def __init__(self, *, tokens: int, cost: float | None) -> None:
        self._tokens = tokens
        self._cost = cost
        self._lock = threading.Lock()
        self._under_way: dict[str, int] = {}
        self._spent: dict[str, Spent] = {}

    def take(self, name: str, estimate: int) -> str:
        """Reserves the tokens of a question; when that is too much, says why and reserves nothing."""
        with self._lock:
            refusal = self._refusal(estimate)
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

    def _refusal(self, estimate: int) -> str:
        spent = self.spent
        used = spent.input_tokens + spent.output_tokens + sum(self._under_way.values())
        if used + estimate > self._tokens:
            return f"over budget_tokens ({self._tokens:,}): {used:,} are used"
        if self._cost is None or not spent.requests:
            return ""
        if spent.unpriced:
            return "budget_cost is set, and nobody knows what this model costs"
        # What is under way costs by its tokens what the finished ones have cost by theirs.
        known = max(1, spent.input_tokens + spent.output_tokens)
        expected = spent.cost * (1 + (estimate + sum(self._under_way.values())) / known)
        if expected > self._cost:
            return f"over budget_cost (${self._cost:g}): ${spent.cost:.4f} are spent"
        return ""

    @property
    def spent(self) -> Spent:
        """By all questions together."""
        total = Spent()
        for one in self._spent.values():
            total = total.plus(one)
        return total
