"""What requests cost: by a table that is given, or by the one of `genai-prices` (extra `prices`)."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

from integrations.llm.usage import Usage
from integrations.value import Value

__all__ = ["GivenPrices", "NoPrices", "Price", "Prices", "Rates", "prices_of"]

_MILLION = 1_000_000


class Price(Value):
    """What something costs in US dollars, and the table which says so; `a + b` adds up."""

    money: Decimal
    table: str
    """E.g. `genai-prices 0.2.3`, or `given`."""

    def __add__(self, other: Price) -> Price:
        return Price(money=self.money + other.money, table=self.table)

    def __str__(self) -> str:
        return f"${self.money:f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """US dollars per million tokens, e.g. `Rates(input="1.25", cached="0.125", output="10")`.

    Cached input, and input that is written to a cache, cost as other input where nothing else is said.
    Reasoning is a part of the output.
    """

    input: Decimal | int | str
    output: Decimal | int | str
    cached: Decimal | int | str | None = None
    cache_write: Decimal | int | str | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached", "cache_write"):
            rate = getattr(self, name)
            if isinstance(rate, float):
                raise ValueError(f'{name}={rate!r}: give dollars per million tokens as a string, as "1.25"')
            if rate is not None and not (Decimal(rate).is_finite() and Decimal(rate) >= 0):
                raise ValueError(f"{name}={rate!r}: give dollars per million tokens, 0 or more")

    def cost(self, usage: Usage) -> Decimal:
        """What these tokens cost."""
        plain = Decimal(self.input)
        cached = plain if self.cached is None else Decimal(self.cached)
        cache_write = plain if self.cache_write is None else Decimal(self.cache_write)
        fresh = max(0, usage.input - usage.cached - usage.cache_write)
        cost = fresh * plain + usage.cached * cached + usage.cache_write * cache_write
        return (cost + usage.output * Decimal(self.output)) / _MILLION


class Prices(Protocol):
    """A table of prices."""

    async def load(self) -> None:
        """Once before the first price; may take a second, which nobody else on the loop waits for."""

    def price(self, model: str, usage: Usage, *, url: str, at: float) -> Price | None:
        """What the tokens cost at the server of `url`, at an instant; None when that is not known."""


class NoPrices:
    """Nobody knows what anything costs."""

    async def load(self) -> None:
        """See `Prices.load`."""

    def price(self, model: str, usage: Usage, *, url: str, at: float) -> Price | None:  # noqa: ARG002
        """See `Prices.price`."""
        return None


class GivenPrices:
    """A table that the user gives, by the names of models."""

    def __init__(self, rates: Mapping[str, Rates]) -> None:
        self._rates = dict(rates)

    async def load(self) -> None:
        """See `Prices.load`."""

    def price(self, model: str, usage: Usage, *, url: str, at: float) -> Price | None:  # noqa: ARG002
        """See `Prices.price`."""
        rates = self._rates.get(model)
        return None if rates is None else Price(money=rates.cost(usage), table="given")


class _GenaiPrices:
    """The table in the package `genai-prices`, which knows servers by their URLs; no network is used."""

    async def load(self) -> None:
        """See `Prices.load`."""
        await asyncio.to_thread(importlib.import_module, "genai_prices")

    def price(self, model: str, usage: Usage, *, url: str, at: float) -> Price | None:
        """See `Prices.price`."""
        import genai_prices

        try:
            found = genai_prices.calc_price(
                genai_prices.Usage(
                    input_tokens=usage.input,
                    cache_read_tokens=usage.cached,
                    cache_write_tokens=usage.cache_write,
                    output_tokens=usage.output,
                    output_reasoning_tokens=usage.reasoning,
                ),
                model,
                provider_api_url=url,
                genai_request_timestamp=datetime.fromtimestamp(at, UTC),
            )
        except (LookupError, ValueError):  # an unknown server or model; a usage that contradicts itself
            return None
        return Price(money=found.total_price, table=f"genai-prices {genai_prices.__version__}")


def prices_of(given: Mapping[str, Rates] | None) -> Prices:
    """The table that was given; without one, that of `genai-prices` if it is installed."""
    if given is not None:
        return GivenPrices(given)
    return _GenaiPrices() if importlib.util.find_spec("genai_prices") is not None else NoPrices()
