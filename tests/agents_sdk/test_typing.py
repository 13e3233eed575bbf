"""What the type checker knows of an agent; `make check` holds it, running it shows that it is true."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import assert_type

import pytest
from typing_extensions import TypedDict

from agents_sdk import Agent, AgentsApp, Schedule, Source, callable  # noqa: A004  # the original's name
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


async def test_an_agent_is_known_by_its_types(tmp_path: Path) -> None:
    async with AgentsApp([Shopper], [Ship], data=tmp_path, env=Env("eu")) as app:
        shopper = assert_type(await app.get_agent(Shopper, "a"), Shopper)
        assert assert_type(shopper.env, Env).region == "eu"
        assert assert_type(await shopper.put("pen"), int) == 1
        assert assert_type(shopper.state, Basket) == {"items": ["pen"]}
        assert assert_type(await shopper.get_schedules(), list[Schedule]) == []
        await shopper.ship()
