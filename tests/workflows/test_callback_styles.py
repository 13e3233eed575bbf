"""How functions are called that share a decorator."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from workflows import Engine, StepContext, WorkflowEntrypoint, WorkflowEvent, WorkflowStep

pytestmark = pytest.mark.anyio


def traced(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(function)
    async def wrapper(*arguments: Any) -> Any:
        return await function(*arguments)

    return wrapper


@traced
async def attempts(ctx: StepContext) -> int:
    return ctx.attempt


@traced
async def default(x: int = 5) -> int:
    return x


class Flow(WorkflowEntrypoint[None, Any]):
    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> list[int]:
        return [await step.do("a", attempts), await step.do("b", default), await step.do("c", default, 7)]


async def test_functions_under_one_decorator_keep_their_own_style() -> None:
    async with Engine(":memory:", [Flow]) as engine:
        instance = await engine.workflow(Flow).create()
        assert await instance.result() == [1, 5, 7]
