"""How runs end, and what happens when they cannot."""

from __future__ import annotations

import asyncio
import logging
import types
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from workflows import (
    Engine,
    NotStorable,
    StoreError,
    WorkflowEntrypoint,
    WorkflowFailed,
    WorkflowStep,
)
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio

Body = Callable[[WorkflowStep], Awaitable[Any]]
Flow = type[WorkflowEntrypoint[Any, Any]]


def flow_of(body: Body, **attributes: Any) -> Flow:
    async def run(self: Any, event: Any, step: WorkflowStep) -> Any:
        return await body(step)

    return type("Flow", (WorkflowEntrypoint,), {"run": run, **attributes})


@pytest.mark.parametrize(
    ("output", "why"),
    [(object(), "returned what cannot be stored: value is a object"), ("x" * 200, "the limit is 100")],
)
async def test_an_output_that_cannot_be_kept_ends_as_errored(output: Any, why: str) -> None:
    async def body(step: WorkflowStep) -> Any:
        return output

    flow = flow_of(body)
    async with Engine(":memory:", [flow], value_limit=100) as engine:
        with pytest.raises(WorkflowFailed, match=why):
            await (await engine.workflow(flow).create()).result()


async def test_values_above_the_limit_are_refused_where_they_are_given() -> None:
    async def body(step: WorkflowStep) -> Any:
        return await step.wait_for_event("w", "go")

    flow = flow_of(body)
    async with Engine(":memory:", [flow], value_limit=100) as engine:
        with pytest.raises(NotStorable, match="params of Flow is 202 bytes"):
            await engine.workflow(flow).create(params="x" * 200)
        instance = await engine.workflow(flow).create()
        with pytest.raises(NotStorable, match='payload of event "go" is 202 bytes'):
            await instance.send_event("go", "x" * 200)


async def test_a_run_that_cancels_itself_is_errored() -> None:
    async def body(step: WorkflowStep) -> None:
        raise asyncio.CancelledError

    flow = flow_of(body)
    async with Engine(":memory:", [flow]) as engine:
        with pytest.raises(WorkflowFailed, match="CancelledError"):
            await (await engine.workflow(flow).create()).result()


async def test_a_run_that_ignores_its_cancellation_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("workflows.driver._GRACE", 0.05)
    freed = asyncio.Event()

    async def body(step: WorkflowStep) -> None:
        while not freed.is_set():
            try:
                await freed.wait()
            except asyncio.CancelledError:
                continue

    flow = flow_of(body)
    with caplog.at_level(logging.WARNING, "workflows"):
        async with Engine(":memory:", [flow]) as engine:
            instance = await engine.workflow(flow).create(id="stubborn")
            await asyncio.sleep(0)
            await instance.terminate()
    freed.set()
    assert '"stubborn" ignores its cancellation at' in caplog.text


async def test_steps_left_behind_are_cancelled_when_the_engine_closes() -> None:
    begun, cut = asyncio.Event(), asyncio.Event()

    async def forever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    async def body(step: WorkflowStep) -> str:
        task = asyncio.ensure_future(step.do("left", forever))
        await begun.wait()
        return f"{task.done()}"

    flow = flow_of(body)
    async with Engine(":memory:", [flow]) as engine:
        assert await (await engine.workflow(flow).create()).result() == "False"
        assert not cut.is_set()
    assert cut.is_set()


async def test_params_that_new_code_cannot_read_pause_the_instance(tmp_path: Path) -> None:
    async def body(step: WorkflowStep) -> None:
        await step.wait_for_event("w", "go")

    class Order(BaseModel):
        total: int

    old = flow_of(body)
    new = types.new_class(
        "Flow", (WorkflowEntrypoint[None, Order],), exec_body=lambda names: names.update(run=old.run)
    )
    async with Engine(tmp_path / "a.db", [old]) as engine:
        await engine.workflow(old).create(id="a", params={"amount": 1})
    async with Engine(tmp_path / "a.db", [new]) as engine:
        instance = engine.workflow(new).get("a")
        async for event in instance.subscribe():
            if event.type == "workflow_paused":
                break
        reason = (await instance.status()).reason
    assert reason == "its params do not fit Flow any more: total: Field required"


async def test_a_full_disk_breaks_the_run_off_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async def body(step: WorkflowStep) -> int:
        return len(await step.do("large", lambda: "x" * 500_000))

    flow, clock = flow_of(body), VirtualClock()
    async with Engine(tmp_path / "a.db", [flow], clock=clock) as engine:
        engine.store.patience = 0
        [[pages]] = await engine.store.read("PRAGMA page_count")
        await engine.store.write(lambda connection: connection.execute(f"PRAGMA max_page_count={pages + 4}"))
        instance = await engine.workflow(flow).create(id="a")
        with pytest.raises(StoreError, match="full"):
            await instance.result()
        assert (await instance.status()).status == "running"
    async with Engine(tmp_path / "a.db", [flow], clock=clock) as engine:
        assert await engine.workflow(flow).get("a").result() == 500_000


async def test_an_engine_that_cannot_open_lets_everything_go(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("this is no database, and long enough to be seen as none " * 20)
    flow = flow_of(lambda step: step.sleep("z", 1))
    with pytest.raises(StoreError):
        await Engine(tmp_path / "a.db", [flow]).open()
    (tmp_path / "a.db").unlink()
    engine = await Engine(tmp_path / "a.db", [flow]).open()
    assert await engine.open() is engine
    await engine.close()
    await engine.close()
