"""Asks until its budget is used up: `python -m tests.integrations.llm.budget.killed FILE URL`."""

from __future__ import annotations

import asyncio
import sys

from integrations.llm import LLM, Budget
from tests.integrations.llm.budget.spending import RATES, Asks, Env
from workflows import Engine

__all__ = ["BUDGETS"]

BUDGETS = (Budget(tokens=100), Budget(money="0.00014", name="shared"))
"""The seventh answer uses up both: 105 tokens, 140 millionths."""


async def main(file: str, url: str) -> None:
    """Begins, or goes on with, one instance; prints how many questions were answered."""
    async with (
        LLM("m", base_url=url, prices=RATES, budget=BUDGETS) as llm,
        Engine(file, [Asks], env=Env(llm)) as engine,
    ):
        instance = await engine.workflow(Asks).create(id="1", params=50, exist_ok=True)
        sys.stdout.write(f"{await instance.result()}\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
