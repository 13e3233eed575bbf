"""Workflows that spend, for tests of budgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from integrations.llm import LLM, Budget, BudgetExceeded, InvalidOutput, Patience, Rates
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

__all__ = ["RATES", "Asks", "Env", "Insists", "Number", "Parent", "Wide", "running"]

RATES = {"m": Rates(input=1, output=2)}
"""A reply of `ScriptedModel` by default, 10 tokens in and 5 out, costs 20 millionths of a dollar."""


class Number(BaseModel):
    """What a structured question wants."""

    number: int


@dataclass
class Env:
    """What the workflows work with."""

    llm: LLM
    budget: tuple[Budget, ...] = ()
    refused: list[str] = field(default_factory=list)


class Asks(WorkflowEntrypoint[Env, int]):
    """Asks one question after the other, until it may not; gives how many were answered."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        for number in range(event.payload):
            try:
                await self.env.llm.complete(step, f"ask {number}", "?", budget=self.env.budget)
            except BudgetExceeded as error:
                self.env.refused.append(str(error))
                return number
        return event.payload


class Insists(WorkflowEntrypoint[Env, int]):
    """Asks for what the model does not give, again and again."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> int:
        for number in range(event.payload):
            try:
                await self.env.llm.complete(step, f"ask {number}", "?", response_format=Number)
            except InvalidOutput:
                continue
        return event.payload


class Wide(WorkflowEntrypoint[Env, int]):
    """Asks many questions at once, then one more."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> str:
        llm = self.env.llm
        asking = (llm.complete(step, f"ask {number}", "?") for number in range(event.payload))
        await asyncio.gather(*asking)
        return (await llm.complete(step, "one more", "?")).text


class Parent(WorkflowEntrypoint[Env, int]):
    """Has children that ask one after the other, and asks itself."""

    async def run(self, event: WorkflowEvent[int], step: WorkflowStep) -> list[Any]:
        asked = [
            await step.run_workflow(f"child {number}", Asks, params=2) for number in range(event.payload)
        ]
        await self.env.llm.complete(step, "ask", "?")
        return asked


@asynccontextmanager
async def running(
    path: Path, url: str, *, clock: VirtualClock | None = None, **options: Any
) -> AsyncIterator[tuple[Engine, Env]]:
    """An engine and a model client, as after a restart."""
    patience = Patience(limit=3, first=1, jitter=0)
    extra = options.pop("extra", ())
    async with LLM("m", base_url=url, patience=patience, timeout=5, prices=RATES, **options) as llm:
        env = Env(llm, extra)
        flows = [Asks, Insists, Wide, Parent]
        async with Engine(path, flows, env=env, clock=clock or VirtualClock()) as engine:
            yield engine, env
