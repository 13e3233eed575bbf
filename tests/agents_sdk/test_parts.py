"""When the parts of an agent begin and end."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents_sdk import Agent, AgentsApp, parts
from agents_sdk.part import Part
from agents_sdk.place import Place

pytestmark = pytest.mark.anyio


class Diary(Agent[list[str], dict[str, int]]):
    initial_state = {"n": 7}

    async def on_start(self) -> None:
        self.env.append("on_start")
        if self.name == "broken":
            raise RuntimeError("not today")

    async def on_stop(self) -> None:
        self.env.append("on_stop")


class Noted(Part):
    def __init__(self, place: Place) -> None:
        self._agent = place.agent
        self._log: list[str] = place.ground.env
        self._log.append(f"made, {place}")

    async def begin(self) -> None:
        self._log.append(f"{type(self).__name__} begins {self._agent.state}")

    async def end(self) -> None:
        self._log.append(f"{type(self).__name__} ends")


class First(Noted): ...


class Second(Noted): ...


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgentsApp:
    monkeypatch.setattr(parts, "PARTS", (*parts.PARTS, First, Second))
    return AgentsApp([Diary], data=tmp_path, env=[])


BEGUN = ['made, Diary "%s"'] * 2 + ["First begins {'n': 7}", "Second begins {'n': 7}", "on_start"]
ENDED = ["Second ends", "First ends"]


async def test_parts_begin_before_the_agent_and_end_after_it(app: AgentsApp) -> None:
    async with app:
        agent = await app.get_agent(Diary, "a")
        log = agent.env
        assert (agent.ctx.part(First), log) == (
            agent.ctx.part(First),
            [line.replace("%s", "a") for line in BEGUN],
        )
    assert log[len(BEGUN) :] == ["on_stop", *ENDED]


async def test_parts_end_when_a_start_fails(app: AgentsApp) -> None:
    async with app:
        with pytest.raises(RuntimeError, match="not today"):
            await app.get_agent(Diary, "broken")
        log = (await app.get_agent(Diary, "a")).env
    assert log[: len(BEGUN) + 2] == [line.replace("%s", "broken") for line in BEGUN] + ENDED
