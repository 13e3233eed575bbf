"""What an engine gives for a workflow class: params are checked, by class at least."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, assert_type

from typing_extensions import TypedDict

from workflows import (
    Binding,
    Engine,
    HistoryEvent,
    InstanceStatus,
    WorkflowEntrypoint,
    WorkflowEvent,
    WorkflowInstance,
    WorkflowStep,
)


@dataclass
class Order:
    id: str


class Booking(TypedDict):
    flight: str


@dataclass
class Env:
    region: str


class Checkout(WorkflowEntrypoint[Env, Order]):
    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> str:
        assert_type(self.env, Env)
        assert_type(self.instance, WorkflowInstance)
        assert_type(self.workflow(Flight), Binding[Booking])
        return event.payload.id


class Flight(WorkflowEntrypoint[None, Booking]):
    async def run(self, event: WorkflowEvent[Booking], step: WorkflowStep) -> str:
        return event.payload["flight"]


async def inferred() -> None:
    async with Engine("shop.db", [Checkout, Flight], env=Env("eu")) as engine:
        assert_type(engine, Engine)
        checkout = engine.workflow(Checkout)
        assert_type(checkout, Binding[Order])
        assert_type(engine.workflow(Flight), Binding[Booking])
        assert_type(engine.workflow("Checkout"), Binding[Any])
        instance = await checkout.create(id="1", params=Order("1"), exist_ok=True)
        assert_type(instance, WorkflowInstance)
        assert_type(await instance.status(), InstanceStatus)
        assert_type(await instance.result(), Any)
        assert_type(instance.subscribe(cursor=5), AsyncIterator[HistoryEvent])
        assert_type(checkout.get("1"), WorkflowInstance)
        await engine.workflow(Flight).create(params={"flight": "DL264"})
        await checkout.create(params={"id": "1"})  # a dict is looked at when it is given


async def wrong(engine: Engine) -> None:
    await engine.workflow(Checkout).create(params="1")  # error
    await engine.workflow(Checkout).create(params=Env("eu"))  # error
    await engine.workflow(Checkout).create("1")  # error
    await engine.workflow(Checkout).create(id=1)  # error
    await engine.workflow(Flight).create(params=["DL264"])  # error
    await engine.workflow(Checkout).create(prams=Order("1"))  # error
    engine.workflow(Order)  # error
    engine.workflow(Checkout).get(1)  # error
    await engine.workflow(Checkout).get("1").send_event(1, 2)  # error
    (await engine.workflow(Checkout).get("1").status()).state  # error
    Engine("shop.db", [Order])  # error
    Engine("shop.db")  # error
    binding: Binding[Booking] = engine.workflow(Checkout)  # error
