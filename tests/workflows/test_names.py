"""What steps may be called, and from where."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.contract.world import Event, Step, World
from workflows import WorkflowFatalError

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["\udcff", "a\x00b", "x" * 257, "", 7])
@pytest.mark.parametrize("kind", ["do", "sleep", "wait"])
async def test_a_name_that_cannot_be_kept_is_refused_when_awaited(kind: str, name: Any) -> None:
    async def run(event: Event, step: Step) -> str:
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "do": lambda: step.do(name, lambda: 1),
            "sleep": lambda: step.sleep(name, 1),
            "wait": lambda: step.wait_for_event(name, "go"),
        }
        with pytest.raises(WorkflowFatalError, match="exceeds max length"):
            await calls[kind]()
        return "went on"

    assert (await World(":memory:").run(run)).output == "went on"


async def test_a_step_may_be_called_outside_of_a_task() -> None:
    async def run(event: Event, step: Step) -> Any:
        called: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lambda: called.set_result(step.do("s", lambda: 5)))
        return await (await called)

    assert (await World(":memory:").run_twice(run)).output == 5
