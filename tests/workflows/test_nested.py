"""A step within a step, where the process ends at once: the inner one is found again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from workflows import Engine, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

pytestmark = pytest.mark.anyio


class Nested(WorkflowEntrypoint[Any, None]):
    """Two steps within one, the second one in a task of its own."""

    async def run(self, event: WorkflowEvent[None], step: WorkflowStep) -> str:
        async def outer() -> str:
            await step.do("first", self.env.done, "first")
            await asyncio.create_task(step.do("second", self.env.done, "second"))
            await self.env.between()
            return "done"

        return await step.do("outer", outer)


class Env:
    """Keeps what was done, and holds the first process still."""

    def __init__(self) -> None:
        self.list: list[str] = []
        self.reached = asyncio.Event()
        self.go = asyncio.Event()

    async def done(self, what: str) -> None:
        self.list.append(what)

    async def between(self) -> None:
        self.reached.set()
        await self.go.wait()


async def test_what_was_recorded_within_a_step_that_was_not_is_not_done_again(tmp_path: Path) -> None:
    env = Env()
    async with Engine(tmp_path / "1.db", [Nested], env=env) as engine:
        await engine.workflow(Nested).create(id="1", params=None)
        await env.reached.wait()
    env.go.set()
    async with Engine(tmp_path / "1.db", [Nested], env=env) as engine:
        instance = engine.workflow(Nested).get("1")
        assert await instance.result() == "done"
        told = [event.step_name async for event in instance.subscribe() if event.type == "step_started"]
    assert env.list == ["first", "second"]
    assert told == ["outer-1", "first-1", "second-1"]
