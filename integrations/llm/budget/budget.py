"""`Budget`: what may be spent, by whom, and the check before each request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Literal, TypeAlias, get_args

from integrations.llm.errors import BudgetExceeded
from workflows import Spent

__all__ = ["Budget", "Period"]

Period: TypeAlias = Literal["hour", "day", "month"]
_FORMS: dict[str, str] = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most so many tokens, so much money, or both; money in US dollars, e.g. `"2.50"`.

    Without a `name` it is the budget of one run: of the instance that all began with and its descendants,
    over retries and restarts. With a name, all that use it share it, in every workflow and agent of the file;
    then `per` may say that it begins anew each hour, day or month (UTC).
    """

    tokens: int | None = None
    money: Decimal | int | str | None = None
    name: str | None = None
    per: Period | None = None

    def __post_init__(self) -> None:
        if self.tokens is None and self.money is None:
            raise ValueError("a budget limits tokens, money, or both: give at least one")
        if self.tokens is not None and (type(self.tokens) is not int or self.tokens < 0):
            raise ValueError(f"tokens={self.tokens!r}: give a whole number, 0 or more")
        if self.name == "" or (self.per is not None and self.name is None):
            raise ValueError("per= is for budgets that are shared: give name=, too, and not an empty one")
        if self.per is not None and self.per not in get_args(Period):
            raise ValueError(f"per={self.per!r}: give one of {', '.join(get_args(Period))}")
        if self.money is not None:
            object.__setattr__(self, "money", _dollars(self.money))

    def __str__(self) -> str:
        if self.name is None:
            return "the budget of this run"
        return f'the budget "{self.name}"' + (f" of this {self.per}" if self.per else "")

    @property
    def dollars(self) -> Decimal | None:
        """The limit in money."""
        return None if self.money is None else Decimal(self.money)

    def period(self, now: float) -> str:
        """The hour, day or month that `now`, in epoch seconds, belongs to; "" when it never begins anew."""
        return datetime.fromtimestamp(now, UTC).strftime(_FORMS[self.per]) if self.per else ""

    def check(self, spent: Spent) -> None:
        """Raises `BudgetExceeded` when nothing is left of it."""
        if self.tokens is not None and spent.tokens >= self.tokens:
            raise BudgetExceeded(f"{self} is used up: {spent.tokens:,} of {self.tokens:,} tokens are spent")
        if self.dollars is not None and spent.money >= self.dollars:
            raise BudgetExceeded(f"{self} is used up: ${spent.money:f} of ${self.dollars:f} are spent")


def _dollars(money: Decimal | int | str) -> Decimal:
    try:
        dollars = None if isinstance(money, float) else Decimal(money)
    except InvalidOperation:
        dollars = None
    if dollars is None or not dollars.is_finite() or dollars < 0:
        raise ValueError(f'money={money!r}: give US dollars, exactly: a Decimal or a string as "2.50"')
    return dollars
