"""Which methods a schedule reaches, however they were decorated."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


def traced(method: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @functools.wraps(method)
    async def call(*arguments: Any) -> None:
        await method(*arguments)

    return call


def unnamed(method: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def call(*arguments: Any) -> None:
        await method(*arguments)

    return call


class Notes(Agent[None, list[Any]]):
    initial_state: list[Any] = []

    async def note(self, payload: Any) -> None:
        await self.set_state([*self.state, payload])

    @traced
    async def wrapped(self, payload: Any) -> None:
        await self.note(payload)

    @unnamed
    async def anything(self, payload: Any, schedule: Any) -> None:
        await self.note([payload, schedule.callback])

    async def all_of_it(self, *given: Any) -> None:
        await self.note(len(given))

    async def plan(self) -> None:
        await self.schedule(1, self.wrapped, "from inside")


async def test_decorated_methods_are_called_with_what_they_take(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with AgentsApp([Notes], data=tmp_path, clock=clock) as app:
        notes = await app.get_agent(Notes, "a")
        await notes.plan()
        await notes.schedule(2, notes.wrapped, "from outside")
        await notes.schedule(3, "anything", 7)
        await notes.schedule(4, "all_of_it", 7)
        await clock.sleep(10)
        assert notes.state == ["from inside", "from outside", [7, "anything"], 2]
