"""A wire that is paid for: budgets and a limit stand before each request, its cost is recorded after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import uuid4

from integrations.llm.answer import Answer, Fault
from integrations.llm.budget import Budget, Payer
from integrations.llm.budget.accounts import Account, add, read
from integrations.llm.delta import Tell
from integrations.llm.dialect import Dialect
from integrations.llm.errors import PriceUnknown
from integrations.llm.estimate import estimated
from integrations.llm.limiter import Limit
from integrations.llm.limiter.gate import Gate
from integrations.llm.prices import Price, Prices
from integrations.llm.request import AnyRequest
from integrations.llm.tables import Tables
from integrations.llm.usage import Usage
from integrations.llm.wire import Wire
from workflows import Spent, StepContext

__all__ = ["Metered"]


class Metered:
    """`Wire` over another one, for the requests of one attempt.

    An answer is paid when it comes, so it counts also when nothing can be made of it, or the step fails.
    """

    def __init__(
        self,
        wire: Wire,
        *,
        url: str,
        prices: Prices,
        payer: Payer | None,
        budgets: tuple[Budget, ...],
        limit: Limit | None,
        key: str,
        tables: Tables,
        now: Callable[[], float],
    ) -> None:
        """`key` names the server and the key for it, which a limit without a name is for."""
        self._wire = wire
        self._url = url
        self._prices = prices
        self._payer = payer
        self._budgets = budgets
        self._limit = limit
        self._key = key
        self._gate: Gate | None = None
        self._tables = tables
        self._now = now
        self.price: Price | None = None
        """Of all answers so far; None when one of them has no price."""
        self._answers = 0

    async def send(self, request: AnyRequest, dialect: Dialect, tell: Tell | None = None) -> Answer | Fault:
        """Exactly one HTTP request; raises like `admit` instead of making it."""
        await self.admit(request)
        result = await self._wire.send(request, dialect, tell)
        await self.left(result)
        return await self.paid(request, result)

    async def admit(self, request: AnyRequest) -> None:
        """Returns when the request may be made; raises `BudgetExceeded`, `PriceUnknown` or `NotYet`."""
        await self._prices.load()
        if self._payer is None:
            return
        await self._check(self._payer, request)
        gate = self._gate_of(self._payer)
        if gate is not None:
            await gate.enter(request)

    async def left(self, result: Answer | Fault) -> None:
        """Tells the limit what came of an admitted request."""
        if self._gate is not None:
            await self._gate.left(result)

    async def paid(self, request: AnyRequest, result: Answer | Fault) -> Answer | Fault:
        """The same, when what it cost is recorded."""
        if isinstance(result, Answer):
            await self._prices.load()
            await self._pay(request, result)
        return result

    async def probe(self) -> Fault | None:
        """See `Wire.probe`."""
        return await self._wire.probe()

    async def close(self) -> None:
        """See `Wire.close`."""
        await self._wire.close()

    async def _check(self, payer: Payer, request: AnyRequest) -> None:
        if not self._budgets and self._limit is None and isinstance(payer, StepContext):
            return  # what a step spends is written by the engine
        store = await self._tables.made(payer.store)
        now = store.clock.now()
        for budget in self._budgets:
            if budget.dollars is not None and self._priced(request.model, Usage()) is None:
                raise PriceUnknown(
                    f"{budget} limits money, and there is no price for {request.model} at {self._url}: "
                    "give `LLM(prices={…})`, install the extra `prices`, or limit tokens"
                )
            if budget.name is None:
                budget.check(await payer.spent())
            else:
                budget.check(await read(store, (budget.name, budget.period(now))))

    def _gate_of(self, payer: Payer) -> Gate | None:
        if self._gate is None and (limit := self._limit) is not None:
            durable = isinstance(payer, StepContext)
            key = payer.key if durable else f"{payer.key} {uuid4().hex}"
            name = limit.name or self._key
            self._gate = Gate(limit, name, store=payer.store, key=key, durable=durable)
        return self._gate

    async def _pay(self, request: AnyRequest, answer: Answer) -> None:
        payer, usage = self._payer, answer.usage
        if not usage.total and self._budgets:
            usage = await asyncio.to_thread(estimated, request, answer)
        price = self._priced(answer.model, usage) or self._priced(request.model, usage)
        self._add(price)
        if payer is None:
            return
        money = Decimal(0) if price is None else price.money
        writes: list[Awaitable[None]] = [payer.spend(tokens=usage.total, money=money)]
        if accounts := self._accounts(payer):
            writes.append(payer.store.write(add(accounts, Spent(usage.total, money))))
        for written in writes:  # all of them are queued, whatever becomes of whoever waits here
            await written

    def _accounts(self, payer: Payer) -> list[Account]:
        """Each of them once, though several budgets may look at it."""
        named = [budget for budget in self._budgets if budget.name is not None]
        now = payer.store.clock.now() if named else 0.0
        return list(dict.fromkeys((budget.name or "", budget.period(now)) for budget in named))

    def _add(self, price: Price | None) -> None:
        if price is None or (self._answers and self.price is None):
            self.price = None
        else:
            self.price = price if self.price is None else self.price + price
        self._answers += 1

    def _priced(self, model: str, usage: Usage) -> Price | None:
        return self._prices.price(model, usage, url=self._url, at=self._now())
