"""How much model calls may spend: budgets of runs, and those that many share."""

from __future__ import annotations

from integrations.llm.budget.budget import Budget, Period
from integrations.llm.budget.payer import NamedPayer, Payer

__all__ = ["Budget", "NamedPayer", "Payer", "Period"]
