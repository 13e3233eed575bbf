"""What a workflow has of its agent: its methods, its state, its clients, and its approval."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentsApp, AgentWorkflow, WorkflowRejectedError
from tests.agents_sdk.served import served
from tests.agents_sdk.workflow.desk import Approval, Desk, Event, Step, Talk, desk, opened, settled
from workflows import Engine, WorkflowFailed
from workflows.testing import VirtualClock, assert_replays

pytestmark = pytest.mark.anyio
PARK: list[Literal["always"] | None] = [None, "always"]


class Score(BaseModel):
    points: int


class Scores(Agent[None, Score]):
    async def best(self) -> Score:
        return Score(points=9)

    async def on_workflow_complete(self, workflow: str, id: str, result: Any) -> None:
        await self.set_state(Score(points=result))


class Reads(AgentWorkflow[Scores]):
    async def run(self, event: Event, step: Step) -> int:
        best = await step.do("best", self.agent.best)
        await step.sleep("z", 10)  # where it may be parked, and begins anew
        best = await step.do("best again", self.agent.best) if best.points < 9 else best
        assert isinstance(best, Score)
        return best.points


async def output(tmp_path: Path, said: list[Any], park: Literal["always"] | None = None) -> Any:
    async with opened(tmp_path, park=park) as (app, engine):
        await (await desk(app)).run_workflow("TALK", said, id="a")
        await engine.clock.sleep(1_000)
        return await engine.workflow(Talk).get("a").result()


@pytest.mark.parametrize("park", PARK)
async def test_methods_of_the_agent_are_called(tmp_path: Path, park: Any) -> None:
    said = [["call", "double", 3], ["sleep", 5], ["step", "double", 4], ["sleep", 5]]
    assert await output(tmp_path, said, park) == 8


async def test_plain_methods_are_awaited_too(tmp_path: Path) -> None:
    assert await output(tmp_path, [["call", "plain"]]) == "ann in the loop"


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("fail", "LookupError: nothing there"),
        ("_private", "AttributeError: '_private' is private: agents offer their public methods"),
        ("missing", "AttributeError: 'Desk' object has no attribute 'missing'"),
        ("name", "TypeError: Desk.name is no method: write one that returns it"),
    ],
)
async def test_what_a_method_raises_is_raised(tmp_path: Path, method: str, error: str) -> None:
    with pytest.raises(WorkflowFailed, match=error):
        await output(tmp_path, [["call", method]])


@pytest.mark.parametrize("park", PARK)
async def test_a_step_knows_what_a_method_returns(tmp_path: Path, park: Any) -> None:
    clock = VirtualClock()
    async with (
        Engine(tmp_path / "e.db", [Reads], clock=clock, park=park) as engine,
        AgentsApp([Scores], engine=engine) as app,
    ):
        scores = await app.get_agent(Scores, "a")
        await scores.run_workflow(Reads, id="x")
        await clock.sleep(20)
        assert scores.state == Score(points=9)


async def test_an_agent_that_is_asleep_is_woken(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with AgentsApp([Scores], [Reads], data=tmp_path, clock=clock, idle_after=1) as app:
        await (await app.get_agent(Scores, "a")).run_workflow(Reads, id="x")
        await clock.sleep(100)
        assert (await app.get_agent(Scores, "a")).state == Score(points=9)


@pytest.mark.parametrize("park", PARK)
async def test_the_state_is_changed_once(tmp_path: Path, park: Any) -> None:
    said = [
        ["update_agent_state", {"title": "set", "n": 1}],
        ["sleep", 10],
        ["merge_agent_state", {"n": 2}],
        ["sleep", 10],
        "reset_agent_state",
        ["merge_agent_state", {"k": 3}],
        ["sleep", 10],
    ]
    seen: list[Any] = []
    async with opened(tmp_path, park=park) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow("TALK", said, id="a")
        for _ in range(3):
            await engine.clock.sleep(1)
            seen.append(agent.state)
            await agent.set_state({**agent.state, "mine": len(seen)})
            await engine.clock.sleep(9)
        await engine.clock.sleep(50)
        assert seen == [
            {"title": "set", "n": 1},
            {"title": "set", "n": 2, "mine": 1},
            {"title": "new", "k": 3},
        ]
        assert agent.state == {"title": "new", "k": 3, "mine": 3}  # nothing is done again by a replay


async def test_a_state_that_does_not_fit_ends_it_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow("TALK", [["update_agent_state", [1]]], id="a")
        await settled(engine)
        [(kind, _, _, (name, text))] = agent.heard
        assert (kind, name) == ("error", "InvalidState")
        assert text.startswith("this cannot be the state of Desk")
        assert agent.state == {"title": "new"}


async def test_only_a_state_with_keys_is_merged(tmp_path: Path) -> None:
    class Lists(Agent[None, list[int]]):
        errors: list[str]

        async def on_workflow_error(self, workflow: str, id: str, error: Any) -> None:
            await self.set_state([*([] if self.ctx.state.encoded is None else self.state), 1])

    clock = VirtualClock()
    async with AgentsApp([Lists], [Talk], data=tmp_path, clock=clock) as app:
        agent = await app.get_agent(Lists, "a")
        await agent.set_state([])
        for n, said in enumerate((["merge_agent_state", {"a": 1}], "reset_agent_state")):
            await agent.run_workflow(Talk, [said], id=str(n))
            await clock.sleep(1)
        errors = [(await agent.workflows.get(id)).error for id in "01"]  # type: ignore[union-attr]
        assert [one.message for one in errors if one] == [
            "the state of Lists has no keys to be merged: replace it",
            "Lists has no initial_state to go back to",
        ]
        assert agent.state == [1, 1]


@pytest.mark.parametrize("park", PARK)
async def test_an_approval_lets_it_go_on(tmp_path: Path, park: Any) -> None:
    async with opened(tmp_path, park=park) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Approval, {}, id="a")
        await agent.run_workflow(Approval, {"event_type": "ok", "step_name": "s"}, id="b")
        await engine.clock.sleep(3_600)
        await agent.workflows.approve("a", reason="fine", metadata={"by": "eve"})
        await agent.workflows.approve("b", event_type="ok")
        await settled(engine)
        assert sorted(agent.heard) == [
            ("complete", "Approval", "a", {"by": "eve"}),
            ("complete", "Approval", "b", None),
        ]


@pytest.mark.parametrize(
    ("reason", "says"), [("too dear", "Workflow rejected: too dear"), (None, "Workflow rejected")]
)
async def test_a_rejection_raises(tmp_path: Path, reason: str | None, says: str) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Approval, {}, id="a")
        await agent.workflows.reject("a", reason=reason)
        await settled(engine)
        assert agent.heard == [("error", "Approval", "a", ("WorkflowRejectedError", says))]


class Asks(AgentWorkflow[Desk]):
    async def run(self, event: Event, step: Step) -> Any:
        if event.payload == "payload":
            return (await step.wait_for_event("asks", "approval")).payload
        try:
            return await self.wait_for_approval(step)
        except WorkflowRejectedError as refused:
            return [refused.reason, refused.workflow_id]


@pytest.mark.parametrize(
    ("asks", "verb", "arguments", "options", "hears"),
    [
        (
            "payload",
            "approve",
            [],
            {"reason": "fine", "metadata": {"by": "eve"}},
            {"approved": True, "reason": "fine", "metadata": {"by": "eve"}},
        ),
        ("payload", "reject", [], {"reason": "no"}, {"approved": False, "reason": "no"}),
        ("approval", "reject", [], {"reason": "too dear"}, ["too dear", "a"]),
        ("approval", "reject", [], {}, [None, "a"]),
        ("approval", "send_event", ["approval", {"approved": True, "metadata": 1}], {}, 1),
        ("approval", "send_event", ["approval", {"reason": "what?"}], {}, ["what?", "a"]),
        ("approval", "send_event", ["approval", "yes"], {}, [None, "a"]),
    ],
)
async def test_what_is_no_approval_is_a_rejection(
    tmp_path: Path, asks: str, verb: str, arguments: list[Any], options: dict[str, Any], hears: Any
) -> None:
    async with opened(tmp_path, Asks) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Asks, asks, id="a")
        await getattr(agent.workflows, verb)("a", *arguments, **options)
        await settled(engine)
        assert agent.heard == [("complete", "Asks", "a", hears)]


async def test_an_approval_that_does_not_come_in_time_raises(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Approval, {"timeout": 2}, id="a")
        await engine.clock.sleep(3)
        error = ("WorkflowTimeoutError", "Execution timed out after 2000ms")
        assert agent.heard == [("error", "Approval", "a", error)]


async def test_clients_of_the_agent_get_what_is_broadcast(tmp_path: Path) -> None:
    app = AgentsApp([Desk], [Talk], data=tmp_path)
    async with served(app) as address, connect(f"ws://{address}/agents/desk/ann") as client:
        for _ in range(3):  # identity, state, MCP servers
            await client.recv()
        agent = await app.get_agent(Desk, "ann")
        said = [["broadcast", {"half": True}], ["merge_agent_state", {"n": 1}]]
        await agent.run_workflow(Talk, said, id="a")
        assert json.loads(await client.recv()) == {"half": True}
        assert json.loads(await client.recv()) == {
            "type": "cf_agent_state",
            "state": {"title": "new", "n": 1},
        }


async def test_a_broadcast_wakes_nobody(tmp_path: Path) -> None:
    clock = VirtualClock()
    lives: list[str] = []

    class Counted(Desk):
        async def on_start(self) -> None:
            lives.append(self.name)

    async with AgentsApp([Counted], [Talk], data=tmp_path, clock=clock, idle_after=1) as app:
        said = [["sleep", 50], ["broadcast", 1], ["sleep", 50], ["report_complete", 1]]
        await (await app.get_agent(Counted, "ann")).run_workflow(Talk, said, id="a")
        await clock.sleep(75)
        assert lives == ["ann"]


async def test_steps_have_names_of_their_own_in_a_scope(tmp_path: Path) -> None:
    class Scoped(AgentWorkflow[Desk]):
        async def run(self, event: Event, step: Step) -> None:
            await asyncio.gather(*(step.scope(name).send_event(name) for name in "ab"))
            await step.send_event("c")

    async with opened(tmp_path, Scoped) as (app, engine):
        agent = await desk(app)
        await agent.run_workflow(Scoped, id="x")
        await settled(engine)
        assert sorted(what for kind, _, _, what in agent.heard if kind == "event") == ["a", "b", "c"]
        document = await engine.workflow(Scoped).get("x").export()
        assert sorted(entry["name"] for entry in document["entries"]) == [
            "__agent_send_event",
            "a/__agent_send_event",
            "b/__agent_send_event",
        ]


async def test_an_exported_history_replays_without_an_agent(tmp_path: Path) -> None:
    said = [["progress", 1], ["broadcast", 1], ["send_event", 2], ["step", "double", 4], ["sleep", 5]]
    async with opened(tmp_path) as (app, engine):
        await (await desk(app)).run_workflow("TALK", said, id="a")
        await engine.clock.sleep(10)
        document = await engine.workflow(Talk).get("a").export()
    await assert_replays(Talk, document)


async def test_an_app_that_stops_is_followed_by_the_next(tmp_path: Path) -> None:
    """A call that comes while there is no app waits, and is no failed attempt."""
    clock = VirtualClock()
    heard: list[Any] = []
    async with Engine(tmp_path / "e.db", {"TALK": Talk}, clock=clock) as engine:
        for n in range(3):
            async with AgentsApp([Desk], {"TALK": Talk}, engine=engine) as app:
                agent = await desk(app)
                if n == 0:
                    said = [["sleep", 5], ["step", "double", 1], ["sleep", 5], ["progress", 1]]
                    await agent.run_workflow("TALK", said, id="a")
                await settled(engine)
                heard = list(agent.heard)
                del agent
            await clock.sleep(100)
        assert heard == [("progress", "TALK", "a", 1), ("complete", "TALK", "a", 2)]
        document = await engine.workflow(Talk).get("a").export()
        assert [entry.get("attempts") for entry in document["entries"] if entry["kind"] == "do"] == [1]


class Guest(Agent[asyncio.Event]):
    async def visit(self) -> int:
        await self.env.wait()
        await self.get_agent(Guest, "other")  # which an app that stops refuses
        return 1


class Visit(AgentWorkflow[Guest]):
    async def run(self, event: Event, step: Step) -> int:
        return await step.do("visit", self.agent.visit)


async def test_what_an_app_that_stops_refuses_is_asked_of_the_next(tmp_path: Path) -> None:
    opens = asyncio.Event()
    async with Engine(tmp_path / "e.db", [Visit], clock=VirtualClock()) as engine:
        app = AgentsApp([Guest], engine=engine, env=opens)
        await app.start()
        await (await app.get_agent(Guest, "a")).run_workflow(Visit, id="x")
        await asyncio.sleep(0.05)  # the call is under way
        stopping = asyncio.create_task(app.stop())
        await asyncio.sleep(0)
        opens.set()
        await stopping
        instance = engine.workflow(Visit).get("x")
        assert (await instance.status()).status == "running"
        async with AgentsApp([Guest], engine=engine, env=opens):
            assert await instance.result() == 1
        [entry] = (await instance.export())["entries"]
        assert entry["attempts"] == 1
