"""The engine: what it opens, what it refuses, what happens when the code has changed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from workflows import (
    Engine,
    EngineClosed,
    InvalidParams,
    StoreInUse,
    UnknownWorkflow,
    WorkflowEntrypoint,
    WorkflowError,
    WorkflowEvent,
    WorkflowFailed,
    WorkflowStep,
)
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


class Order(BaseModel):
    id: str
    amount: int


class Pay(WorkflowEntrypoint[str, Order]):
    async def run(self, event: WorkflowEvent[Order], step: WorkflowStep) -> str:
        return f"{self.env} {event.payload.amount} {self.instance.id}"


class Parent(WorkflowEntrypoint[str, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> str:
        child = await self.workflow(Pay).create(id="child", params=Order(id="1", amount=5), exist_ok=True)
        result: str = await child.result()
        return result


async def test_a_workflow_has_its_env_its_handle_and_the_others() -> None:
    async with Engine(":memory:", [Pay, Parent], env="production") as engine:
        parent = await engine.workflow(Parent).create()
        assert await parent.result() == "production 5 child"


@pytest.mark.parametrize("how", [Pay, "Pay", "PAYMENTS"])
async def test_a_binding_is_found_by_class_name_or_binding_name(how: Any) -> None:
    async with Engine(":memory:", {"PAYMENTS": Pay}) as engine:
        assert engine.workflow(how).name == "Pay"


async def test_an_unknown_workflow_is_named_with_the_known_ones() -> None:
    async with Engine(":memory:", [Pay]) as engine:
        with pytest.raises(UnknownWorkflow, match=r"Parent.*it has Pay"):
            engine.workflow(Parent)


async def test_a_closed_engine_says_how_to_open_it() -> None:
    with pytest.raises(EngineClosed, match="async with Engine"):
        Engine(":memory:", [Pay]).workflow(Pay)
    with pytest.raises(EngineClosed, match="async with Engine"):
        _ = Engine(":memory:", [Pay]).store


@pytest.mark.parametrize("wrong", [int, "Pay", object()])
def test_only_workflow_classes_are_taken(wrong: Any) -> None:
    with pytest.raises(WorkflowError, match="is not a subclass of WorkflowEntrypoint"):
        Engine(":memory:", [wrong])


@pytest.mark.parametrize(
    ("params", "why"),
    [({"id": "1"}, "amount: Field required"), ({}, "id: Field required"), (7, "valid dict")],
)
async def test_params_that_do_not_fit_are_refused_in_one_line(params: Any, why: str) -> None:
    async with Engine(":memory:", [Pay]) as engine:
        with pytest.raises(InvalidParams, match=rf"params of Pay do not fit: .*{why}") as refused:
            await engine.workflow(Pay).create(id="a", params=params)
        assert "\n" not in str(refused.value)


async def test_a_second_engine_on_the_file_is_refused(tmp_path: Path) -> None:
    async with Engine(tmp_path / "a.db", [Pay]):
        with pytest.raises(StoreInUse):
            await Engine(tmp_path / "a.db", [Pay]).open()


async def test_waiters_learn_that_the_engine_was_closed(tmp_path: Path) -> None:
    engine = await Engine(":memory:", [Sleepy], clock=VirtualClock()).open()
    instance = await engine.workflow(Sleepy).create()
    waiting = asyncio.ensure_future(instance.result())
    await asyncio.sleep(0)
    await engine.close()
    with pytest.raises(EngineClosed, match="goes on when"):
        await waiting


def reviewed(field: str) -> type[WorkflowEntrypoint[Any, Any]]:
    """A workflow whose step returns a model with this field: as before a deploy, and after."""
    receipt = type("Receipt", (BaseModel,), {"__annotations__": {field: int}})

    async def run(self: Any, event: WorkflowEvent[Any], step: WorkflowStep) -> int:
        kept: BaseModel = await step.do("pay", lambda: receipt(**{field: 5}), result=receipt)
        await step.sleep("a while", "1 day")
        return int(getattr(kept, field))

    return type("Reviewed", (WorkflowEntrypoint,), {"run": run})


async def test_a_result_that_new_code_cannot_read_pauses_the_instance(tmp_path: Path) -> None:
    clock, old, new = VirtualClock(), reviewed("amount"), reviewed("total")
    async with Engine(tmp_path / "a.db", [old], clock=clock) as engine:
        await engine.workflow(old).create(id="a")
        await clock.sleep(10)
    async with Engine(tmp_path / "a.db", [new], clock=clock) as engine:
        instance = engine.workflow(new).get("a")
        async for event in instance.subscribe():
            if event.type == "workflow_paused":
                break
        assert (
            await instance.status()
        ).reason == 'what is stored for step "pay-1" cannot be read: total: Field required'
    async with Engine(tmp_path / "a.db", [old], clock=clock) as engine:
        instance = engine.workflow(old).get("a")
        await instance.resume()
        assert await instance.result() == 5


async def test_steps_that_new_code_does_not_ask_for_are_listed(tmp_path: Path) -> None:
    clock = VirtualClock()

    async def old(self: Any, event: Any, step: WorkflowStep) -> None:
        await step.do("gone", lambda: 1)
        await step.sleep("z", 10)

    async def new(self: Any, event: Any, step: WorkflowStep) -> None:
        await step.do("added", lambda: 1)
        await step.sleep("z", 10)

    before, after = (type("Flow", (WorkflowEntrypoint,), {"run": run}) for run in (old, new))
    for flow in (before, after):
        async with Engine(tmp_path / "a.db", [flow], clock=clock) as engine:
            instance = await engine.workflow(flow).create(id="a", exist_ok=True)
            await clock.sleep(1)
    async with Engine(tmp_path / "a.db", [after], clock=clock) as engine:
        instance = engine.workflow(after).get("a")
        await instance.result()
        assert (await instance.status()).unasked == ("gone-1",)


async def test_an_instance_that_failed_raises_what_it_failed_with() -> None:
    async def run(self: Any, event: Any, step: WorkflowStep) -> None:
        raise LookupError("no such order")

    flow = type("Flow", (WorkflowEntrypoint,), {"run": run})
    async with Engine(":memory:", [flow]) as engine:
        instance = await engine.workflow(flow).create(id="a")
        with pytest.raises(WorkflowFailed, match='Flow "a" is errored: LookupError: no such order'):
            await instance.result()


class Sleepy(WorkflowEntrypoint[Any, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> None:
        await step.wait_for_event("w", "never")
