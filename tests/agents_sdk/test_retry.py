"""Trying again, and staying alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp
from agents_sdk.retry import Patience
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


class Stubborn(Agent[dict[str, Any], None]):
    async def on_stop(self) -> None:
        self.env["stopped"].set()

    async def attempt(self, fails: int, **options: Any) -> list[int]:
        tried: list[int] = []

        async def work(attempt: int) -> list[int]:
            tried.append(attempt)
            self.env["tried"] = tried
            if attempt <= fails:
                raise OSError(f"attempt {attempt}")
            return tried

        return await self.retry(work, **options)

    async def plain(self) -> int:
        return await self.retry(lambda attempt: attempt * 10)

    async def stay(self) -> None:
        self.env["kept"].enter_context(self.keep_alive())

    async def wait(self) -> str:
        return await self.keep_alive_while(self.later())

    async def later(self) -> str:
        await self.env["clock"].sleep(3_600)
        return "done"


@pytest.fixture
def env() -> dict[str, Any]:
    return {"stopped": asyncio.Event(), "kept": ExitStack(), "clock": VirtualClock(), "tried": []}


@pytest.fixture
async def app(tmp_path: Path, env: dict[str, Any]) -> AsyncIterator[AgentsApp]:
    async with AgentsApp([Stubborn], data=tmp_path, env=env, clock=env["clock"]) as app:
        yield app


async def test_what_fails_is_called_again(app: AgentsApp, env: dict[str, Any]) -> None:
    agent = await app.get_agent(Stubborn, "a")
    assert (await agent.attempt(2), await agent.attempt(0), await agent.plain()) == ([1, 2, 3], [1], 10)
    with pytest.raises(OSError, match="attempt 3"):
        await agent.attempt(3)
    with pytest.raises(OSError, match="attempt 1"):
        await agent.attempt(3, attempts=1)
    before = env["clock"].now()
    assert await agent.attempt(20, attempts=30) == list(range(1, 22))
    assert 0 < env["clock"].now() - before < 60


async def test_the_caller_may_say_that_it_is_enough(app: AgentsApp, env: dict[str, Any]) -> None:
    agent = await app.get_agent(Stubborn, "a")
    asked: list[tuple[str, int]] = []

    def should_retry(error: Exception, next_attempt: int) -> bool:
        asked.append((str(error), next_attempt))
        return next_attempt < 3

    with pytest.raises(OSError, match="attempt 2"):
        await agent.attempt(9, attempts=9, should_retry=should_retry)
    assert asked == [("attempt 1", 2), ("attempt 2", 3)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attempts": 0}, "attempts 0 is too few"),
        ({"base_delay": -1}, "base_delay -1 and max_delay 3.0 do not fit"),
        ({"base_delay": 5}, "base_delay 5 and max_delay 3.0 do not fit"),
    ],
)
async def test_options_are_looked_at_before_anything_is_tried(
    app: AgentsApp, env: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        await (await app.get_agent(Stubborn, "a")).attempt(0, **options)
    assert env["tried"] == []


@pytest.mark.parametrize(("failed", "longest"), [(1, 0.2), (2, 0.4), (5, 3.0), (10_000, 3.0)])
def test_the_whole_of_a_delay_is_random(failed: int, longest: float) -> None:
    delays = [Patience().delay(failed) for _ in range(1_000)]
    assert 0 <= min(delays) < longest / 10
    assert longest * 0.9 < max(delays) <= longest


async def test_a_kept_agent_is_not_let_go(app: AgentsApp, env: dict[str, Any]) -> None:
    await (await app.get_agent(Stubborn, "a")).stay()
    await env["clock"].sleep(3_600)
    assert not env["stopped"].is_set()
    env["kept"].close()
    await env["clock"].sleep(601)
    assert env["stopped"].is_set()


async def test_it_is_kept_while_something_runs(app: AgentsApp, env: dict[str, Any]) -> None:
    assert await (await app.get_agent(Stubborn, "a")).wait() == "done"
    assert not env["stopped"].is_set()
