"""On which terms requests are made: what they may spend, how often, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from integrations.llm.budget import Budget, Payer
from integrations.llm.limiter import Limit
from integrations.llm.metered import Metered
from integrations.llm.prices import Prices
from integrations.llm.tables import Tables
from integrations.llm.wire import Wire

__all__ = ["Terms", "budgets_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for every request to one server with one key."""

    url: str
    key: str
    """Names the server and the key for it."""
    budgets: tuple[Budget, ...]
    limit: Limit | None
    prices: Prices
    now: Callable[[], float]
    tables: Tables = field(default_factory=Tables)

    def metered(self, wire: Wire, payer: Payer | None, budgets: tuple[Budget, ...] = ()) -> Metered:
        """The wire of one attempt, on these terms and within further `budgets`."""
        every = (*self.budgets, *budgets)
        if payer is None and (every or self.limit is not None):
            what = str(every[0]) if every else "the limit per minute"
            raise ValueError(f"{what} cannot be held: say who pays, as by `attempt(…, payer=ctx)` in a step")
        return Metered(
            wire,
            url=self.url,
            prices=self.prices,
            payer=payer,
            budgets=every,
            limit=self.limit,
            key=self.key,
            tables=self.tables,
            now=self.now,
        )


def budgets_of(budget: Budget | Sequence[Budget]) -> tuple[Budget, ...]:
    """One or many."""
    return (budget,) if isinstance(budget, Budget) else tuple(budget)
