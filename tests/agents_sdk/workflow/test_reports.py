"""What an agent hears of its workflows: ends, progress, events; and how often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agents_sdk import Agent, AgentsApp, AgentWorkflow
from tests.agents_sdk.workflow.desk import Desk, Event, Plain, Step, Talk, desk, opened, settled
from workflows import Engine, NonRetryableError
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio


async def heard(tmp_path: Path, said: list[Any], *, refusals: int = 0, after: float = 1_000) -> list[Any]:
    """What an agent has heard of a `Talk`."""
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.refuse(refusals)
        await agent.run_workflow("TALK", said, id="a")
        await engine.clock.sleep(after)
        return [(kind, *what) for kind, _, _, *what in agent.heard]


@pytest.mark.parametrize(
    ("said", "hears"),
    [
        ([["return", 7]], [("complete", 7)]),
        ([["raise", "no"]], [("error", ("ValueError", "no"))]),
        ([["report_complete", 1], ["return", 7]], [("complete", 1)]),
        ([["report_complete", 1], ["sleep", 5], ["return", 7]], [("complete", 1)]),
        ([["report_error", "no"], ["return", 7]], [("error", ("WorkflowError", "no"))]),
        ([["report_error", "no"], ["raise", "no"]], [("error", ("WorkflowError", "no"))]),
        (
            [["report_complete", 1], ["raise", "after all"]],
            [("complete", 1), ("error", ("ValueError", "after all"))],
        ),
        (
            [["progress", {"percent": 0.5}], ["send_event", {"a": 1}], ["return", 7]],
            [("progress", {"percent": 0.5}), ("event", {"a": 1}), ("complete", 7)],
        ),
    ],
)
async def test_an_agent_hears_once(tmp_path: Path, said: list[Any], hears: list[Any]) -> None:
    assert await heard(tmp_path, said) == hears


@pytest.mark.parametrize(
    ("said", "hears"),
    [
        ([["return", 7]], [("complete", 7)]),
        ([["report_complete", 1], ["return", 7]], [("complete", 1)]),
        ([["send_event", 1], ["return", 7]], [("event", 1), ("complete", 7)]),
        ([["progress", 1], ["return", 7]], [("complete", 7)]),  # a report of progress is made once
    ],
)
async def test_a_hook_that_raises_is_called_again(tmp_path: Path, said: list[Any], hears: list[Any]) -> None:
    assert await heard(tmp_path, said, refusals=1) == hears


async def test_what_a_hook_raises_is_told_to_on_error(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.refuse(2)
        await agent.run_workflow("TALK", [["progress", 1], ["return", 7]], id="a")
        await engine.clock.sleep(100)
        assert (agent.errors, agent.heard) == (["not now"] * 2, [("complete", "TALK", "a", 7)])


async def test_a_termination_is_not_told(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow("TALK", [["sleep", 5]], id="a")
        await settled(engine)
        await agent.workflows.terminate("a")
        await engine.clock.sleep(100)
        assert agent.heard == []
        assert await engine.deliveries.list() == []


async def test_each_end_is_told(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow("TALK", [["report_complete", 1], ["return", 7]], id="a")
        await settled(engine)
        await agent.workflows.restart("a")
        await settled(engine)
        await engine.workflow(Talk).get("a").restart()  # also from outside
        await settled(engine)
        await agent.run_workflow("TALK", [["return", 8]], id="b")
        await settled(engine)
        await engine.workflow(Talk).get("b").restart()
        await settled(engine)
        assert [(id, what) for _, _, id, what in agent.heard] == [("a", 1)] * 3 + [("b", 8)] * 2


@pytest.mark.parametrize("reset_tracking", [True, False])
async def test_what_the_run_before_a_restart_has_reported_does_not_count(
    tmp_path: Path, reset_tracking: bool
) -> None:
    runs: list[int] = []

    class Hasty(AgentWorkflow[Desk, Any]):
        async def run(self, event: Event, step: Step) -> int:
            runs.append(len(runs))
            if len(runs) == 1:
                await step.report_complete("too early")
                await step.sleep("z", 100)
            return 7

    async with opened(tmp_path, Hasty) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Hasty, id="a")
        await settled(engine)
        await agent.workflows.restart("a", reset_tracking=reset_tracking)
        await settled(engine)
        assert [what for *_, what in agent.heard] == ["too early", 7]


async def test_the_name_is_the_one_that_it_was_started_by(tmp_path: Path) -> None:
    class Named(AgentWorkflow[Desk, Any]):
        async def run(self, event: Event, step: Step) -> str:
            return self.workflow_name

    async with opened(tmp_path, Named) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Named, id="a")
        await settled(engine)
        await agent.run_workflow("TALK", [["return", 1]], id="b")
        await settled(engine)
        assert agent.heard == [("complete", "Named", "a", "Named"), ("complete", "TALK", "b", 1)]


async def test_hooks_of_ones_own_are_called_too(tmp_path: Path) -> None:
    called: list[str] = []

    class Mine:
        name = "mine"

        async def deliver(self, finished: Any) -> None:
            called.append(finished.id)

    class Hooked(Talk):
        on_complete = [Mine()]

    class Further(Hooked): ...

    async with opened(tmp_path, Hooked, Further) as (app, engine):
        agent = await desk(app)
        for flow in (Hooked, Further):
            await agent.run_workflow(flow, [["return", 1]], id=flow.__name__)
            await settled(engine)
        assert [id for _, _, id, _ in agent.heard] == called == ["Hooked", "Further"]


async def test_a_workflow_without_an_agent_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, engine):
        for id, said in (
            ("a", [["progress", 1]]),
            ("b", [["report_complete", 1]]),
            ("c", [["call", "double", 1]]),
            ("d", [["broadcast", 1]]),
        ):
            instance = await engine.workflow(Talk).create(id=id, params=said)
            await settled(engine)
            error = (await instance.status()).error
            assert error is not None
            assert (error.name, error.message) == (
                "NoAgent",
                f'no agent has started "{id}": start it by run_workflow of an agent',
            )
        alone = await engine.workflow(Talk).create(params=[["return", 1]])
        assert await alone.result() == 1
        await settled(engine)
        assert await engine.deliveries.list() == []


async def test_a_plain_workflow_is_tracked_and_tells_nobody(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Plain, 1, id="a")
        await engine.clock.sleep(20)
        found = await agent.workflows.get("a")
        assert found is not None
        assert (found.status, agent.heard) == ("complete", [])


async def test_an_end_waits_for_the_app(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with Engine(tmp_path / "e.db", {"TALK": Talk}, clock=clock) as engine:
        async with AgentsApp([Desk], {"TALK": Talk}, engine=engine) as app:
            agent = await desk(app)
            await agent.run_workflow("TALK", [["sleep", 5], ["step", "double", 4]], id="a")
            await agent.run_workflow("TALK", [["sleep", 5], ["return", 3]], id="b")
            await settled(engine)
            del agent
        await clock.sleep(50)
        assert (await engine.workflow(Talk).get("a").status()).status == "running"
        assert (await engine.workflow(Talk).get("b").status()).status == "complete"
        async with AgentsApp([Desk], {"TALK": Talk}, engine=engine) as app:
            await clock.sleep(100)
            assert sorted((await desk(app)).heard) == [
                ("complete", "TALK", "a", 8),
                ("complete", "TALK", "b", 3),
            ]


async def test_a_run_begins_with_its_app(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with opened(tmp_path, clock=clock) as (app, engine):
        await (await desk(app)).run_workflow("TALK", [["sleep", 50], ["call", "double", 4]], id="a")
        await settled(engine)
    async with Engine(tmp_path / "e.db", {"TALK": Talk}, clock=clock) as engine:
        await clock.sleep(100)
        assert (await engine.workflow(Talk).get("a").status()).status == "running"
    async with opened(tmp_path, clock=clock) as (app, engine):
        await clock.sleep(1)
        assert (await desk(app)).heard == [("complete", "TALK", "a", 8)]


async def test_nobody_is_told_when_the_agent_was_destroyed(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow("TALK", [["sleep", 5], ["return", 1]], id="a")
        await agent.run_workflow("TALK", [["sleep", 50], ["call", "double", 4]], id="b")
        await agent.run_workflow("TALK", [["sleep", 50], ["progress", 1]], id="c")
        await settled(engine)
        await agent.destroy()
        del agent
        await engine.clock.sleep(100)
        assert (await desk(app)).heard == []
        assert (await engine.workflow(Talk).get("a").status()).status == "complete"
        for id in "bc":
            error = (await engine.workflow(Talk).get(id).status()).error
            assert error is not None
            assert error.message == "the agent that has started this workflow was destroyed"
        assert await engine.deliveries.list() == []


async def test_an_agent_that_cannot_start_is_tried_again(tmp_path: Path) -> None:
    class Late(Agent[list[str]]):
        async def on_start(self) -> None:
            self.env.append("start")
            if len(self.env) == 2:
                raise RuntimeError("not yet")

        async def on_workflow_complete(self, workflow: str, id: str, result: Any) -> None:
            self.env.append(id)

        async def on_error(self, error: Exception) -> None: ...

    class Fatal(AgentWorkflow[Late]):
        async def run(self, event: Event, step: Step) -> None:
            await step.sleep("z", 700)

    notes: list[str] = []
    clock = VirtualClock()
    async with AgentsApp([Late], [Fatal], data=tmp_path, env=notes, clock=clock, idle_after=60) as app:
        await (await app.get_agent(Late, "a")).run_workflow(Fatal, id="x")
        await clock.sleep(1_000)
    assert notes == ["start", "start", "start", "x"]


async def test_an_error_that_need_not_be_tried_again_ends_it(tmp_path: Path) -> None:
    class Stern(Desk):
        async def on_workflow_event(self, workflow: str, id: str, event: Any) -> None:
            raise NonRetryableError("never")

    clock = VirtualClock()
    async with AgentsApp([Stern], [Talk], data=tmp_path, clock=clock) as app:
        agent = await app.get_agent(Stern, "a")
        await agent.run_workflow(Talk, [["send_event", 1]], id="x")
        await clock.sleep(1)
        assert [what for *_, what in agent.heard] == [("NonRetryableError", "never")]


async def test_a_sub_agent_has_workflows_of_its_own(tmp_path: Path) -> None:
    class Below(Desk): ...

    class Above(Desk):
        async def child(self) -> Below:
            return await self.sub_agent(Below, self.name)

    clock = VirtualClock()
    async with AgentsApp(
        [Above], [Talk], sub_agents=[Below], data=tmp_path, clock=clock, idle_after=20
    ) as app:
        above = await app.get_agent(Above, "ann")
        child = await above.child()
        await child.run_workflow(Talk, [["sleep", 50], ["merge_agent_state", {"n": 1}]], id="a")
        assert (await above.workflows.list()).total == 0
        del above, child
        await clock.sleep(60)
        above = await app.get_agent(Above, "ann")
        child = await above.child()
        assert (above.state, child.state) == ({"title": "new"}, {"title": "new", "n": 1})
        assert child.heard == [("complete", "Talk", "a", None)]
