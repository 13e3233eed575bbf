"""Tokens and money: what was spent, and how it is stored exactly."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

__all__ = ["NOTHING_SPENT", "Spent"]

_NANO = Decimal(1_000_000_000)
_MOST = 1 << 62
_NO_MONEY = Decimal(0)


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens, and money in the currency of whoever reported it, exact to a billionth; `a + b` adds up."""

    tokens: int = 0
    money: Decimal = _NO_MONEY

    @classmethod
    def stored(cls, tokens: int, nanos: int) -> Spent:
        """From what is stored: money as a whole number of billionths."""
        return cls(tokens, Decimal(nanos) / _NANO if nanos else _NO_MONEY)

    @property
    def nanos(self) -> int:
        """The money as it is stored."""
        return int((self.money * _NANO).to_integral_value(ROUND_HALF_EVEN))

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.tokens + other.tokens, self.money + other.money)

    def __bool__(self) -> bool:
        return bool(self.tokens or self.money)

    def fault(self) -> str | None:
        """What is wrong with it as a report; None when it can be stored."""
        if type(self.tokens) is not int or not 0 <= self.tokens < _MOST:
            return f"tokens={self.tokens!r}: give a whole number, 0 or more"
        if type(self.money) is not Decimal or not self.money.is_finite():
            return f"money={self.money!r}: give a Decimal, 0 or more"
        if not 0 <= self.money * _NANO < _MOST:
            return f"money={self.money!r}: give 0 or more, below 4 billion"
        return None


NOTHING_SPENT = Spent()
