"""`AgentMethod`: an agent hears of the end of a workflow's instance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentMethod, AgentsApp, InvalidAgent, UnknownMethod
from workflows import Engine, Finished, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio
DAY = 86_400.0


class Desk(Agent[None, list[Any]]):
    initial_state: list[Any] = []

    async def hear(self, finished: Finished) -> None:
        await self.set_state([*self.state, [finished.id, finished.output, finished.attempt]])

    async def count(self) -> None:
        await self.set_state([*self.state, "one more"])

    async def hear_the_second_time(self, finished: Finished) -> None:
        if finished.attempt == 1:
            raise ValueError("not yet")
        await self.hear(finished)

    async def on_error(self, error: Exception) -> None:
        await self.set_state([*self.state, str(error)])


class Report(WorkflowEntrypoint[None, Any]):
    on_complete = [AgentMethod(Desk, lambda finished: finished.output, "hear")]
    on_failure = [AgentMethod("Desk", "failures", "count")]

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        await step.sleep("z", 10)
        if event.payload == "fail":
            raise ValueError("no luck")
        return event.payload


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


async def test_an_agent_hears_of_an_end_and_is_woken_for_it(tmp_path: Path, clock: VirtualClock) -> None:
    async with (
        Engine(tmp_path / "e.db", [Report], clock=clock) as engine,
        AgentsApp([Desk], engine=engine) as app,
    ):
        for id, payload in (("i", "ann"), ("j", "bob"), ("k", "fail")):
            await engine.workflow(Report).create(id=id, params=payload)
        await clock.sleep(11)
        desks = [(await app.get_agent(Desk, name)).state for name in ("ann", "bob", "failures")]
    assert desks == [[["i", "ann", 1]], [["j", "bob", 1]], ["one more"]]


async def test_it_waits_for_the_app_and_loses_no_attempt(tmp_path: Path, clock: VirtualClock) -> None:
    async with Engine(tmp_path / "e.db", [Report], clock=clock) as engine:
        await engine.workflow(Report).create(id="i", params="ann")
        await clock.sleep(DAY)
        [waiting] = await engine.deliveries.list()
        assert (waiting.state, waiting.attempts, waiting.hook) == ("pending", 0, "Desk.hear")
        async with AgentsApp([Desk], engine=engine) as app:
            await clock.sleep(1)
            assert (await app.get_agent(Desk, "ann")).state == [["i", "ann", 1]]
        await engine.workflow(Report).create(id="j", params="ann")
        await clock.sleep(DAY)
        async with AgentsApp([Desk], engine=engine) as app:
            await clock.sleep(1)
            assert (await app.get_agent(Desk, "ann")).state == [["i", "ann", 1], ["j", "ann", 1]]


async def test_an_error_of_the_method_is_reported_and_followed_by_another_attempt(
    tmp_path: Path, clock: VirtualClock
) -> None:
    class Again(Report):
        on_complete = [AgentMethod(Desk, "ann", "hear_the_second_time")]

    async with (
        Engine(tmp_path / "e.db", [Again], clock=clock) as engine,
        AgentsApp([Desk], engine=engine) as app,
    ):
        await engine.workflow(Again).create(id="i", params=1)
        await clock.sleep(20)
        assert (await app.get_agent(Desk, "ann")).state == ["not yet", ["i", 1, 2]]


@pytest.mark.parametrize(
    ("hook", "says"),
    [
        (
            AgentMethod("Nobody", "x", "hear"),
            'UnknownAgent: Nobody.hear of "x" is to be called, and this app',
        ),
        (AgentMethod("Desk", "x", "nothing"), 'UnknownMethod: Desk has no method "nothing"'),
        (AgentMethod(Desk, lambda finished: 7, "hear"), "TypeError: the name of an agent is a str, not 7"),  # type: ignore[arg-type,return-value]
    ],
)
async def test_what_cannot_be_called_says_why(
    tmp_path: Path, clock: VirtualClock, hook: AgentMethod, says: str
) -> None:
    class Wrong(Report):
        on_complete = [hook]

    async with Engine(tmp_path / "e.db", [Wrong], clock=clock) as engine, AgentsApp([Desk], engine=engine):
        await engine.workflow(Wrong).create(id="i", params=1)
        await clock.sleep(11)
        [delivery] = await engine.deliveries.list()
    assert (delivery.last_error or "").startswith(says)


def test_what_is_no_agent_and_no_method_is_refused_at_once() -> None:
    with pytest.raises(InvalidAgent, match="is not a subclass of Agent"):
        AgentMethod(Report, "x", "hear")  # type: ignore[arg-type]  # the point
    with pytest.raises(UnknownMethod, match='Desk has no method "nothing"'):
        AgentMethod(Desk, "x", "nothing")
