"""What the type checker knows of an agent; `make check` holds it, running it shows that it is true."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import assert_type

import pytest
from typing_extensions import TypedDict

from agents_sdk import Agent, AgentsApp, AgentWorkflow, AgentWorkflowStep, Schedule, Source, callable  # noqa: A004  # the original's name
from workflows import Binding, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

pytestmark = pytest.mark.anyio


class Order(TypedDict):
    item: str


class Ship(WorkflowEntrypoint[None, Order]):
    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> str:
        return event.payload["item"]


@dataclass
class Env:
    region: str


class Basket(TypedDict):
    items: list[str]


class Shopper(Agent[Env, Basket]):
    initial_state: Basket = {"items": []}

    @callable()
    async def put(self, item: str) -> int:
        await self.set_state({**self.state, "items": [*self.state["items"], item]})
        return len(self.state["items"])

    async def ship(self) -> None:
        assert_type(self.workflow(Ship), Binding[Order])

    def validate_state_change(self, state: Basket, source: Source) -> None:
        assert_type(state["items"], list[str])


class Pack(AgentWorkflow[Shopper, Order, Env]):
    async def run(self, event: WorkflowEvent[Order], step: AgentWorkflowStep) -> int:
        assert_type(self.agent, Shopper)
        assert_type(self.env, Env)
        await step.merge_agent_state({"items": []})
        return assert_type(await step.do("put", self.agent.put, event.payload["item"]), int)


async def test_a_workflow_knows_its_agent(tmp_path: Path) -> None:
    async with AgentsApp([Shopper], [Pack], data=tmp_path, env=Env("eu")) as app:
        shopper = await app.get_agent(Shopper, "a")
        id = assert_type(await shopper.run_workflow(Pack, {"item": "pen"}), str)
        await shopper.workflow(Pack).get(id).result()
        assert shopper.state == {"items": ["pen"]}


async def test_an_agent_is_known_by_its_types(tmp_path: Path) -> None:
    async with AgentsApp([Shopper], [Ship], data=tmp_path, env=Env("eu")) as app:
        shopper = assert_type(await app.get_agent(Shopper, "a"), Shopper)
        assert assert_type(shopper.env, Env).region == "eu"
        assert assert_type(await shopper.put("pen"), int) == 1
        assert assert_type(shopper.state, Basket) == {"items": ["pen"]}
        assert assert_type(await shopper.get_schedules(), list[Schedule]) == []
        await shopper.ship()
