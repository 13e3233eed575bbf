"""What requests cost: by a given table, by genai-prices, and where nobody knows."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import pytest

from integrations.llm import LLM, Price, Rates, Request, Usage
from integrations.llm.endpoint import OPENAI_URL
from integrations.llm.prices import NoPrices, prices_of
from integrations.llm.request import messages_of
from integrations.llm.testing import Reply, ScriptedModel

pytestmark = pytest.mark.anyio

NOW = 1_795_693_811.0
PARTS = Usage(input=1_000, cached=400, cache_write=100, output=300, reasoning=250)


@pytest.mark.parametrize(
    ("rates", "cost"),
    [
        (Rates(input=2, output=8), "0.0044"),
        (Rates(input=2, output=8, cached="0.5"), "0.0038"),
        (Rates(input=2, output=8, cached="0.5", cache_write="2.5"), "0.00385"),
        (Rates(input=0, output=0), "0"),
        (Rates(input="0.000001", output=0), "0.000000001"),
    ],
)
def test_cached_and_written_input_have_rates_of_their_own_and_reasoning_is_output(
    rates: Rates, cost: str
) -> None:
    assert rates.cost(PARTS) == Decimal(cost)


def test_a_server_whose_parts_are_more_than_the_whole_costs_nothing_negative() -> None:
    assert Rates(input=1, output=1, cached=0).cost(Usage(input=1, cached=5)) == 0


@pytest.mark.parametrize("wrong", [{"input": 1.5}, {"output": "-1"}, {"cached": "NaN"}])
def test_rates_that_are_none_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give dollars per million tokens"):
        Rates(**({"input": 1, "output": 1} | wrong))


@pytest.fixture
async def genai() -> Any:
    pytest.importorskip("genai_prices", reason="the extra `prices` is not installed")
    prices = prices_of(None)
    await prices.load()
    return prices


async def test_genai_prices_prices_each_part_at_its_rate(genai: Any) -> None:
    for usage, rates in (
        (Usage(input=1_000_000), "1.25"),
        (Usage(input=1_000_000, cached=1_000_000), "0.125"),
        (Usage(output=1_000_000, reasoning=999_999), "10"),
        (Usage(input=1_000_000, cached=400_000, output=100_000), "1.8"),
    ):
        price = genai.price("gpt-5", usage, url=OPENAI_URL, at=NOW)
        assert price is not None
        assert price.money == Decimal(rates)
        assert price.table.startswith("genai-prices 0.2.")


@pytest.mark.parametrize(
    ("model", "url", "usage"),
    [
        ("nobody-knows-this", OPENAI_URL, Usage(input=1)),
        ("gpt-5", "http://127.0.0.1:8080/v1", Usage(input=1)),
        ("gpt-5", OPENAI_URL, Usage(input=1, cached=5)),
    ],
)
async def test_what_it_does_not_know_has_no_price(genai: Any, model: str, url: str, usage: Usage) -> None:
    assert genai.price(model, usage, url=url, at=NOW) is None


def test_without_the_extra_nothing_has_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert isinstance(prices_of(None), NoPrices)


async def test_a_completion_has_the_price_of_the_model_that_answered_else_of_the_one_asked() -> None:
    rates = {"m": Rates(input=1, output=1), "m-large": Rates(input=2, output=2)}
    async with (
        ScriptedModel([Reply("a", model="m-large"), Reply("b", model="m-2026-01-01")]) as model,
        LLM("m", base_url=model.url, prices=rates) as llm,
    ):
        question = Request(model="m", messages=messages_of("?"))
        prices = [(await llm.attempt(question)).price for _ in range(2)]
    assert prices == [
        Price(money=Decimal("0.00003"), table="given"),
        Price(money=Decimal("0.000015"), table="given"),
    ]


def test_a_price_says_what_it_is() -> None:
    assert str(Price(money=Decimal("0.00000001"), table="given")) == "$0.00000001"
