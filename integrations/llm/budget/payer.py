"""Who pays for requests: the step that makes them, or somebody with a name."""

from __future__ import annotations

from collections.abc import Awaitable
from decimal import Decimal
from typing import Protocol

from integrations.llm.budget import accounts
from workflows import Spent, Store

__all__ = ["NamedPayer", "Payer"]

_PERIOD = "payer"
"""Keeps what a payer has spent apart from budgets of the same name."""


class Payer(Protocol):
    """Who pays; the context of a step is one."""

    @property
    def key(self) -> str:
        """Names who asks, the same each time that the same request is made again."""

    @property
    def store(self) -> Store:
        """The file where budgets and limits are kept."""

    def spend(self, *, tokens: int = 0, money: Decimal = ...) -> Awaitable[None]:
        """Adds to what was spent; queued when called, durable when awaited."""

    async def spent(self) -> Spent:
        """What a budget without a name looks at."""


class NamedPayer:
    """Pays for requests that belong to no step, e.g. an agent for those of its chat."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.key = name

    def spend(self, *, tokens: int = 0, money: Decimal = Decimal(0)) -> Awaitable[None]:  # immutable
        """See `Payer.spend`."""
        return self.store.write(accounts.add([(self.key, _PERIOD)], Spent(tokens, money)))

    async def spent(self) -> Spent:
        """See `Payer.spent`."""
        return await accounts.read(self.store, (self.key, _PERIOD))
