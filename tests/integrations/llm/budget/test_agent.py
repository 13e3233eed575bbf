"""A budget for each agent: what it asks in its own calls, and what its workflows ask, together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp
from integrations.llm import LLM, Budget, BudgetExceeded, NamedPayer, Request
from integrations.llm.request import messages_of
from integrations.llm.testing import ScriptedModel
from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

pytestmark = pytest.mark.anyio


def of(agent: str) -> Budget:
    """The budget of one agent."""
    return Budget(tokens=60, name=f"agent {agent}")


class Research(WorkflowEntrypoint[LLM, str]):
    """Asks for the agent that its params name, until it may not."""

    async def run(self, event: WorkflowEvent[str], step: WorkflowStep) -> int:
        for number in range(10):
            try:
                await self.env.complete(step, f"ask {number}", "?", budget=of(event.payload))
            except BudgetExceeded:
                return number
        return 10


async def test_an_agent_and_its_workflows_share_one_budget_and_agents_have_their_own(tmp_path: Path) -> None:
    async with ScriptedModel(lambda asked: "yes") as model, LLM("m", base_url=model.url, prices={}) as llm:
        engine = Engine(tmp_path / "a.db", [Research], env=llm)

        class Scholar(Agent[None, Any]):
            async def ask(self) -> str:
                question = Request(model="m", messages=messages_of("?"))
                payer = NamedPayer(engine.store, f"agent {self.name}")
                return (await llm.attempt(question, payer=payer, budget=of(self.name))).text

            async def research(self) -> int:
                instance = await self.workflow(Research).create(params=self.name)
                return int(await instance.result())

        async with engine, AgentsApp([Scholar], engine=engine, data=tmp_path / "agents") as app:
            ann = await app.get_agent(Scholar, "ann")
            ben = await app.get_agent(Scholar, "ben")
            assert await ann.ask() == "yes"
            assert await ann.research() == 3
            with pytest.raises(BudgetExceeded, match='the budget "agent ann" is used up: 60 of 60 tokens'):
                await ann.ask()
            assert await ben.research() == 4
            assert (await NamedPayer(engine.store, "agent ann").spent()).tokens == 15  # of its own calls
    assert len(model.asked) == 8
