"""Agent classes as users write them: quoted types, left out arguments, a hook of the wrong kind."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typing_extensions import TypeVar

from agents_sdk import Agent, AgentsApp, InvalidAgent, InvalidState, Source

pytestmark = pytest.mark.anyio

E = TypeVar("E", default=None)
S = TypeVar("S", default=dict[str, Any])


class Quoted(Agent[None, "Board"]):
    async def rename(self, title: str) -> None:
        await self.set_state(Board(title=title))


class Board(BaseModel):
    title: str


class Named(Agent[E, S]):
    """A base class between Agent and what is served."""


class HalfNamed(Named[int]):
    pass


class QuotedBelow(Named[None, "Board"]):
    pass


@pytest.mark.parametrize("cls", [Quoted, QuotedBelow])
async def test_a_quoted_state_is_looked_up_in_its_module(tmp_path: Path, cls: type[Agent[Any, Any]]) -> None:
    async with AgentsApp([cls], data=tmp_path) as app:
        agent = await app.get_agent(cls, "a")
        await agent.set_state(Board(title="x"))
        assert agent.state == Board(title="x")
        with pytest.raises(InvalidState, match="title"):
            await agent.set_state({"n": 1})


async def test_a_state_that_is_left_out_is_any_json(tmp_path: Path) -> None:
    async with AgentsApp([HalfNamed], data=tmp_path) as app:
        agent = await app.get_agent(HalfNamed, "a")
        await agent.set_state({"n": [1]})
        assert agent.state == {"n": [1]}


class Misspelled(Agent[None, "Bored"]):  # type: ignore[name-defined]  # the mistake
    pass


class Awaiting(Agent[None, int]):
    async def validate_state_change(  # type: ignore[override]  # the mistake
        self, state: int, source: Source
    ) -> None: ...


class Opaque(Agent[None, object()]):  # type: ignore[misc]  # the mistake
    pass


@pytest.mark.parametrize(
    ("cls", "why"),
    [
        (Misspelled, "the State of Misspelled cannot be used: name 'Bored' is not defined"),
        (Awaiting, "Awaiting.validate_state_change is never awaited: write it with `def`"),
        (Opaque, "the State of Opaque cannot be used: .*give a dict"),
    ],
)
def test_a_class_that_cannot_work_is_refused_in_one_line(cls: type[Agent[Any, Any]], why: str) -> None:
    with pytest.raises(InvalidAgent, match=why) as refused:
        AgentsApp([cls])
    assert "\n" not in str(refused.value)


async def test_an_env_of_bindings_can_be_copied_and_names_what_it_has(tmp_path: Path) -> None:
    async with AgentsApp([HalfNamed], data=tmp_path) as app:
        env: Any = copy.copy((await app.get_agent(HalfNamed, "a")).env)
        with pytest.raises(AttributeError, match=r"NOPE.*it has none; this app was given no env of its own"):
            _ = env.NOPE
