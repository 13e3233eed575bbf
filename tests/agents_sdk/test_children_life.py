"""What happens to sub-agents by the clock, at starts, and by workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from agents_sdk import Agent, AgentMethod, AgentsApp, NotRunning, PathStep
from agents_sdk.address import Address
from tests.agents_sdk.served import served
from tests.agents_sdk.wire import Client
from workflows import Engine, Finished, WorkflowEntrypoint, WorkflowEvent, WorkflowStep
from workflows.testing import VirtualClock

pytestmark = pytest.mark.anyio
DAY = 86_400.0


class Boss(Agent[list[str], None]):
    async def on_start(self) -> None:
        self.env.append(f"{self.name} starts")
        match self.name:
            case "eager":
                await self.sub_agent(Worker, "w")
            case "itself":
                await self.get_agent(Boss, "itself")
            case "later":
                self.spawn(self.ask_itself())
                for _ in range(3):
                    await asyncio.sleep(0)  # so that it has to wait

    async def on_stop(self) -> None:
        self.env.append(f"{self.name} stops")

    async def ask_itself(self) -> None:
        await self.get_agent(Boss, self.name)
        self.env.append("it asked itself")


class Worker(Agent[list[str], list[Any]]):
    initial_state: list[Any] = []

    async def on_start(self) -> None:
        self.env.append(f"{self.name} starts")
        if self.name == "w":
            await self.parent_agent(Boss)

    async def on_stop(self) -> None:
        self.env.append(f"{self.name} stops")

    async def remind(self, seconds: float) -> None:
        await self.schedule(seconds, "note", self.name)

    async def note(self, payload: Any) -> None:
        await self.set_state([*self.state, payload])
        self.env.append(f"{self.name} notes {payload}")

    async def stick_once(self, payload: str) -> None:
        self.env.append(f"{self.name} begins {payload}")
        if len(self.state) == 0:
            await self.note("stuck")
            await asyncio.Event().wait()

    async def hear(self, finished: Finished) -> None:
        await self.note(finished.id)

    async def begin(self, id: str) -> None:
        path = [[one.class_name, one.name] for one in self.self_path]
        await self.workflow(Report).create(id=id, params=path)


class Report(WorkflowEntrypoint[Any, Any]):
    on_complete = [AgentMethod(Worker, lambda finished: finished.output, "hear")]

    async def run(self, event: WorkflowEvent[Any], step: WorkflowStep) -> Any:
        await step.sleep("z", DAY)
        return event.payload


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def app(tmp_path: Path, clock: VirtualClock, log: list[str]) -> Callable[[], AgentsApp]:
    return lambda: AgentsApp([Boss], [Report], sub_agents=[Worker], data=tmp_path, clock=clock, env=log)


async def worker(agents: AgentsApp, name: str = "a", boss: str = "b") -> Worker:
    return await (await agents.get_agent(Boss, boss)).sub_agent(Worker, name)


async def test_schedules_come_in_the_sub_agent_while_its_parent_rests(
    app: Callable[[], AgentsApp], clock: VirtualClock, log: list[str]
) -> None:
    async with app() as agents:
        await (await worker(agents)).remind(DAY)
        await (await worker(agents, boss="other")).remind(2 * DAY)
    log.clear()
    async with app() as agents:
        await clock.sleep(1.5 * DAY)
        assert log == ["a starts", "a notes a", "a stops"]
        assert (await worker(agents)).state == ["a"]
        assert (await worker(agents, boss="other")).state == []


async def test_each_goes_when_it_is_idle_and_comes_back_with_its_state(
    app: Callable[[], AgentsApp], clock: VirtualClock, log: list[str]
) -> None:
    async with app() as agents:
        held = await worker(agents)
        await held.note("x")
        await clock.sleep(601)
        assert log == ["b starts", "a starts", "a notes x", "b stops"]
        del held
        await clock.sleep(601)
        assert log[-1] == "a stops"
        assert (await worker(agents)).state == ["x"]


async def test_a_schedule_of_a_deleted_one_does_not_come(
    app: Callable[[], AgentsApp], clock: VirtualClock, log: list[str]
) -> None:
    async with app() as agents:
        await (await worker(agents)).remind(60)
        assert await (await agents.get_agent(Boss, "b")).children.delete(Worker, "a")
        fresh = await worker(agents)
        await clock.sleep(DAY)
        assert (fresh.state, "a notes a" in log) == ([], False)


@pytest.mark.parametrize("how", ["queue", "schedule"])
async def test_what_an_abort_cuts_off_is_called_again(
    app: Callable[[], AgentsApp], clock: VirtualClock, log: list[str], how: str
) -> None:
    async with app() as agents:
        stuck = await worker(agents)
        await (stuck.queue("stick_once", "x") if how == "queue" else stuck.schedule(1, "stick_once", "x"))
        while "a notes stuck" not in log:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0.001)
        del stuck
        assert await (await agents.get_agent(Boss, "b")).children.abort(Worker, "a", "stuck")
        await clock.sleep(60)
        assert log == ["b starts", "a starts", "a begins x", "a notes stuck", "a starts", "a begins x"]


async def test_a_workflow_tells_the_sub_agent_that_began_it(
    app: Callable[[], AgentsApp], clock: VirtualClock
) -> None:
    async with app() as agents:
        await (await worker(agents)).begin("report")
    async with app() as agents:
        await clock.sleep(DAY + 60)
        assert (await worker(agents)).state == ["report"]


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("a", 'UnknownAgent: Worker "a" is no agent of its own: give the path'),
        ([["Boss", "nobody"], ["Worker", "a"]], 'and there is no Boss "nobody"'),
        ([["Boss", "b"]], "TypeError: the path .* leads to a Boss, and Worker.hear calls a Worker"),
        ([["Boss", "b"], "Worker"], "TypeError: a step of a path is a class and a name, not 'Worker'"),
        ([], r"TypeError: the name of an agent is a str, not \[\]"),
    ],
)
async def test_a_hook_that_leads_nowhere_says_why(
    tmp_path: Path, clock: VirtualClock, where: Any, says: str
) -> None:
    class Lost(Report):
        on_complete = [AgentMethod(Worker, lambda _finished: where, "hear")]

    async with (
        Engine(tmp_path / "e.db", [Lost], clock=clock) as engine,
        AgentsApp([Boss], sub_agents=[Worker], engine=engine, env=[]),
    ):
        await engine.workflow(Lost).create(id="i", params=[])
        await clock.sleep(DAY + 1)
        [delivery] = await engine.deliveries.list()
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(delivery.last_error)


async def test_a_path_may_be_fixed(tmp_path: Path, clock: VirtualClock) -> None:
    path = (PathStep("Boss", "b"), PathStep("Worker", "a"))

    class Fixed(Report):
        on_complete = [AgentMethod("Worker", path, "hear")]

    async with (
        Engine(tmp_path / "e.db", [Fixed], clock=clock) as engine,
        AgentsApp([Boss], sub_agents=[Worker], engine=engine, env=[]) as agents,
    ):
        await agents.get_agent(Boss, "b")
        await engine.workflow(Fixed).create(id="i", params=[])
        await clock.sleep(DAY + 1)
        assert (await worker(agents)).state == ["i"]


async def test_starts_that_wait_for_each_other_are_refused(app: Callable[[], AgentsApp]) -> None:
    async with app() as agents:
        for boss in ("eager", "itself"):
            with pytest.raises(NotRunning, match="would wait for itself"):
                await asyncio.wait_for(agents.get_agent(Boss, boss), 5)
        fine = await worker(agents, "w")
        assert fine.parent_path == (PathStep("Boss", "b"),)


async def test_a_task_of_a_start_may_wait_for_it(app: Callable[[], AgentsApp], log: list[str]) -> None:
    async with app() as agents:
        await agents.get_agent(Boss, "later")
        while "it asked itself" not in log:  # noqa: ASYNC110  # there is no event for it
            await asyncio.sleep(0)


async def test_a_client_of_a_sub_agent_keeps_it_and_not_its_parent(
    app: Callable[[], AgentsApp], clock: VirtualClock, log: list[str]
) -> None:
    async with served(app()) as address, connect(f"ws://{address}/agents/boss/b/sub/worker/a") as socket:
        await Client(socket).next(3)
        await clock.sleep(601)
        assert log == ["b starts", "a starts", "b stops"]


def test_addresses_are_told_apart_by_their_parents() -> None:
    one, other = (
        Address.top("Boss", "b").child(1, "Worker", "a"),
        Address.top("Boss", "b").child(5, "Worker", "a"),
    )
    assert one != other
    assert (str(one), one.name, one.class_name) == ('Worker "a" of Boss "b"', "a", "Worker")
    assert str(Address.top("Boss", 'b\n"')) == 'Boss "b\\n""'
    assert one.is_within(Address.top("Boss", "b"))
    assert not Address.top("Boss", "b").is_within(one)
