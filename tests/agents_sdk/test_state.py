"""State: typed, kept, announced after its commit."""

from __future__ import annotations

import asyncio
import types
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

from agents_sdk import Agent, AgentsApp, InvalidState, Source, StateUnreadable

pytestmark = pytest.mark.anyio


class Board(BaseModel):
    title: str
    stars: int = 0


class BoardAgent(Agent[None, Board]):
    initial_state = Board(title="new")
    seen: list[tuple[Board, Source]]
    errors: list[str]

    async def on_start(self) -> None:
        self.seen = []
        self.errors = []

    async def on_error(self, error: Exception) -> None:
        self.errors.append(str(error))

    def validate_state_change(self, state: Board, source: Source) -> None:
        if state.stars < 0:
            raise ValueError("no negative stars")

    async def on_state_changed(self, state: Board, source: Source) -> None:
        self.seen.append((state, source))
        if state.title == "boom":
            raise RuntimeError("the hook fails")


class Counts(TypedDict):
    n: int


class CountAgent(Agent[None, Counts]):
    pass


async def test_the_state_begins_with_the_initial_one(tmp_path: Path) -> None:
    async with AgentsApp([BoardAgent], data=tmp_path) as app:
        assert (await app.get_agent(BoardAgent, "a")).state == Board(title="new")


async def test_a_change_is_kept_over_a_restart(tmp_path: Path) -> None:
    async with AgentsApp([BoardAgent], data=tmp_path) as app:
        await (await app.get_agent(BoardAgent, "a")).set_state(Board(title="kept", stars=2))
    async with AgentsApp([BoardAgent], data=tmp_path) as app:
        assert (await app.get_agent(BoardAgent, "a")).state == Board(title="kept", stars=2)
        assert (await app.get_agent(BoardAgent, "b")).state == Board(title="new")


async def test_the_state_is_a_copy(tmp_path: Path) -> None:
    async with AgentsApp([BoardAgent], data=tmp_path) as app:
        agent = await app.get_agent(BoardAgent, "a")
        agent.state.title = "changed in place"
        assert agent.state.title == "new"


async def test_a_refused_state_changes_nothing(tmp_path: Path) -> None:
    async with AgentsApp([BoardAgent], data=tmp_path) as app:
        agent = await app.get_agent(BoardAgent, "a")
        for wrong in (Board(title="x", stars=-1), {"title": "x", "stars": -1}):
            with pytest.raises(ValueError, match="no negative stars"):
                await agent.set_state(wrong)  # type: ignore[arg-type]  # as a client sends it, too
        assert (agent.state, agent.seen) == (Board(title="new"), [])
    async with AgentsApp([BoardAgent], data=tmp_path) as app:
        assert (await app.get_agent(BoardAgent, "a")).state == Board(title="new")


async def test_the_hook_is_told_after_the_change_and_may_fail(tmp_path: Path) -> None:
    async with AgentsApp([BoardAgent], data=tmp_path) as app:
        agent = await app.get_agent(BoardAgent, "a")
        await agent.set_state(Board(title="boom"))
        assert agent.seen == [(Board(title="boom"), "server")]
        assert agent.state.title == "boom"
        while not agent.errors:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
        assert agent.errors == ["the hook fails"]


async def test_the_hook_is_told_of_each_change_also_of_one_that_changes_nothing(tmp_path: Path) -> None:
    async with AgentsApp([BoardAgent], data=tmp_path) as app:
        agent = await app.get_agent(BoardAgent, "a")
        stars = [1, 2, 2]
        await asyncio.gather(*(agent.set_state(Board(title="x", stars=n)) for n in stars))
        while len(agent.seen) < 3:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)
        assert [state.stars for state, _ in agent.seen] == stars


@pytest.mark.parametrize("wrong", [{"n": "x"}, {"n": 1, "more": 2}, {}, object()])
async def test_a_state_that_does_not_fit_is_refused(tmp_path: Path, wrong: Any) -> None:
    async with AgentsApp([CountAgent], data=tmp_path) as app:
        agent = await app.get_agent(CountAgent, "a")
        with pytest.raises(InvalidState, match='state of CountAgent "a"'):
            await agent.set_state(wrong)


async def test_a_stored_state_that_today_s_type_cannot_read_is_kept(tmp_path: Path) -> None:
    async with AgentsApp([CountAgent], data=tmp_path) as app:
        await (await app.get_agent(CountAgent, "a")).set_state({"n": 7})
    changed = types.new_class("CountAgent", (Agent[None, Board],))
    async with AgentsApp([changed], data=tmp_path) as app:
        with pytest.raises(StateUnreadable, match="title"):
            await app.get_agent(changed, "a")
    async with AgentsApp([CountAgent], data=tmp_path) as app:
        assert (await app.get_agent(CountAgent, "a")).state == {"n": 7}
